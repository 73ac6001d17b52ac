"""A picture as a piece of HTML: vector graphics whose colours and font follow the page's theme."""

from __future__ import annotations

import html
import io
import re
from typing import TYPE_CHECKING

from .picture import INK, MUTED, PAPER, RULE

if TYPE_CHECKING:
    from .picture import Picture

THEME = {INK: "var(--ink)", MUTED: "var(--muted)", RULE: "var(--rule)", PAPER: "var(--card)"}


def inline(picture: Picture) -> str:
    """The picture as an <svg> element that stands on its own: no links, no scripts, no fonts.

    Text stays text, in the font of the page around it; images keep their pixels.
    """
    from matplotlib import rc_context

    out = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": picture.name}):
        picture.savefig(out, format="svg", transparent=True, metadata={"Date": None})
    text = out.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r"<style .*?</style>", "", text, flags=re.DOTALL)
    # Groups are named figure_1, axes_1, ... in every picture; one page must not repeat an id.
    text = re.sub(r'<g id="[^"]*"', "<g", text)
    text = re.sub(r'\b(id="|href="#|url\(#)', rf"\g<1>{picture.name}-", text)
    for colour, name in THEME.items():
        text = text.replace(colour, name)
    text = re.sub(r"font-family: [^;\"]*", "font-family: var(--font)", text)
    box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', text)
    assert box is not None  # matplotlib always writes one
    head = (
        f'<svg viewBox="0 0 {box[1]} {box[2]}" role="img" xmlns:xlink="http://www.w3.org/1999/xlink"'
        f' aria-label="{html.escape(picture.heading)}" preserveAspectRatio="xMidYMid meet">'
    )
    return head + text[text.index(">") + 1 :]
