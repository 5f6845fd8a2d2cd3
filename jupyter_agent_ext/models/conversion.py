"""Our messages and tools in the shape of the OpenAI chat API (floor 1)."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from ..messages import Content, ImagePart, Message, TextPart, ToolCallPart, ToolResultPart
from ..records import Json, ModelRequest, ToolSpec

Blob = Callable[[str], Awaitable[bytes]]
MAX_IMAGE_BYTES = 5_000_000


class Converter:
    """Converts one request. `images` says whether the model takes them, `provider` its name.

    `cached` marks the system prompt and the last message for the provider's prompt cache.
    """

    def __init__(self, request: ModelRequest, *, provider: str, images: bool, cached: bool) -> None:
        self._request, self._provider, self._cached = request, provider, cached
        self._blob = request.blob if images else None

    async def messages(self) -> list[Json]:
        """Return the system prompt and all messages."""
        converted: list[Json] = []
        if self._request.system:
            converted.append({"role": "system", "content": self._request.system})
        shown: list[ImagePart] = []  # images of tool results, told after the last of them
        for message in self._request.messages:
            if message.role != "tool":
                converted += await self._pictures(shown)
                shown = []
            if message.role == "user":
                converted += await self._user(message)
            elif message.role == "assistant":
                converted += self._assistant(message)
            else:
                for part in message.parts:
                    if part["type"] == "tool_result":
                        converted.append(self._result(part, shown))
        converted += await self._pictures(shown)
        if self._cached:
            _mark_for_cache(converted)
        return converted

    async def _user(self, message: Message) -> list[Json]:
        content = [p for p in message.parts if p["type"] == "text" or p["type"] == "image"]
        parts = [await self._content(part) for part in content]
        if not parts:
            return []
        if all(part["type"] == "text" for part in parts):
            return [{"role": "user", "content": "\n\n".join(p["text"] for p in parts)}]
        return [{"role": "user", "content": parts}]

    def _assistant(self, message: Message) -> list[Json]:
        converted: Json = {"role": "assistant", "content": message.text() or None}
        calls = [_call(part) for part in message.tool_calls()]
        if calls:
            converted["tool_calls"] = calls
        for part in message.parts:
            if part["type"] != "reasoning":
                continue
            data = part.get("provider", {})
            # Signed blocks mean something to the provider that signed them only.
            if data.get("name") == self._provider and data.get("thinking_blocks"):
                converted["thinking_blocks"] = data["thinking_blocks"]
        return [converted] if calls or converted["content"] else []

    def _result(self, part: ToolResultPart, shown: list[ImagePart]) -> Json:
        texts: list[str] = []
        for content in part["content"]:
            if content["type"] == "text":
                texts.append(content["text"])
            elif self._fits(content):
                shown.append(content)
                texts.append(f"[image {content['blob'][:12]}, shown below]")
            else:
                texts.append(_note(content))
        text = "\n".join(texts) or f"({part['status']}, no output)"
        return {"role": "tool", "tool_call_id": part["call_id"], "content": text}

    async def _pictures(self, images: list[ImagePart]) -> list[Json]:
        if not images:
            return []
        content: list[Json] = [{"type": "text", "text": "The images of the tool results above:"}]
        content += [await self._content(image) for image in images]
        return [{"role": "user", "content": content}]

    async def _content(self, part: Content) -> Json:
        if part["type"] == "text":
            return _text(part)
        if self._blob is None or not self._fits(part):
            return {"type": "text", "text": _note(part)}
        data = base64.b64encode(await self._blob(part["blob"])).decode()
        return {"type": "image_url", "image_url": {"url": f"data:{part['mime']};base64,{data}"}}

    def _fits(self, part: ImagePart) -> bool:
        return self._blob is not None and part.get("size", 0) <= MAX_IMAGE_BYTES


def tools(specs: Sequence[ToolSpec]) -> list[Json]:
    """Return the tools as functions."""
    return [
        {
            "type": "function",
            "function": {
                "name": spec.name,
                "description": spec.description,
                "parameters": spec.parameters,
            },
        }
        for spec in specs
    ]


def _call(part: ToolCallPart) -> Json:
    function = {"name": part["name"], "arguments": _arguments(part["arguments"])}
    return {"id": part["call_id"], "type": "function", "function": function}


def _arguments(text: str) -> str:
    """Return JSON of an object whatever the model wrote: strict providers parse the history."""
    if not text.strip():
        return "{}"
    try:
        if isinstance(json.loads(text), dict):
            return text
    except (ValueError, RecursionError):
        pass
    return json.dumps({"invalid_arguments": text})


def _text(part: TextPart) -> Json:
    return {"type": "text", "text": part["text"]}


def _note(part: ImagePart) -> str:
    size = f", {part['size']} bytes" if "size" in part else ""
    return f"[image: {part['mime']}{size}; it is shown to the user and not to this model]"


def _mark_for_cache(messages: list[Json]) -> None:
    for message in {id(m): m for m in (messages[0], messages[-1])}.values():
        mark: dict[str, Any] = {"cache_control": {"type": "ephemeral"}}
        content = message["content"]
        if message["role"] == "tool":
            message.update(mark)
        elif isinstance(content, str):
            message["content"] = [{"type": "text", "text": content, **mark}]
        elif content:
            content[-1] = {**content[-1], **mark}
