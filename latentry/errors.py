"""What latentry raises when the mistake is in what it was given."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class LatentryError(ValueError):
    """Bad input: one sentence that names the input, the cause and the fix."""


class Interrupted(Exception):
    """Training was stopped by Ctrl-C after it saved itself; the message says how to go on."""


def suggest(name: str, known: Iterable[str]) -> str:
    """The end of an error message about an unknown name.

    >>> suggest("beta-va", ["vae", "beta-vae"])
    " Did you mean 'beta-vae'?"
    >>> suggest("zzz", ["vae", "beta-vae"])
    ''
    """
    by_lower = {each.lower(): each for each in known}
    close = difflib.get_close_matches(name.lower(), list(by_lower), n=1, cutoff=0.6)
    return f" Did you mean {by_lower[close[0]]!r}?" if close else ""
