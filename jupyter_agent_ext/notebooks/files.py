"""Files under the server's root, listed and read through the contents manager (floor 1)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from ..errors import BadRequestError, ToolError
from ..records import Json
from .paths import ask, inside, relative, translated, visible

MAX_BYTES: Final = 2_000_000


class ContentsFiles:
    """A `protocols.Files`. `max_bytes` bounds a file that is read."""

    def __init__(self, contents_manager: Any, *, max_bytes: int = MAX_BYTES) -> None:
        self._contents = contents_manager
        self._max_bytes = max_bytes

    async def list(self, path: str) -> list[Json]:
        """Return `{name, path, type, size, modified}` of a folder's entries, by name.

        Raises NotFoundError, ForbiddenError, and BadRequestError if it is no folder.
        """
        clean = await self._checked(path)
        with translated(clean or "/"):
            model = await ask(self._contents.get(clean, content=True, type="directory"))
        return [_entry(entry) for entry in sorted(model["content"], key=lambda e: e["name"])]

    async def read(self, path: str) -> str:
        """Return a text file. Raises NotFoundError, ForbiddenError, ToolError."""
        clean = await self._checked(path)
        if not clean:
            raise ToolError("The root is a folder, not a file; list_files lists it.")
        with translated(clean):
            model = await ask(self._contents.get(clean, content=False))
            if model["type"] == "directory":
                raise ToolError(f"{clean!r} is a folder, not a file; list_files lists it.")
            size = model.get("size")
            if size is not None and size > self._max_bytes:
                raise ToolError(
                    f"{clean!r} has {size} bytes; read_file reads up to {self._max_bytes}. "
                    "Read what you need of it with run_code."
                )
        return await self._text(clean, size)

    async def _text(self, path: str, size: int | None) -> str:
        try:
            with translated(path):
                model = await ask(self._contents.get(path, type="file", format="text"))
        except BadRequestError as error:
            raise ToolError(f"{path!r} is not a text file ({size} bytes).") from error
        text: str = model["content"]
        if "\0" in text:
            raise ToolError(f"{path!r} is not a text file ({size} bytes).")
        return text

    async def _checked(self, path: str) -> str:
        clean = relative(path)
        await inside(self._contents, clean)
        with translated(clean or "/"):
            await visible(self._contents, clean)
        return clean


def _entry(model: Json) -> Json:
    modified = model.get("last_modified")
    return {
        "name": model["name"],
        "path": model["path"],
        "type": model["type"],
        "size": model.get("size"),
        "modified": modified.isoformat() if isinstance(modified, datetime) else modified,
    }
