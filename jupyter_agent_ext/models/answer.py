"""One streamed answer, put together from litellm's chunks (floor 1)."""

from __future__ import annotations

from typing import Any

from ..messages import Part, ReasoningPart, Usage
from ..records import ModelDone, ReasoningDelta, TextDelta
from .accumulator import ToolCallAccumulator

_REASONS = {"length": "length", "max_tokens": "length", "content_filter": "content_filter"}


class Answer:
    """Collects an answer; `provider` is the one that gets its signed reasoning back."""

    def __init__(self, provider: str) -> None:
        self.reported: Any = None
        self._provider = provider
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._calls = ToolCallAccumulator()
        self._thinking: list[dict[str, Any]] = []

    @property
    def empty(self) -> bool:
        """Whether there is neither text nor a call."""
        return not self._calls and not any(piece.strip() for piece in self._text)

    def add(self, chunk: Any) -> list[TextDelta | ReasoningDelta]:
        """Take a chunk in; return what of it can be shown at once."""
        self.reported = getattr(chunk, "usage", None) or self.reported
        shown: list[TextDelta | ReasoningDelta] = []
        for choice in chunk.choices[:1]:
            delta = choice.delta
            reasoning = getattr(delta, "reasoning_content", None)
            if reasoning:
                self._reasoning.append(reasoning)
                shown.append(ReasoningDelta(reasoning))
            for block in getattr(delta, "thinking_blocks", None) or []:
                self._think(dict(block))
            if delta.content:
                self._text.append(delta.content)
                shown.append(TextDelta(delta.content))
            for call in delta.tool_calls or []:
                self._calls.add(
                    index=call.index,
                    call_id=call.id,
                    name=call.function.name,
                    arguments=call.function.arguments,
                )
        return shown

    def done(self, finish_reason: str, usage: Usage) -> ModelDone:
        """Return the whole message."""
        parts: list[Part] = []
        reasoning = "".join(self._reasoning)
        if reasoning or self._thinking:
            part: ReasoningPart = {"type": "reasoning", "text": reasoning}
            if self._thinking:
                part["provider"] = {"name": self._provider, "thinking_blocks": self._thinking}
            parts.append(part)
        text = "".join(self._text)
        if text:
            parts.append({"type": "text", "text": text})
        calls = self._calls.parts()
        parts += calls
        reason = _REASONS.get(finish_reason) or ("tool_calls" if calls else "stop")
        return ModelDone(parts, reason, usage)

    def _think(self, block: dict[str, Any]) -> None:
        """Join the pieces of a thinking block, which its signature ends."""
        last = self._thinking[-1] if self._thinking else None
        if (
            block.get("type") != "thinking"
            or last is None
            or last.get("type") != "thinking"
            or last.get("signature")
        ):
            self._thinking.append({k: v for k, v in block.items() if v is not None})
            return
        last["thinking"] = last.get("thinking", "") + (block.get("thinking") or "")
        if block.get("signature"):
            last["signature"] = block["signature"]


def tokens(reported: Any) -> Usage:
    """Return the usage that a provider reported, without its price."""
    if reported is None:
        return Usage()
    prompt = getattr(reported, "prompt_tokens_details", None)
    completion = getattr(reported, "completion_tokens_details", None)
    return Usage(
        input_tokens=reported.prompt_tokens or 0,
        output_tokens=reported.completion_tokens or 0,
        cached_tokens=getattr(prompt, "cached_tokens", None) or 0,
        reasoning_tokens=getattr(completion, "reasoning_tokens", None) or 0,
    )
