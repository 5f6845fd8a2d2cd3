"""`%load_ext jupyter_agent_ext`: `%agent` in this shell, or what it needs (guest)."""

from __future__ import annotations

import builtins
from typing import Any

NEEDS = (
    "%agent works in kernels that a Jupyter server with jupyter_agent_ext has started, and no "
    "such server has reached this one. Install jupyter_agent_ext where Jupyter Server runs and "
    "start the kernel there. If this kernel runs there: see that the extension is enabled "
    "(jupyter server extension list), that c.AgentExtension.attach is not 'never' (with "
    "'on_use' a kernel is reached at its first use by REST or the panel), and that its "
    'kernelspec does not say "jupyter_agent": false.'
)


def load_ipython_extension(ipython: Any) -> None:
    """Register the magics where a server has brought them; else one that says what it needs."""
    from .kernels.probes.python.control import PROBE_NAME

    probe = getattr(builtins, PROBE_NAME, None)
    if probe is not None and hasattr(probe, "ask"):
        probe.add_magics()
    else:
        ipython.register_magic_function(_explain, "line_cell", "agent")


def _explain(line: str, cell: str | None = None) -> None:
    """Ask the agent of a Jupyter server; this shell has none."""
    from IPython.core.error import UsageError

    from .kernels.probes.python.options import options_parser

    if line.strip() == "--help":
        print(options_parser().format_help())
        return
    raise UsageError(NEEDS)


_explain._ipython_magic_no_var_expand = True  # type: ignore[attr-defined]
