"""Read the variables of kernels without the hook, while they are idle (floor 1)."""

from __future__ import annotations

import ast
import asyncio
import json

from ..records import Json
from .transport import Transport

_PROBE = "__import__('builtins')._jupyter_agent_probe_.json"


async def by_expression(transport: Transport, arguments: Json, timeout: float) -> Json | None:
    """Ask the Python probe by a user expression; None where the kernel does not have it.

    Raises TimeoutError, KernelError.
    """
    content = execution("", silent=True)
    content["user_expressions"] = {"agent": f"{_PROBE}({json.dumps(arguments)!r})"}
    reply = await transport.request("shell", "execute_request", content, timeout=timeout)
    answer = (reply["content"].get("user_expressions") or {}).get("agent") or {}
    if answer.get("status") != "ok":
        return None
    return _as_object(ast.literal_eval(answer["data"]["text/plain"]))


async def by_snippet(transport: Transport, code: str, timeout: float) -> Json | None:
    """Run a snippet that prints JSON; None where it printed something else.

    Raises TimeoutError, KernelError.
    """
    printed = _Printed()
    stop = transport.watch(printed.add)
    try:
        async with asyncio.timeout(timeout):
            content = execution(code, silent=False)
            reply = await transport.request("shell", "execute_request", content, timeout=timeout)
            await printed.wait(reply["parent_header"]["msg_id"])
    finally:
        stop()
    return _as_object(printed.text(reply["parent_header"]["msg_id"]))


class _Printed:
    """What executions printed to stdout, by the id of the request."""

    def __init__(self) -> None:
        self._texts: dict[str, list[str]] = {}
        self._idle: set[str] = set()
        self._changed = asyncio.Event()

    def add(self, msg: Json) -> None:
        msg_id, content = (msg.get("parent_header") or {}).get("msg_id"), msg["content"]
        if msg_id is None:
            return
        if msg["header"]["msg_type"] == "stream" and content.get("name") == "stdout":
            self._texts.setdefault(msg_id, []).append(content["text"])
        if msg["header"]["msg_type"] == "status" and content.get("execution_state") == "idle":
            self._idle.add(msg_id)
            self._changed.set()

    async def wait(self, msg_id: str) -> None:
        while msg_id not in self._idle:
            self._changed.clear()
            await self._changed.wait()

    def text(self, msg_id: str) -> str:
        return "".join(self._texts.get(msg_id, []))


def execution(code: str, *, silent: bool) -> Json:
    """Return the content of an execute_request that leaves no trace in the history."""
    return {
        "code": code,
        "silent": silent,
        "store_history": False,
        "user_expressions": {},
        "allow_stdin": False,
        "stop_on_error": False,
    }


def _as_object(text: str) -> Json | None:
    try:
        found = json.loads(text, parse_constant=_refuse)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _refuse(name: str) -> None:
    raise ValueError(name)
