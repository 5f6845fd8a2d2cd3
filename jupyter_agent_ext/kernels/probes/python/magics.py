"""Bring `%agent` and `%%agent` into the shell; what they do is loaded on first use (guest)."""

from __future__ import annotations

import asyncio
import builtins
import sys
import types
from typing import Any

from .control import PROBE_NAME, load_pack

AGENT = "agent"
_ours = "_jupyter_agent_"
_helps = ("?", "??")


def add_magics(shell: Any) -> None:
    """Register the magics and the transformers that keep their text as it is written."""
    from IPython.core.magic import no_var_expand

    @no_var_expand
    def agent(line: str, cell: str | None = None) -> None:
        load_pack("MAGIC")
        ask_blocking(shell, line if cell is None else f"{line}\n{cell}")  # type: ignore[name-defined]  # noqa: F821

    agent.__doc__ = "Ask the agent of this Jupyter server: `%agent --help` lists the options."
    shell.register_magic_function(agent, "line_cell", AGENT)
    manager = shell.input_transformer_manager
    _renew(manager.cleanup_transforms, _cell_transformer(shell))
    _renew(manager.token_transformers, _line_transformer(shell))


def ask_in_cell(shell: Any, text: str) -> Any:
    """Return the coroutine of a cell that awaits its answer."""
    load_pack("MAGIC")
    return ask_awaiting(shell, text)  # type: ignore[name-defined]  # noqa: F821


def runs_code(shell: Any, frame: types.FrameType | None) -> bool:
    """Say whether this stack is inside a cell's code."""
    code = type(shell).run_code.__code__
    while frame is not None:
        if frame.f_code is code:
            return True
        frame = frame.f_back
    return False


def _renew(transformers: list[Any], ours: Any) -> None:
    """Put ours in the place of what an older probe left."""
    setattr(ours, _ours, True)
    transformers[:] = [one for one in transformers if not getattr(one, _ours, False)] + [ours]


def _call(shell: Any, text: str, *, top: bool) -> str:
    """Return the code that asks: an `await` where the cell as a whole may have one."""
    if top and _may_await(shell):
        return f"await __import__('builtins').{PROBE_NAME}.ask({text!r})\n"
    return f"get_ipython().run_line_magic({AGENT!r}, {text!r})\n"


def _may_await(shell: Any) -> bool:
    """Say whether the shell runs cells on the loop, and this text is one: none runs already."""
    from IPython.core.async_helpers import _asyncio_runner

    on_loop = shell.autoawait and shell.loop_runner is _asyncio_runner
    turning = asyncio._get_running_loop() is not None
    return bool(on_loop and turning and not runs_code(shell, sys._getframe()))


def _cell_transformer(shell: Any) -> Any:
    def agent_cell(lines: list[str]) -> list[str]:
        mark = f"%%{AGENT}"
        if not lines or not lines[0].startswith(mark):
            return lines
        rest = lines[0][len(mark) :]
        if rest.strip() in _helps or (rest and not rest[0].isspace()):
            return lines
        return [_call(shell, "".join([rest, *lines[1:]]).rstrip("\n"), top=True)]

    return agent_cell


def _line_transformer(shell: Any) -> Any:
    from IPython.core import inputtransformer2 as transformers

    class AgentLine(transformers.TokenTransformBase):
        """Takes `%agent …` before `there?` at its end is taken for a request for help."""

        priority = 1

        @classmethod
        def find(cls, tokens_by_line: list[list[Any]]) -> Any:
            for line in tokens_by_line:
                tokens = [token for token in line if token.string.strip()]
                if len(tokens) < 2 or [t.string for t in tokens[:2]] != ["%", AGENT]:
                    continue
                row, column = tokens[1].end
                rest = tokens[1].line[column:] if tokens[0].start[0] == row else "."
                if rest.strip() not in _helps and (not rest or rest[0].isspace()):
                    return cls(tokens[0].start)
            return None

        def transform(self, lines: list[str]) -> list[str]:
            first, column = self.start_line, self.start_col
            last = transformers.find_end_of_continued_line(lines, first)
            line = transformers.assemble_continued_line(lines, (first, column), last)
            call = _call(shell, line[len(AGENT) + 1 :].rstrip("\n"), top=column == 0)
            indent = lines[first][:column]
            return [*lines[:first], indent + call, *lines[last + 1 :]]

    return AgentLine


def probe_of_kernel() -> Any:
    """Return the probe, None where no server has put one here."""
    return getattr(builtins, PROBE_NAME, None)
