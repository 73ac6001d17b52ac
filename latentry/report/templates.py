"""Pages from their templates, all in one style."""

from __future__ import annotations

from importlib.resources import files
from typing import Any


def fill(name: str, **given: Any) -> str:
    """The page that a template of this package makes of what it is given."""
    from jinja2 import Environment, StrictUndefined

    from .. import __version__

    here = files("latentry.report")
    env = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return env.from_string(here.joinpath(name).read_text("utf-8")).render(
        style=here.joinpath("style.css").read_text("utf-8"), version=__version__, **given
    )
