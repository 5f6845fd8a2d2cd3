"""The right SQLite journal mode for a folder: WAL needs shared memory of one machine (floor 1)."""

from __future__ import annotations

import logging
import re
import sqlite3
import time
from pathlib import Path
from typing import Final

# fmt: off
NETWORK: Final = frozenset({
    "9p", "acfs", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "gfs2", "glusterfs", "gpfs",
    "lustre", "ncpfs", "nfs", "nfs3", "nfs4", "ocfs2", "orangefs", "panfs", "prl_fs", "pvfs2",
    "smb3", "smbfs", "vboxsf", "virtiofs", "vmhgfs", "wekafs",
})
# fmt: on
_LOCAL_FUSE: Final = frozenset({"fuse.fuse-overlayfs", "fuse.overlayfs", "fuse.mergerfs"})
_ESCAPED: Final = re.compile(r"\\([0-7]{3})")


def is_network(path: Path) -> bool:
    """Say whether `path` lies on a network file system; False where nobody can tell."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return False
    return is_network_type(filesystem_type(path.resolve(), mounts))


def is_network_type(name: str) -> bool:
    """Say whether a file system of this type may be mounted on several machines."""
    return name in NETWORK or (name.startswith("fuse.") and name not in _LOCAL_FUSE)


def filesystem_type(path: Path, mountinfo: str) -> str:
    """Return the file system type of an absolute path, "" if unknown.

    `mountinfo` is the text of /proc/self/mountinfo, see proc_pid_mountinfo(5). The deepest
    mount point wins, and of two mounts on one point the later.
    """
    depth, found = -1, ""
    for line in mountinfo.splitlines():
        before, separator, after = line.partition(" - ")
        fields, types = before.split(" "), after.split(" ")
        if not separator or len(fields) < 5:
            continue
        point = Path(_ESCAPED.sub(lambda match: chr(int(match[1], 8)), fields[4]))
        if len(point.parts) >= depth and path.is_relative_to(point):
            depth, found = len(point.parts), types[0]
    return found


def set_journal_mode(
    connection: sqlite3.Connection, *, network: bool, timeout: float, log: logging.Logger
) -> str:
    """Put the database into WAL mode, or DELETE mode on a network; return the mode it has.

    Also sets how each mode syncs, so that a commit is durable when it returns.
    """
    mode = _switch(connection, "delete" if network else "wal", timeout)
    if network:
        log.info("The session store lies on a network file system: journal mode %s", mode)
    elif mode not in ("wal", "memory"):
        mode = _switch(connection, "delete", timeout)
        log.warning("SQLite refused the WAL for the session store: journal mode %s", mode)
    # in DELETE mode only EXTRA also syncs the folder after the journal was removed
    connection.execute(f"PRAGMA synchronous={'FULL' if mode == 'wal' else 'EXTRA'}")
    return mode


def _switch(connection: sqlite3.Connection, mode: str, timeout: float) -> str:
    deadline = time.monotonic() + timeout
    while True:
        try:
            return str(connection.execute(f"PRAGMA journal_mode={mode}").fetchone()[0])
        except sqlite3.OperationalError as error:
            # SQLite does not call its busy handler here, so two servers starting meet
            busy = error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
            if not busy and mode == "wal":
                return _switch(connection, "delete", timeout)
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
