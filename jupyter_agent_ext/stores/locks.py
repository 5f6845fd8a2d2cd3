"""Files whose lock says that the process behind a lease is alive (floor 1)."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

if sys.platform != "win32":
    import fcntl


class LockFile:
    """A file beside the database, locked as long as its holder lives.

    The system drops the lock when the process ends, however it ends.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    @classmethod
    def take(cls, path: Path) -> LockFile | None:
        """Create and lock the file; None where this file system cannot lock."""
        if sys.platform == "win32":
            return None
        while True:
            try:
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            except OSError:
                return None
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _is_at(path, descriptor):
                    return cls(path, descriptor)
            except BlockingIOError:
                pass  # a sweep looks at it at this moment, and will remove it
            except OSError:
                os.close(descriptor)
                path.unlink(missing_ok=True)
                return None
            os.close(descriptor)

    def drop(self) -> None:
        """Remove and unlock the file."""
        with suppress(OSError):
            self.path.unlink(missing_ok=True)
        os.close(self._descriptor)


def is_held(path: Path) -> bool | None:
    """Say whether somebody alive holds the lock; None if that cannot be told.

    A file that nobody holds any more is removed.
    """
    if sys.platform == "win32":
        return None
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink(missing_ok=True)
    except BlockingIOError:
        return True
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return False


def lock_path(database: Path, holder: str) -> Path:
    """Return where a holder's lock file lies."""
    return database.with_name(f"{database.name}-{holder}.lock")


def lock_files(database: Path) -> Iterator[tuple[str, Path]]:
    """Yield the lock files beside a database, each with its holder's name."""
    prefix, suffix = f"{database.name}-", ".lock"
    for path in database.parent.iterdir():
        if path.name.startswith(prefix) and path.name.endswith(suffix):
            yield path.name[len(prefix) : -len(suffix)], path


def this_host() -> str:
    """Return what names the running system: locks are seen by all of its processes."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return platform.node()


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
