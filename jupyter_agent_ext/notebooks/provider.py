"""Which way leads to a notebook (floor 1)."""

from __future__ import annotations

import asyncio
from typing import Any
from weakref import WeakValueDictionary

from ..errors import BadRequestError
from ..protocols import Notebook
from .contents import ContentsNotebook
from .elsewhere import OpenElsewhere, never
from .paths import relative


class Notebooks:
    """The notebooks of this server, each with one lock for all who write it.

    Today every notebook is reached through its file. Ways to reach an open one (the shared
    document, an attached page) are asked first, in `open`, once they exist.
    """

    def __init__(self, contents_manager: Any, *, open_elsewhere: OpenElsewhere = never) -> None:
        self._contents = contents_manager
        self._open_elsewhere = open_elsewhere
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def open(self, path: str) -> Notebook:
        """Return the notebook at `path`.

        Raises NotFoundError if there is no such file, BadRequestError if it is no notebook,
        ForbiddenError if the path leads out of the server's root. Symbolic links are followed,
        as the server does when a person opens a notebook; only the model's own reading of
        files (`ContentsFiles`) refuses those that leave the root.
        """
        clean = relative(path)
        if not clean:
            raise BadRequestError("A notebook is named by its path.")
        lock = self._locks.setdefault(clean, asyncio.Lock())
        notebook = ContentsNotebook(
            self._contents, clean, open_elsewhere=self._open_elsewhere, lock=lock
        )
        await notebook.cells()
        return notebook
