"""A question read once for all rules: its conditions, and what is left unread (floor 1)."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from . import names
from .computing import SERIES
from .frames import Frame, known_values
from .intent import Intent
from .leftover import leftover, refusal, without_words
from .scope import scoped
from .situation import Situation
from .steps import Call, Outcome, PuzzledError, Words

_LOOK = "inspect_variable"
_READ = ("n", "how", "which", "kind")  # groups whose words a rule has read


@dataclass(frozen=True, slots=True)
class Reading:
    """A question without its conditions, and the frame with them.

    `problem` is why there is none. `looked` holds the look at the frame's values, if it was
    taken: the values of a frame tell whether an unknown word is one of them.
    """

    core: str
    frame: Frame | None = None
    problem: PuzzledError | None = None
    looked: tuple[Outcome, ...] = ()

    def situation(self, s: Situation) -> Situation:
        """Return what a rule sees that computes from the frame."""
        outcomes = s.outcomes[len(self.looked) :]
        return replace(s, query=self.core, chosen=self.frame, outcomes=outcomes)

    def needs_frame(self, s: Situation, found: Words) -> bool:
        """Say whether a rule cannot answer without a frame: some can, from a list of numbers."""
        words = names.mentioned(f"{found.get('what', '')} {found['all']}", list(s.variables))
        return not any(s.variables[word].get("kind") in SERIES for word in words)

    def unread(self, s: Situation, text: str, intent: Intent, found: Words) -> list[str]:
        """Return the words that carry meaning and that nothing accounts for."""
        frames = [self.frame] if self.frame is not None else s.frames
        known = [name for frame in frames for name in (frame.name, *frame.columns)]
        known += [n for n, about in s.variables.items() if about.get("kind") in SERIES]
        if not intent.scoped:
            known += list(s.variables)
        used = [found[group] for group in _READ if group in found]
        return leftover(text, known, intent.words, used)

    def look(self, s: Situation) -> Call | None:
        """Return the call that tells whether unknown words are values; None if it was made."""
        if self.frame is None or not self._may_look(s):
            return None
        return Call(_LOOK, {"name": self.frame.name})

    def nearest(self, words: list[str]) -> str:
        """Return the question without the words that nothing accounts for."""
        return without_words(self.core, words)

    def refuse(self, words: list[str], nearest: str) -> str:
        """Refuse the question for these words; `nearest` is one that can be answered."""
        return refusal(words, nearest, self._example())

    def _may_look(self, s: Situation) -> bool:
        known = self.frame.values if self.frame is not None else {}
        return not self.looked and not s.outcomes and _LOOK in s.tools and bool(known)

    def _example(self) -> str:
        frame = self.frame
        for column, values in (frame.values if frame is not None else {}).items():
            return f"{column} is {values[0]}" if values else f"{column} is …"
        number = (frame.numeric() if frame is not None else [])[:1]
        return f"{number[0]} > 10" if number else "price > 10"


def read_scope(s: Situation, question: str) -> Reading:
    """Read a question against the frame that it is about."""
    try:
        frame = s.frame()
    except PuzzledError as problem:
        return Reading(question, problem=problem)
    looked = tuple(s.outcomes[:1]) if _is_look(s, frame) else ()
    for outcome in looked:
        frame = _with_values(frame, outcome)
    try:
        scope = scoped(question, frame)
    except PuzzledError as problem:
        return Reading(question, frame, problem, looked)
    return Reading(scope.core, scope.frame, None, looked)


def _is_look(s: Situation, frame: Frame) -> bool:
    first = s.outcomes[0] if s.outcomes else None
    return first is not None and first.name == _LOOK and first.arguments == {"name": frame.name}


def _with_values(frame: Frame, outcome: Outcome) -> Frame:
    try:
        detail = json.loads(outcome.text)
    except ValueError:
        return frame
    if not outcome.ok or not isinstance(detail, dict):
        return frame
    seen = known_values(frame, detail)
    merged = {c: tuple(dict.fromkeys((*v, *seen.get(c, ())))) for c, v in frame.values.items()}
    return replace(frame, values=merged)
