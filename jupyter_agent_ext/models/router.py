"""The models of this server, by name: the embedded analyst, else litellm (floor 1)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import cached_property

from ..protocols import Model
from ..records import ModelEvent, ModelInfo, ModelRequest

EMBEDDED = "embedded"


class Models:
    """A Model that hands each request on by its model's name.

    "embedded" (or no name at all) is answered by `embedded`, everything else by `remote`.
    """

    def __init__(self, remote: Model) -> None:
        self._remote = remote

    @cached_property
    def _embedded(self) -> Model:
        from .embedded.model import EmbeddedModel  # its rules take 35 ms to load

        return EmbeddedModel()

    def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        """Yield deltas, then one ModelDone. Raises ModelError."""
        return self._choose(request.model).stream(request)

    def info(self, model: str) -> ModelInfo:
        """Describe `model`."""
        return self._choose(model).info(model)

    def available(self) -> list[ModelInfo]:
        """List what could be chosen, the embedded analyst first."""
        return [*self._embedded.available(), *self._remote.available()]

    async def close(self) -> None:
        """Close what the remote model keeps open, if it keeps anything."""
        close = getattr(self._remote, "close", None)
        if close is not None:
            await close()

    def _choose(self, model: str) -> Model:
        return self._embedded if model in ("", EMBEDDED) else self._remote
