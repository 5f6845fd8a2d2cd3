"""What user, assistant and tool said: messages and their parts (floor 0)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NotRequired, TypedDict

Role = Literal["user", "assistant", "tool"]


class TextPart(TypedDict):
    """Text. Where it was cut, `blob` is the hash of the whole and `size` its characters."""

    type: Literal["text"]
    text: str
    blob: NotRequired[str]
    size: NotRequired[int]


class ReasoningPart(TypedDict):
    """The model's reasoning; `provider` is returned to the provider unchanged."""

    type: Literal["reasoning"]
    text: str
    provider: NotRequired[dict[str, Any]]


class ToolCallPart(TypedDict):
    """A call as the model wrote it; `arguments` is the JSON text, valid or not."""

    type: Literal["tool_call"]
    call_id: str
    name: str
    arguments: str


class ImagePart(TypedDict):
    """An image, kept as a blob; `size` in bytes."""

    type: Literal["image"]
    mime: str
    blob: str
    size: NotRequired[int]


class ToolResultPart(TypedDict):
    """What one call gave. Every call has exactly one, made up if need be."""

    type: Literal["tool_result"]
    call_id: str
    name: str
    status: str
    content: list[TextPart | ImagePart]


if TYPE_CHECKING:
    Content = TextPart | ImagePart
    Part = TextPart | ReasoningPart | ToolCallPart | ImagePart | ToolResultPart
else:  # a decoder cannot tell several TypedDicts apart; they are plain dicts to it
    Content = Part = dict[str, Any]

ToolStatus = Literal["ok", "error", "denied", "interrupted"]


@dataclass(slots=True)
class Usage:
    """Tokens and money of one message, a turn or a session; `cost` in US dollars.

    `cost` is None where no price is known. `cached_tokens` are part of `input_tokens`.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cost: float | None = None

    def add(self, other: Usage) -> None:
        """Add `other` to this in place."""
        self.input_tokens += other.input_tokens
        self.output_tokens += other.output_tokens
        self.cached_tokens += other.cached_tokens
        self.reasoning_tokens += other.reasoning_tokens
        if other.cost is not None:
            self.cost = (self.cost or 0.0) + other.cost


@dataclass(slots=True)
class Message:
    """One message of a conversation."""

    message_id: str
    role: Role
    parts: list[Part] = field(default_factory=list)

    def text(self) -> str:
        """Return its text parts joined by blank lines."""
        return "\n\n".join(p["text"] for p in self.parts if p["type"] == "text" and p["text"])

    def tool_calls(self) -> list[ToolCallPart]:
        """Return the tool calls in the order in which the model wrote them."""
        return [p for p in self.parts if p["type"] == "tool_call"]


def text_part(text: str) -> TextPart:
    """Return a text part."""
    return {"type": "text", "text": text}
