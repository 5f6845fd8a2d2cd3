"""Paths under the server's root, and what the contents manager says of them (floor 1)."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from jupyter_core.utils import ensure_async
from tornado.web import HTTPError

from ..errors import AgentError, BadRequestError, ConflictError, ForbiddenError, NotFoundError

_IMPOSSIBLE: Final = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP)
_LOG: Final = "See the server's log; check free disk space and permissions."
_LOOK: Final = "Look at the path; list_files shows what is there."


async def ask(answer: Any) -> Any:
    """Await what a contents manager gave, be the manager synchronous or not."""
    return await ensure_async(answer) if isinstance(answer, Awaitable) else answer


@contextmanager
def translated(path: str) -> Iterator[None]:
    """Raise this package's errors in place of those of a contents manager.

    The messages of those name absolute paths of the machine; ours name `path` only.
    """
    try:
        yield
    except PermissionError as error:
        raise ForbiddenError(f"{path!r} may not be touched.") from error
    except OSError as error:
        if error.errno in _IMPOSSIBLE:
            raise NotFoundError(f"There is no file {path!r}.", hint=_LOOK) from error
        raise AgentError(f"{path!r} could not be read or written.", hint=_LOG) from error
    except HTTPError as error:
        if error.status_code == 404:
            raise NotFoundError(f"There is no file {path!r}.", hint=_LOOK) from error
        if error.status_code in (401, 403):
            raise ForbiddenError(f"{path!r} may not be touched.") from error
        if error.status_code == 409:
            raise ConflictError(f"{path!r} is not as expected.") from error
        if error.status_code < 500:
            raise BadRequestError(f"{path!r} cannot be used so.", hint=_LOOK) from error
        raise AgentError(f"{path!r} could not be read or written.", hint=_LOG) from error
    except (UnicodeError, ValueError, KeyError, TypeError, AttributeError) as error:
        # the contents manager trusts files more than they deserve
        raise BadRequestError(
            f"{path!r} holds what no notebook should: {type(error).__name__}.",
            hint="Repair the file, or restore it from a checkpoint.",
        ) from error


def relative(path: str) -> str:
    """Return the path in the form contents managers use. Raises ForbiddenError outside the root.

    No leading or trailing slash, no empty or `.` parts; the root itself is the empty string.
    """
    if path.startswith(("/", "~")) or "\\" in path or "\0" in path or _has_drive(path):
        raise ForbiddenError(
            f"{path!r} is not a path relative to the server's root.",
            hint="Give the path relative to the folder that the server shows, as data/sales.csv.",
        )
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise ForbiddenError(
            f"{path!r} leads out of the server's root.", hint="Name the file without `..`."
        )
    return "/".join(parts)


async def visible(contents: Any, path: str) -> None:
    """Raise NotFoundError for a hidden file, as the contents API does, unless they are allowed."""
    if path and not contents.allow_hidden and await ask(contents.is_hidden(path)):
        raise NotFoundError(f"There is no file {path!r}.", hint="Hidden files are not served.")


async def inside(contents: Any, path: str) -> None:
    """Raise ForbiddenError where a symbolic link leads out of the root.

    The contents manager itself follows links anywhere. Managers that keep no files on this
    disk (their `root_dir` is no folder here) have no links to follow.
    """
    if not hasattr(contents, "_get_os_path"):
        return
    if await asyncio.to_thread(_escapes, contents.root_dir, path):
        raise ForbiddenError(
            f"{path!r} is a link that leads out of the server's root.",
            hint="Copy the file into the folder that the server shows.",
        )


def _escapes(root: str, path: str) -> bool:
    real_root = os.path.realpath(root)
    real = os.path.realpath(os.path.join(root, *path.split("/")))
    return os.path.commonpath([real_root, real]) != real_root


def _has_drive(path: str) -> bool:
    return len(path) > 1 and path[1] == ":" and path[0].isalpha() and path[0].isascii()
