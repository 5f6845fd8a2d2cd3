"""litellm itself: imported on first use, in a thread, quiet, offline and warm (floor 1)."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import os
import threading
from collections.abc import Iterator, Mapping
from typing import Any

_IMPORT_ENVIRONMENT = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else it fetches the prices over the network
    "LITELLM_LOCAL_BLOG_POSTS": "True",
    "LITELLM_MODE": "PRODUCTION",  # else it loads a .env file into this process
}
_TALKATIVE = ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy")
# Their debug lines hold whole requests, their info lines URLs, and some URLs hold a key.
_TELLTALE = ("openai", "openai._base_client", "httpx", "httpcore")
_lock = threading.Lock()
_loaded: Any = None


def present() -> Any:
    """Return the litellm module if it is loaded and ready, else None."""
    return _loaded


async def load() -> Any:
    """Return the litellm module; the first call imports and warms it up in a thread."""
    return _loaded if _loaded is not None else await asyncio.to_thread(load_blocking)


def load_blocking() -> Any:
    """Return the litellm module, blocking while it is imported (2 to 4 s of CPU)."""
    global _loaded
    with _lock:
        if _loaded is None:
            with _no_collections():
                _loaded = _import()
    return _loaded


async def close() -> None:
    """Close the connections that litellm keeps for the running event loop."""
    closing = getattr(_loaded, "close_litellm_async_clients", None)
    if closing is not None:
        await closing()
        _loaded.in_memory_llm_clients_cache.flush_cache()  # it would hand them out again


def _import() -> Any:
    with _environment(_for_import()):
        import litellm
    _quieten(litellm)
    with _environment(_for_warm_up()), contextlib.suppress(Exception):
        asyncio.run(_warm_up(litellm))
    return litellm


@contextlib.contextmanager
def _no_collections() -> Iterator[None]:
    """Keep the garbage collector from what is imported, now and later.

    litellm brings half a million objects that live for ever. Each full collection would walk
    them all, and block the server's loop for 0.2 s.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()


def _for_import() -> dict[str, str]:
    """Return what litellm reads while it is imported, without what the user has set."""
    return {name: v for name, v in _IMPORT_ENVIRONMENT.items() if name not in os.environ}


def _for_warm_up() -> dict[str, str]:
    """Return what keeps the warm-up from the user's proxy."""
    names = ("no_proxy", "NO_PROXY")
    return {name: f"{os.environ.get(name, '')},127.0.0.1".lstrip(",") for name in names}


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set variables for a moment; kernels that start later must not inherit them."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _quieten(litellm: Any) -> None:
    litellm.suppress_debug_info = True
    litellm.telemetry = False
    litellm.turn_off_message_logging = True
    litellm.disable_streaming_logging = True
    if not hasattr(litellm.CustomStreamWrapper, "aclose"):
        # Its aiohttp transport of that time leaves abandoned connections open; httpx does not.
        litellm.disable_aiohttp_transport = True
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    for name in _TELLTALE:
        logger = logging.getLogger(name)
        if logger.level < logging.WARNING:
            logger.setLevel(logging.WARNING)


async def _warm_up(litellm: Any) -> None:
    """Walk the real path once, against a listener of our own.

    Half of litellm's imports happen in the first streamed answer; a mock call leaves them out.
    Without this the first turn blocks the server's loop for 0.1 to 1 s.
    """
    server = await asyncio.start_server(_answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        function = {"name": "f", "description": "", "parameters": {"type": "object"}}
        stream = await litellm.acompletion(
            model="openai/warm-up",
            messages=[{"role": "user", "content": "hello"}],
            tools=[{"type": "function", "function": function}],
            api_base=f"http://127.0.0.1:{port}/v1",
            api_key="none",
            stream=True,
            stream_options={"include_usage": True},
            max_retries=0,
            num_retries=0,
            drop_params=True,
            _skip_mcp_handler=True,
            timeout=5,
        )
        async for _ in stream:
            pass
        await stream.aclose()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
    writer.write(head + b"".join(_event(e) for e in _ANSWER) + b"data: [DONE]\n\n")
    await writer.drain()
    writer.close()


def _event(event: dict[str, Any]) -> bytes:
    kind = "chat.completion.chunk"
    chunk = {"id": "warm-up", "object": kind, "created": 1, "model": "warm-up", **event}
    return f"data: {json.dumps(chunk)}\n\n".encode()


def _choice(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}


_CALL = {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
_ANSWER: list[dict[str, Any]] = [
    _choice({"content": "a"}),
    _choice({"tool_calls": [_CALL]}),
    _choice({}, "tool_calls"),
    {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}},
]
