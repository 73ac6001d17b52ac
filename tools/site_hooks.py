"""What the site needs beyond mkdocs: formulas without a script, and pages of the examples' code.

Formulas are written as on GitHub, `$...$` in a line and blocks of ```math, and become MathML, which
browsers show by themselves. A link to a script of the examples leads to a page that shows it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from markdown import Extension, Markdown
from markdown.inlinepatterns import InlineProcessor
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

EXAMPLES = "examples"
FORMULA = r"(?<![\\$])\$(?![\s$])([^$]+?)(?<![\s\\])\$(?!\d)"
"""A formula in a line, perhaps over its end."""
BEFORE_ESCAPES = 185
"""A priority after that of code, 190, and before that of backslashes, 180."""


NAMES = r"\\(?:log|exp|det|max|min|tanh|sin|cos)(?![a-zA-Z])"
BEFORE, AFTER = rf"(?:(?<=\}})|(?<=_\w))\s*({NAMES})", rf"({NAMES})(?![_(])\s*"
"""Where TeX sets a thin space beside the name of a function, and the converter does not."""
CODE = re.compile(r"(?<!<pre>)<code>([^<\n]+)</code>")
"""Code in a line."""
LONGEST = 32
"""Letters of the longest word that is kept in one piece."""


def mathml(formula: str, display: str = "inline") -> str:
    """A formula in LaTeX as MathML, with wide blocks scrolling in a box of their own."""
    spaced = re.sub(AFTER, r"\1\\, ", re.sub(BEFORE, r"\\, \1", " ".join(formula.split())))
    found = convert(spaced, display=display)
    return f'<div class="formula">{found}</div>' if display == "block" else found


def block(source: str, *_: Any, **__: Any) -> str:
    """A fenced block of ```math, as superfences asks for it."""
    return mathml(source, "block")


class Inline(InlineProcessor):
    """A formula between two dollars."""

    def handleMatch(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, m: re.Match[str], data: str
    ) -> tuple[str, int, int]:
        return self.md.htmlStash.store(mathml(m[1])), m.start(0), m.end(0)


class Formulas(Extension):
    """Formulas in a line."""

    def extendMarkdown(self, md: Markdown) -> None:
        md.inlinePatterns.register(Inline(FORMULA, md), "formula", BEFORE_ESCAPES)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Have formulas read in every page."""
    fence = {"name": "math", "class": "math", "format": block}
    config.markdown_extensions.append(Formulas())  # pyright: ignore[reportArgumentType]
    config.mdx_configs.setdefault("pymdownx.superfences", {})["custom_fences"] = [fence]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """A page for each script of the examples, which search leaves out."""
    for script in sorted((Path(config.config_file_path).parent / EXAMPLES).glob("*.py")):
        code = script.read_text("utf-8")
        text = f"---\nsearch: {{exclude: true}}\n---\n# {script.name}\n\n```python\n{code}```\n"
        files.append(File.generated(config, f"{EXAMPLES}/{script.stem}.md", content=text))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Lead links to scripts, which lie outside of docs/, to their pages."""
    up = "../" * page.file.src_uri.count("/")
    return re.sub(rf"\]\((?:\.\./)+{EXAMPLES}/(\w+)\.py\)", rf"]({up}{EXAMPLES}/\1.md)", markdown)


def on_page_content(html: str, **_: Any) -> str:
    """Keep words of code, such as options, in one piece."""

    def kept(code: re.Match[str]) -> str:
        words = (
            f'<span class="word">{word}</span>' if len(word) <= LONGEST else word
            for word in code[1].split(" ")
        )  # fmt: skip
        return f"<code>{' '.join(words)}</code>"

    return CODE.sub(kept, html)
