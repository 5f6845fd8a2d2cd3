"""Fixtures for all tests."""

from __future__ import annotations

import os

os.environ.setdefault("JUPYTER_SERVER_ALLOW_UNAUTHENTICATED_ACCESS", "false")

pytest_plugins = ["pytest_jupyter.jupyter_server"]
