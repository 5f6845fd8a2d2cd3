"""The models that can be chosen, and the providers' keys (floor 5)."""

from __future__ import annotations

import asyncio
from dataclasses import asdict

from .base import AgentHandler, protected
from .bodies import KeyBody, ModelLine, ModelList


class ModelsHandler(AgentHandler):
    """`GET models`."""

    @protected("read", "models")
    async def get(self) -> None:
        """List what can be chosen; being listed means nothing is used by itself."""
        models = [
            ModelLine(**asdict(info))
            for info in self.manager.services.model.available()
            if self.manager.model_allowed(info.name)
        ]
        keys = self.manager.services.keys.stored()
        self.answer(ModelList(self.manager.default_model, models, keys))


class KeyHandler(AgentHandler):
    """`PUT` and `DELETE models/{provider}/key`."""

    @protected("write", "models")
    async def put(self, provider: str) -> None:
        """Keep a provider's key on the server."""
        body = self.body(KeyBody)
        await asyncio.to_thread(self.manager.services.keys.set, provider, body.key)
        self.set_status(204)
        self.finish()

    @protected("write", "models")
    async def delete(self, provider: str) -> None:
        """Forget a provider's key."""
        await asyncio.to_thread(self.manager.services.keys.delete, provider)
        self.set_status(204)
        self.finish()


default_handlers = [
    (r"/agent/models", ModelsHandler),
    (r"/agent/models/([^/]+)/key", KeyHandler),
]
