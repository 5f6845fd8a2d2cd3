"""EmbeddedModel: the rule-based analyst behind the same seam as every model (floor 1)."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace

from ...messages import ToolCallPart, Usage, text_part
from ...records import ModelDone, ModelEvent, ModelInfo, ModelRequest, TextDelta
from . import trouble
from .intent import Intent
from .intents import match, plain_question
from .leftover import remark
from .reading import Reading, read_scope
from .situation import Situation, read
from .steps import Call, FailedError, NotMineError, PuzzledError, Words

NAME = "embedded"
_LONGEST = 2_000
_PIECE = re.compile(r"\S+\s*|\s+")
_WORDS_A_DELTA = 8
_NO_TOOL = {
    "run_code": "I cannot run code here: this conversation has no kernel that I may use.",
    "list_files": "I cannot look at files here.",
    "insert_cell": "I cannot add cells here: this conversation has no notebook that I may change.",
}


class EmbeddedModel:
    """Answers everyday questions about the live variables, offline and by rules.

    It keeps no state: each request tells it the question, the variables, and what the calls
    of this turn have given so far.
    """

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        """Yield the answer in pieces, or a tool call, then ModelDone."""
        step = answer(read(request))
        if isinstance(step, Call):
            yield ModelDone([_part(step)], "tool_calls", Usage(cost=0.0))
            return
        pieces = _PIECE.findall(step)
        for start in range(0, len(pieces), _WORDS_A_DELTA):
            yield TextDelta("".join(pieces[start : start + _WORDS_A_DELTA]))
            await asyncio.sleep(0)
        yield ModelDone([text_part(step)], "stop", Usage(cost=0.0))

    def info(self, model: str = NAME) -> ModelInfo:
        """Describe the analyst."""
        return ModelInfo(
            name=NAME,
            provider=NAME,
            local=True,
            ready=True,
            description="Rule-based helper for everyday questions about tables; no language "
            "model, works offline",
        )

    def available(self) -> list[ModelInfo]:
        """List the analyst alone."""
        return [self.info()]


def answer(s: Situation, *, look: bool = True) -> str | Call:
    """Return the answer to the situation's question, or the next call on the way to it.

    Unless `look` is set, a question with words that nothing accounts for is refused at once.
    """
    if len(s.query) > _LONGEST:
        return trouble.not_understood(s)
    question = plain_question(s.query)
    reading = read_scope(s, question)
    refused: str | Call | None = None
    for intent, found in match(question, reading.core):
        if refused is not None and intent.care == "none":
            continue
        try:
            step, words = _tried(s, intent, found, reading)
        except NotMineError:
            continue
        except PuzzledError as puzzled:
            return str(puzzled) if refused is None else refused
        except FailedError as failed:
            return trouble.failed(s, failed.outcome)
        if not words:
            return step
        if intent.care == "note" and refused is None:
            return f"{step}\n\n{remark(words)}" if isinstance(step, str) else step
        if refused is None:
            refused = (reading.look(s) if look else None) or _refused(s, reading, words, look)
    return trouble.not_understood(s) if refused is None else refused


def _refused(s: Situation, reading: Reading, words: list[str], suggest: bool) -> str:
    """Refuse a question, with the nearest one that would be computed."""
    nearest = reading.nearest(words) if suggest else ""
    if nearest and isinstance(answer(replace(s, query=nearest, outcomes=[]), look=False), str):
        nearest = ""
    return reading.refuse(words, nearest)


def _tried(
    s: Situation, intent: Intent, found: Words, reading: Reading
) -> tuple[str | Call, list[str]]:
    """Return a rule's next step, and the words of the question that it leaves unread."""
    if not intent.scoped:
        step = _next(s, intent, found)
        words = reading.unread(s, s.query, intent, found) if intent.care == "note" else []
        return step, words
    if reading.problem is not None and reading.needs_frame(s, found):
        raise reading.problem
    seen = reading.situation(s)
    step = _next(seen, intent, found)
    return step, reading.unread(seen, reading.core, intent, found)


def _next(s: Situation, intent: Intent, found: Words) -> str | Call:
    """Run a rule against the outcomes so far, up to its answer or its next call."""
    plan = intent.rule(s, found)
    if isinstance(plan, str):
        return plan
    try:
        call = next(plan)
        for outcome in s.outcomes:
            if outcome.name != call.name:
                return "This turn took another way than I would, so I stop here."
            call = plan.send(outcome) if outcome.ok else plan.throw(FailedError(outcome))
    except StopIteration as end:
        return str(end.value)
    if call.name == "run_code" and not s.python and intent.name != "run":
        return "This kernel runs another language than Python, and the code I write is Python."
    if call.name not in s.tools:
        return _NO_TOOL.get(call.name, f"I would need the tool {call.name}, which is not here.")
    if any((call.name, call.arguments) == (o.name, o.arguments) for o in s.outcomes):
        return "I stop here: the next step would be one that this turn has already taken."
    return call


def _part(call: Call) -> ToolCallPart:
    return {
        "type": "tool_call",
        "call_id": f"call_{uuid.uuid4().hex[:24]}",
        "name": call.name,
        "arguments": json.dumps(call.arguments, ensure_ascii=False),
    }
