"""What the analyst sees: the question, the live variables, and what this turn did (floor 1)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...envelope import unwrap
from ...messages import Message, ToolCallPart, ToolResultPart
from ...records import ModelRequest
from .frames import Frame, choose, frame_of, is_pointed_at
from .names import code, listed
from .steps import Outcome, PuzzledError, split_changes

_TOLD = re.compile(r"`([^`]+)` has [\d,]+ columns?: (.+)")
_TOLD_COLUMN = re.compile(r"`([^`]+)` \(")
_NO_DATA = ("module", "function", "class", "series", "array", "list", "sequence")
_FOR_PERSONS = (  # notes are written for a model; people do not know its tools
    (re.compile(r"No kernel is running.*?(?:starts one\.?|$)", re.IGNORECASE | re.DOTALL),
     "No kernel is running, so there are no variables to look at. Running a cell, or letting me "
     "load a file, starts one."),
    (re.compile(r"\bkernel (?:has )?(?:died|is dead)\b.*", re.IGNORECASE | re.DOTALL),
     "kernel has died, and its variables with it. Restart it from the notebook's Kernel menu."),
)  # fmt: skip
_LOADED = re.compile(r"^(\w+) = pd\.read_\w+\((.+)\)$", re.MULTILINE)


@dataclass(slots=True)
class Situation:
    """One model request, read. `past` are the messages before the newest question."""

    query: str
    variables: dict[str, dict[str, Any]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    notebook: dict[str, Any] = field(default_factory=dict)
    tools: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    outcomes: list[Outcome] = field(default_factory=list)
    past: Sequence[Message] = ()
    chosen: Frame | None = None

    @property
    def frames(self) -> list[Frame]:
        """The data frames, newest first."""
        found = (frame_of(name, summary) for name, summary in self.variables.items())
        return [frame for frame in found if frame is not None]

    @property
    def changed(self) -> dict[str, list[str]]:
        """What changed since the last turn, by kind."""
        changed = self.facts.get("changed")
        return changed if isinstance(changed, dict) else {}

    @property
    def lost(self) -> list[str]:
        """The variables that went with an earlier kernel."""
        return self.changed.get("lost") or []

    @property
    def python(self) -> bool:
        """Whether the kernel can run Python: another language's variables come by a snippet."""
        return self.facts.get("source") != "snippet"

    @property
    def folder(self) -> str:
        """The notebook's folder under the server's root, where its kernel runs."""
        return str(self.notebook.get("path") or "").rpartition("/")[0]

    def frame(self, text: str | None = None) -> Frame:
        """Return the frame that the question is about. Raises PuzzledError."""
        if self.chosen is not None:
            return self.chosen
        question = self.query if text is None else text
        if not any(is_pointed_at(frame.name, question) for frame in self.frames):
            self._check_no_other(question)
        if not self.frames:
            raise PuzzledError(self.why_no_frame())
        return choose(self.frames, question)

    def table(self) -> Frame:
        """Return the frame to compute from. Raises PuzzledError where nothing can be computed."""
        frame = self.frame()
        frame.check(self.query)
        return frame

    def _check_no_other(self, question: str) -> None:
        """Raise PuzzledError where the question names a variable that is no frame."""
        columns = {column for frame in self.frames for column in frame.columns}
        for name, summary in self.variables.items():
            if summary.get("kind") in _NO_DATA or name in columns or not name.isidentifier():
                continue
            if _named(name, question):
                there = f" The data frames are {listed(f.name for f in self.frames[:10])}."
                kind = str(summary.get("type", "")).removeprefix("builtins.")
                raise PuzzledError(
                    f"{code(name)} is no data frame: its type is {code(kind)}."
                    f"{there if self.frames else ''}"
                )

    def why_no_frame(self) -> str:
        """Say why there is no data to answer from, and what would help."""
        if self.lost:
            return f"{self.loss()} {self.how_to_load()}"
        if self.facts.get("source") in (None, "none"):
            note = str(self.facts.get("note") or "The kernel's variables cannot be read now.")
            for written, said in _FOR_PERSONS:
                note = written.sub(said, note)
            return f"{note} {self.how_to_load()}"
        return f"There is no data frame among the variables yet. {self.how_to_load()}"

    def loss(self) -> str:
        """Say which variables are gone."""
        one = len(self.lost) == 1
        return (
            f"The kernel is new or gone since we last spoke: {listed(self.lost[:10])} "
            f"{'is' if one else 'are'} gone."
        )

    def how_to_load(self) -> str:
        """Say how to get data, with the file that was loaded before if there was one."""
        before = self.last_loaded()
        if before:
            return f'Shall I load it again? Say "load {before}".'
        return 'Say, for example, "load sales.csv".'

    def last_loaded(self) -> str | None:
        """Return the file that this conversation loaded last."""
        for message in reversed(self.past):
            for call in reversed(message.tool_calls()):
                match = _LOADED.search(str(_arguments(call).get("code", "")))
                if match:
                    path = re.match(r"'([^']*)'|\"([^\"]*)\"", match[2])
                    return (path[1] or path[2]) if path else None
        return None

    def columns_told(self, name: str) -> list[str] | None:
        """Return the columns that a frame had when this conversation last knew of them."""
        for message in reversed(self.past):
            if message.role == "tool":
                columns = self._columns_seen(message, name)
                if columns is not None:
                    return columns
            for match in _TOLD.finditer(message.text() if message.role == "assistant" else ""):
                if match[1] == name:
                    return _TOLD_COLUMN.findall(match[2])
        return None

    @staticmethod
    def _columns_seen(message: Message, name: str) -> list[str] | None:
        for part in message.parts:
            if part["type"] != "tool_result":
                continue
            changed = _outcome(part, {}).changed
            for kind in ("new", "changed"):
                frame = frame_of(name, (changed.get(kind) or {}).get(name) or {})
                if frame is not None and frame.complete:
                    return list(frame.columns)
        return None


