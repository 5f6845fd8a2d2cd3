"""A model that answers at once, so that what is left is the agent's own time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from jupyter_agent_ext.messages import text_part
from jupyter_agent_ext.records import ModelDone, ModelEvent, ModelInfo, ModelRequest, TextDelta


class InstantModel:
    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        yield TextDelta("Done.")
        yield ModelDone([text_part("Done.")], "stop")

    def info(self, model: str) -> ModelInfo:
        return ModelInfo(model, "instant", local=True, ready=True)

    def available(self) -> list[ModelInfo]:
        return [self.info("instant/one")]
