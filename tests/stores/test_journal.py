"""Which journal mode fits which file system."""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path

import pytest

from jupyter_agent_ext.stores.journal import (
    filesystem_type,
    is_network,
    is_network_type,
    set_journal_mode,
)

MOUNTS = r"""
21 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
22 21 0:5 / /proc rw,nosuid - proc proc rw
36 21 0:31 / /net rw,relatime shared:20 master:3 - nfs4 filer:/net rw,vers=4.2
37 36 0:32 / /net/ada/fast rw - xfs /dev/sdb rw
38 21 0:33 / /my\040data rw - cifs //nas/data rw
39 21 0:34 / /over rw - nfs filer:/a rw
40 21 0:35 / /over rw - tmpfs tmpfs rw
41 21 0:36 / /cloud rw - fuse.gcsfuse bucket rw
a line that is none
"""

log = logging.getLogger(__name__)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/srv/x.sqlite", "ext4"),
        ("/net/ada/x.sqlite", "nfs4"),
        ("/net", "nfs4"),
        ("/net2/x.sqlite", "ext4"),
        ("/net/ada/fast/x.sqlite", "xfs"),
        ("/net/ada/faster/x.sqlite", "nfs4"),
        ("/my data/x.sqlite", "cifs"),
        ("/over/x.sqlite", "tmpfs"),
        ("/cloud/a/b/x.sqlite", "fuse.gcsfuse"),
    ],
)
def test_the_deepest_and_latest_mount_decides(path, expected):
    assert filesystem_type(Path(path), MOUNTS) == expected


def test_an_unknown_mount_table_gives_no_type():
    assert filesystem_type(Path("/x"), "") == ""
    assert not is_network_type("")


@pytest.mark.parametrize("name", ["nfs", "nfs4", "lustre", "cifs", "9p", "fuse.sshfs", "gpfs"])
def test_file_systems_of_several_machines_are_known(name):
    assert is_network_type(name)


@pytest.mark.parametrize("name", ["ext4", "xfs", "tmpfs", "overlay", "fuseblk", "btrfs", "zfs"])
def test_local_file_systems_are_known(name):
    assert not is_network_type(name)


def test_a_folder_of_this_machine_can_be_looked_up(tmp_path):
    assert is_network(tmp_path / "not there yet") in (True, False)


@pytest.mark.parametrize(
    ("network", "mode", "synchronous"), [(False, "wal", 2), (True, "delete", 3)]
)
def test_every_mode_syncs_each_commit(tmp_path, network, mode, synchronous):
    connection = sqlite3.connect(tmp_path / "x.sqlite", isolation_level=None)
    assert set_journal_mode(connection, network=network, timeout=1.0, log=log) == mode
    assert connection.execute("PRAGMA synchronous").fetchone() == (synchronous,)
    connection.close()


def test_a_wal_file_moved_to_a_network_leaves_wal_mode(tmp_path):
    for network, mode in [(False, "wal"), (True, "delete"), (False, "wal")]:
        connection = sqlite3.connect(tmp_path / "x.sqlite", isolation_level=None)
        assert set_journal_mode(connection, network=network, timeout=1.0, log=log) == mode
        connection.close()


def test_where_sqlite_refuses_the_wal_a_rollback_journal_is_used(tmp_path, caplog):
    # this VFS of SQLite's own has no shared memory, as some file systems have none
    uri = f"{(tmp_path / 'x.sqlite').as_uri()}?vfs=unix-dotfile"
    try:
        connection = sqlite3.connect(uri, uri=True, isolation_level=None)
    except sqlite3.OperationalError:
        pytest.skip("this SQLite has no unix-dotfile VFS")
    connection.execute("CREATE TABLE t (x)")
    assert set_journal_mode(connection, network=False, timeout=1.0, log=log) == "delete"
    assert "refused" in caplog.text
    connection.close()