def _named(name: str, question: str) -> bool:
    """Say whether a question names a variable where the name of a frame would stand."""
    lead = r"\b(?:in|of|from|on|does|do|describe|summari[sz]e|frame|dataframe|table|is)\s+"
    return re.search(rf"{lead}[`'\"]?{re.escape(name)}(?![\w.])", question) is not None


def read(request: ModelRequest) -> Situation:
    """Return the situation that a request describes."""
    newest = max(
        (i for i, message in enumerate(request.messages) if message.role == "user"), default=None
    )
    if newest is None:
        return Situation("")
    question, data = _parts(request.messages[newest])
    facts = data.get("variables", {})
    return Situation(
        query=question,
        variables=facts.get("variables") or {},
        facts=facts,
        notebook=data.get("notebook", {}),
        tools={spec.name: spec.parameters for spec in request.tools},
        outcomes=list(_outcomes(request.messages[newest + 1 :])),
        past=request.messages[:newest],
    )


def _parts(message: Message) -> tuple[str, dict[str, dict[str, Any]]]:
    """Return the question and the data that came with it, by kind."""
    question, data = None, {}
    for part in message.parts:
        if part["type"] != "text":
            continue
        envelopes = unwrap(part["text"])
        for envelope in envelopes:
            content = _object(envelope.text)
            if content and envelope.kind not in data:
                data[envelope.kind] = content
        if not envelopes and question is None:
            question = part["text"]
    return question or "", data


def _outcomes(messages: Sequence[Message]) -> Iterator[Outcome]:
    """Yield what the calls since the question gave, in the order of the calls."""
    results: dict[str, ToolResultPart] = {
        part["call_id"]: part
        for message in messages
        for part in message.parts
        if part["type"] == "tool_result"
    }
    for message in messages:
        for call in message.tool_calls():
            result = results.get(call["call_id"])
            if result is not None:
                yield _outcome(result, _arguments(call))


def _outcome(result: ToolResultPart, arguments: dict[str, Any]) -> Outcome:
    texts = []
    for part in result["content"]:
        if part["type"] == "text":
            envelopes = unwrap(part["text"])
            texts += [e.text for e in envelopes] or [part["text"]]
    text, changed = split_changes("\n".join(texts))
    images = sum(part["type"] == "image" for part in result["content"])
    return Outcome(result["name"], arguments, result["status"], text.strip("\n"), images, changed)


def _arguments(call: ToolCallPart) -> dict[str, Any]:
    return _object(call["arguments"])


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
