"""How a claim of the study is put and judged.

A claim takes a few figures out of the study's tables and judges them by a rule: it "holds", it
"fails", or it holds "only" under a condition that is put in words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from common import number
from study_words import SAID, say

Tables = dict[str, dict[str, dict[str, Any]]]
Values = dict[str, Any]
Pair = tuple[str, str]
"""A text in English and in Chinese."""
LANGUAGES = ("en", "zh")


@dataclass(frozen=True)
class Claim:
    """What is said, which figures are shown for it, and when it holds."""

    said: Pair
    shown: Pair
    values: Callable[[Tables], Values]
    judge: Callable[[Values], str]
    only: Pair = ("", "")

    def numbers(self, tables: Tables, language: str) -> str:
        """The figures in words."""
        given = self.values(tables)
        words = {k: say(v, language) if isinstance(v, str) else digits(v) for k, v in given.items()}
        return of(self.shown, language).format(**words)

    def holds(self, tables: Tables) -> str:
        """One of holds, fails, only."""
        return self.judge(self.values(tables))


def of(pair: Pair, language: str) -> str:
    """The text in a language."""
    return pair[LANGUAGES.index(language)]


def digits(value: Any) -> str:
    """A figure without an exponent, which `number` gives to those next to zero."""
    return f"{value:.4f}" if isinstance(value, float) and abs(value) < 0.001 else number(value)


def verdict(claim: Claim, judged: Sequence[str], language: str) -> str:
    """The verdicts on both data sets as one cell."""
    words = SAID[language]
    names = ("MNIST", "Fashion-MNIST")
    partly = words["only"] + words["gap"] + of(claim.only, language)
    each = [partly if j == "only" else words[j] for j in judged]
    if len(set(each)) == 1:
        return each[0]
    return words["between"].join(
        f"{n}{words['colon']}{e}" for n, e in zip(names, each, strict=True)
    )


def pick(table: str, column: str, **rows: str) -> Callable[[Tables], Values]:
    """One column of some rows, by names of one's own."""
    return lambda tables: {name: tables[table][row][column] for name, row in rows.items()}


def both(*parts: Callable[[Tables], Values]) -> Callable[[Tables], Values]:
    """Several picks together."""
    return lambda tables: {k: v for part in parts for k, v in part(tables).items()}


def when(rule: Callable[[Values], bool]) -> Callable[[Values], str]:
    """A judge who knows no conditions."""
    return lambda v: "holds" if rule(v) else "fails"


def unless(
    rule: Callable[[Values], bool], only: Callable[[Values], bool]
) -> Callable[[Values], str]:
    """A judge by two rules: where the first does not hold, the second may hold in part."""
    return lambda v: "holds" if rule(v) else "only" if only(v) else "fails"
