"""EmbeddedModel: the rule-based analyst behind the same seam as every model (floor 1)."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import AsyncIterator

from ...messages import ToolCallPart, Usage, text_part
from ...records import ModelDone, ModelEvent, ModelInfo, ModelRequest, TextDelta
from . import trouble
from .intents import Intent, match, plain_question
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


def answer(s: Situation) -> str | Call:
    """Return the answer to the situation's question, or the next call on the way to it."""
    if len(s.query) > _LONGEST:
        return trouble.not_understood(s)
    for intent, found in match(plain_question(s.query)):
        try:
            return _next(s, intent, found)
        except NotMineError:
            continue
        except PuzzledError as puzzled:
            return str(puzzled)
        except FailedError as failed:
            return trouble.failed(s, failed.outcome)
    return trouble.not_understood(s)


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
