"""Densities of codes fitted after training: how they are fitted, chosen, drawn from and kept.

`latentry.core.samplers` says what they are, `members` has them by name.
"""

from .chosen import Score, begin, describe, draw, fit, restore, told
from .members import FLAT, MEMBERS, Member, Space, suitable

__all__ = [
    "FLAT",
    "MEMBERS",
    "Member",
    "Score",
    "Space",
    "begin",
    "describe",
    "draw",
    "fit",
    "restore",
    "suitable",
    "told",
]
