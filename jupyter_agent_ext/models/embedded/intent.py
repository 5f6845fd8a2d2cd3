"""A kind of question: its pattern, its rule, and what becomes of words too many (floor 1)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from . import computing
from .leftover import vocabulary
from .situation import Situation
from .steps import Plan, Words

_MORE_MEASURES = frozenset({"top", "bottom", "most", "least", "cheapest", "dearest"})
Rule = Callable[[Situation, Words], "str | Plan"]
Care = Literal["refuse", "note", "none"]


@dataclass(frozen=True, slots=True)
class Intent:
    """A kind of question; `pattern` gives the rule its named groups.

    `care` says what happens to words that neither pattern nor names account for: the question
    is refused (a number would be another), the answer notes them, or the rule reads all itself.
    Where they are refused, the rule is shown the question without its conditions on rows.
    """

    name: str
    pattern: re.Pattern[str]
    rule: Rule
    care: Care
    words: frozenset[str]

    @property
    def scoped(self) -> bool:
        """Whether the question's conditions on rows are taken out before the rule reads it."""
        return self.care == "refuse"


MEASURE_WORDS = frozenset(re.findall(r"[a-z]+", computing.MEASURE)) | _MORE_MEASURES


def intent(name: str, pattern: str, rule: Rule, care: Care = "none", also: str = "") -> Intent:
    """Return a kind of question; `also` are words that its rule reads beside the pattern's."""
    words = vocabulary(pattern, MEASURE_WORDS) | frozenset(also.split())
    return Intent(name, re.compile(pattern, re.IGNORECASE | re.DOTALL), rule, care, words)


def counted(name: str, pattern: str, rule: Rule, also: str = "") -> Intent:
    """Return a kind of question whose answer a word too many would change."""
    return intent(name, pattern, rule, "refuse", also)


def looked(name: str, pattern: str, rule: Rule, also: str = "") -> Intent:
    """Return a kind of question that is looked up: words too many are noted."""
    return intent(name, pattern, rule, "note", also)
