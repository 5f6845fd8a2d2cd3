"""Fixtures for all tests."""

from __future__ import annotations

import os

import pytest

os.environ.setdefault("JUPYTER_SERVER_ALLOW_UNAUTHENTICATED_ACCESS", "false")

pytest_plugins = ["pytest_jupyter.jupyter_server"]


@pytest.fixture
def jp_serverapp(jp_serverapp, jp_asyncio_loop):
    """The server, with its extensions started as the real one does once its loop runs."""
    jp_asyncio_loop.run_until_complete(jp_serverapp.extension_manager.start_all_extensions())
    return jp_serverapp
