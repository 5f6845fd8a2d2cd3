"""Tell the sessions when a notebook, or a folder with notebooks, is renamed (floor 4)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

CONTENTS_EVENTS: Final = "https://events.jupyter.org/jupyter_server/contents_service/v1"


def follow_renames(event_logger: Any, moved: Callable[[str, str], Awaitable[None]]) -> None:
    """Call `moved(old path, new path)` after each rename by the server's contents manager."""

    async def on_contents(logger: Any, schema_id: str, data: dict[str, Any]) -> None:
        if data.get("action") == "rename":
            await moved(data["source_path"].strip("/"), data["path"].strip("/"))

    event_logger.add_listener(schema_id=CONTENTS_EVENTS, listener=on_contents)
