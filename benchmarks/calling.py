"""A model that asks for as many runs of code as the question says, then answers at once."""

from __future__ import annotations

import asyncio
import json
import re
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

from jupyter_agent_ext.messages import Part, text_part
from jupyter_agent_ext.records import ModelDone, ModelEvent, ModelInfo, ModelRequest, TextDelta

CODE = "counter = globals().get('counter', 0) + 1"
ENDLESS = "import time; print('running', flush=True)\nwhile True: time.sleep(0.01)"


class CallingModel:
    """Answers `in one step 30` with 30 calls, `step by step 30` with a call in each of 30.

    To `wait for ever` it says a word and no more; to `run for ever` it asks for an endless loop.
    """

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        """Yield calls while some are left, then the time as text, in nanoseconds."""
        newest = max(i for i, m in enumerate(request.messages) if m.role == "user")
        query = request.messages[newest].text()
        if "wait for ever" in query:
            yield TextDelta("waiting ")
            await asyncio.Event().wait()
        if "run for ever" in query:
            yield ModelDone([_call(0, ENDLESS)], "tool_calls")
            return
        asked = re.findall(r"(in one step|step by step) (\d+)", query)
        way, count = asked[-1][0], int(asked[-1][1])
        done = sum(m.role == "tool" for m in request.messages[newest + 1 :])
        if done < count:
            calls = count if way == "in one step" else 1
            yield ModelDone([_call(done + n) for n in range(calls)], "tool_calls")
            return
        text = f"told at {time.time_ns()} "
        yield TextDelta(text)
        yield ModelDone([text_part(text)], "stop")

    def info(self, model: str) -> ModelInfo:
        """Describe it."""
        return ModelInfo(model, "calling", local=True, ready=True)

    def available(self) -> list[ModelInfo]:
        """List it."""
        return [self.info("calling/one")]


def _call(number: int, code: str = CODE) -> Part:
    return {
        "type": "tool_call",
        "call_id": uuid.uuid4().hex,
        "name": "run_code",
        "arguments": json.dumps({"code": f"{code}  # {number}"}),
    }
