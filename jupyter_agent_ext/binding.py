"""Which session is meant, and what notebook and kernel it is bound to (floor 4)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from .errors import (
    AmbiguousKernelError,
    BadRequestError,
    ConflictError,
    NotFoundError,
)
from .events import SessionKey
from .protocols import Kernels, SessionStore
from .records import Card, Json
from .workspace import Notebooks, live_kernel

MAX_ID = 256


@dataclass(frozen=True, slots=True)
class Place:
    """Where a caller is: a notebook (a path, or an opaque label) and perhaps a kernel."""

    notebook_id: str = ""
    notebook: str | None = None
    kernel_id: str | None = None


@dataclass(frozen=True, slots=True)
class Binding:
    """The session that is meant; `exists` is False where it is to be created.

    `changes` is the data of a `session.bound` that brings the session up to date, or empty.
    """

    session_id: str
    exists: bool
    place: Place
    changes: Json


class Binder:
    """Finds the session of a notebook and a kernel."""

    def __init__(self, store: SessionStore, kernels: Kernels, notebooks: Notebooks) -> None:
        self._store = store
        self._kernels = kernels
        self._notebooks = notebooks

    async def find(
        self, owner: str, root: str, session_id: str | None, notebook_id: str, kernel_id: str | None
    ) -> Binding:
        """Say which session a caller means.

        Without `session_id`: the newest session of this notebook and kernel (of this notebook,
        where it has no kernel that we know); else the newest of this notebook whose kernel is
        gone; else a new one. Raises BadRequestError,
        NotFoundError, ConflictError, AmbiguousKernelError.
        """
        if session_id is not None:
            check_session_id(session_id)
        notebook = await self._notebook(notebook_id)
        if kernel_id and await live_kernel(self._kernels, kernel_id) is None:
            raise NotFoundError(
                f"There is no running kernel {kernel_id!r}.", hint="GET api/kernels lists them."
            )
        place = Place(notebook if notebook is not None else notebook_id, notebook, kernel_id)
        if session_id is None:
            return await self._by_place(owner, root, place)
        card = await self._store.card(SessionKey(owner, root, session_id))
        if card is None:
            place = await self._with_kernel(place)
            return Binding(session_id, exists=False, place=place, changes={})
        return await self._existing(card, place)

    async def _existing(self, card: Card, place: Place) -> Binding:
        """Check that a named session belongs to the place, and bind it to a live kernel."""
        session_id = card.key.session_id
        if place.notebook_id and place.notebook_id != card.notebook_id:
            raise ConflictError(
                f"Session {session_id!r} belongs to notebook {card.notebook_id!r}.",
                hint="Leave session_id out, or send another one for another notebook.",
                notebook_id=card.notebook_id,
            )
        there = Place(card.notebook_id, card.notebook, place.kernel_id)
        alive = card.kernel_id and await live_kernel(self._kernels, card.kernel_id) is not None
        if alive:
            if place.kernel_id and place.kernel_id != card.kernel_id:
                raise ConflictError(
                    f"Session {session_id!r} is bound to another live kernel.",
                    hint="Two live kernels are two sessions: leave session_id out.",
                    kernel_id=card.kernel_id,
                )
            return Binding(session_id, exists=True, place=there, changes={})
        there = await self._with_kernel(there)
        changes = (
            {"kernel_id": there.kernel_id} if there.kernel_id not in (None, card.kernel_id) else {}
        )
        return Binding(session_id, exists=True, place=there, changes=changes)

    async def _by_place(self, owner: str, root: str, place: Place) -> Binding:
        if not place.notebook_id and not place.kernel_id:
            raise BadRequestError(
                "Neither a session nor a notebook nor a kernel is named.",
                hint="Send context.notebook_id, the notebook's path under the server's root.",
            )
        place = await self._with_kernel(place)
        cards = await self._store.cards(
            owner,
            root,
            notebook=place.notebook_id or None,
            kernel_id=None if place.notebook_id else place.kernel_id,
        )
        for card in cards:
            if place.kernel_id in (None, card.kernel_id):
                return Binding(card.key.session_id, exists=True, place=place, changes={})
        for card in cards:
            gone = not card.kernel_id or (await live_kernel(self._kernels, card.kernel_id) is None)
            if gone:
                changes = {"kernel_id": place.kernel_id} if place.kernel_id else {}
                return Binding(card.key.session_id, exists=True, place=place, changes=changes)
        return Binding(uuid.uuid4().hex[:16], exists=False, place=place, changes={})

    async def _with_kernel(self, place: Place) -> Place:
        """Add the notebook's kernel. Raises AmbiguousKernelError if it has several."""
        if place.kernel_id or place.notebook is None:
            return place
        found = await self._kernels.of_notebook(place.notebook)
        if len(found) > 1:
            raise AmbiguousKernelError(
                f"The notebook {place.notebook!r} has {len(found)} kernels.", kernels=found
            )
        return Place(place.notebook_id, place.notebook, found[0] if found else None)

    async def _notebook(self, notebook_id: str) -> str | None:
        """Return the path of a notebook, None for an opaque label."""
        if not notebook_id:
            return None
        path = normal_path(notebook_id)
        if not path.endswith(".ipynb"):
            return None
        try:
            found = await self._notebooks.exists(path)
        except NotFoundError:
            found = False
        if found:
            return path
        raise NotFoundError(
            f"There is no notebook {path!r} under the server's root.",
            hint="Send the path as api/contents lists it.",
        )


def check_session_id(session_id: str) -> None:
    """Raise BadRequestError for an id that cannot name a session."""
    if not 1 <= len(session_id) <= MAX_ID:
        raise BadRequestError(
            f"A session id has 1 to {MAX_ID} characters, this one has {len(session_id)}."
        )
    if not session_id.isprintable():
        raise BadRequestError("A session id holds printable characters only.")


def normal_path(path: str) -> str:
    """Return a path relative to the server's root. Raises BadRequestError if it leaves it."""
    if not path.isprintable() or len(path) > 4096:
        raise BadRequestError("The notebook's path is not printable or too long.")
    parts = [p for p in path.replace("\\", "/").split("/") if p not in ("", ".")]
    if ".." in parts:
        raise BadRequestError(
            "A notebook's path may not contain '..'.",
            hint="Send the path relative to the server's root.",
        )
    return "/".join(parts)
