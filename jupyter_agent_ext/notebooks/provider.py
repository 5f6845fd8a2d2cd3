"""Which way leads to a notebook (floor 1)."""

from __future__ import annotations

import asyncio
from typing import Any
from weakref import WeakValueDictionary

from ..errors import BadRequestError
from ..protocols import Notebook
from .attached import Attachment
from .contents import ContentsNotebook
from .elsewhere import OpenElsewhere, never
from .live import LiveNotebook
from .paths import ask, relative, translated, visible
from .shared import Documents


class Notebooks:
    """The notebooks of this server, each with one lock for all who write its file.

    `settings` are those of the server's web application, where the shared documents are found.
    """

    def __init__(
        self,
        contents_manager: Any,
        *,
        open_elsewhere: OpenElsewhere = never,
        settings: dict[str, Any] | None = None,
    ) -> None:
        self._contents = contents_manager
        self._open_elsewhere = open_elsewhere
        self._documents = Documents(settings if settings is not None else {})
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def exists(self, path: str) -> bool:
        """Say whether there is such a file, without reading it. Raises ForbiddenError."""
        clean = relative(path)
        with translated(clean):
            await visible(self._contents, clean)
            return bool(await ask(self._contents.file_exists(clean)))

    async def open(self, path: str, attachment: Attachment | None = None) -> Notebook:
        """Return the notebook at `path`; `attachment` are the pages that may show it.

        Raises NotFoundError if there is no such file, BadRequestError if it is no notebook,
        ForbiddenError if the path leads out of the server's root. Symbolic links are followed,
        as the server does when a person opens a notebook; only the model's own reading of
        files (`ContentsFiles`) refuses those that leave the root.
        """
        clean = relative(path)
        if not clean:
            raise BadRequestError("A notebook is named by its path.")
        lock = self._locks.setdefault(clean, asyncio.Lock())
        file = ContentsNotebook(
            self._contents, clean, open_elsewhere=self._open_elsewhere, lock=lock
        )
        await file.check()
        return LiveNotebook(file, self._documents, attachment)
