"""A coding agent that works on the live notebook. Entry points only; nothing heavy here."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

__version__ = version("jupyter_agent_ext")


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextension", "dest": "jupyter-agent-ext"}]


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    from .app import AgentExtension

    return [{"module": "jupyter_agent_ext", "app": AgentExtension}]


def load_ipython_extension(ipython: Any) -> None:
    """Bring `%agent` into this shell: `%load_ext jupyter_agent_ext`."""
    from .magic import load_ipython_extension as load

    load(ipython)
