"""What a rule may ask for and what it gets back (floor 1)."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

_CHANGED = "variables changed: "


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call that a rule wants made."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call gave; `text` without the line that tells which variables changed."""

    name: str
    arguments: dict[str, Any]
    status: str
    text: str
    images: int = 0
    changed: dict[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return self.status == "ok"


Plan = Generator[Call, Outcome, str]
"""A rule that needs tools: it yields calls, is sent their outcomes, and returns the answer.

It keeps no state between model calls: it is run again from its start each time, with the
outcomes so far. So it must not depend on what its own calls change.
"""


Words = Mapping[str, str]
"""What an intent's pattern found: its named groups, and the whole as `all`."""


class PuzzledError(Exception):
    """Tell the user what is missing in the question; the message is the answer."""


class NotMineError(PuzzledError):
    """The question only looked like one for this rule: the next one may try."""


class FailedError(Exception):
    """Raised into a plan where a call of its did not end well."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.text)
        self.outcome = outcome


def run_code(code: str) -> Call:
    """Return the call that runs `code`."""
    return Call("run_code", {"code": code})


def split_changes(text: str) -> tuple[str, dict[str, Any]]:
    """Return a tool's text without its line of changed variables, and those changes."""
    head, marker, tail = text.rpartition(_CHANGED)
    if not marker or (head and not head.endswith("\n")):
        return text, {}
    try:
        changed = json.loads(tail)
    except ValueError:  # it was cut, or only looked like it
        return text, {}
    return head.rstrip("\n"), changed if isinstance(changed, dict) else {}
