"""What a tool call may do without asking: modes, rules and approvals (floor 3)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..fold import Request, Session, Turn
from ..protocols import Tool

Mode = Literal["read-only", "ask", "auto"]
MODES: tuple[Mode, ...] = ("read-only", "ask", "auto")
_ORDER = {mode: rank for rank, mode in enumerate(MODES)}
IDENTICAL_CALLS = 3


@dataclass(frozen=True, slots=True)
class Decision:
    """`allow`, `ask` (with the kind of request to open) or `deny` (with the reason)."""

    verdict: Literal["allow", "ask", "deny"]
    kind: str = "approval"
    reason: str = ""


def lower_mode(first: str, second: str) -> str:
    """Return the more careful of two modes."""
    return min(first, second, key=lambda mode: _ORDER[mode])  # type: ignore[index]


def effective_mode(turn: Turn, *, trusted: bool) -> str:
    """Return the mode in force: an untrusted notebook forces `ask`."""
    return turn.mode if trusted else lower_mode(turn.mode, "ask")


def decide(
    session: Session,
    turn: Turn,
    tool: Tool,
    *,
    trusted: bool,
    free: frozenset[str] = frozenset(),
) -> Decision:
    """Say what must happen before `tool` runs in this turn; `free` effects are not asked for."""
    if tool.asks:
        return Decision("ask", kind="question")
    if tool.effect == "read":
        return Decision("allow")
    mode = effective_mode(turn, trusted=trusted)
    if mode == "read-only":
        return Decision(
            "deny",
            reason=f"The session is in mode read-only: {tool.spec.name} ({tool.effect}) may not "
            "run. Answer from what can be read, or say that the mode must be changed.",
        )
    if mode == "auto" or (trusted and (tool.effect in free or _has_rule(session, tool))):
        return Decision("allow")
    return Decision("ask")


def is_repetition(recent: Sequence[tuple[str, str]], name: str, digest: str) -> bool:
    """Say whether this call is the third identical one in a row; `recent` is (name, hash)."""
    last = recent[-(IDENTICAL_CALLS - 1) :]
    return len(last) == IDENTICAL_CALLS - 1 and all(call == (name, digest) for call in last)


def args_hash(arguments: dict[str, Any]) -> str:
    """Return the SHA-256 of the arguments in canonical JSON: what an approval is bound to."""
    canonical = json.dumps(arguments, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


def granted(request: Request) -> bool:
    """Say whether the answer lets the call run."""
    return request.answer is not None and request.answer["decision"] in (
        "approve",
        "always",
        "answer",
    )


def _has_rule(session: Session, tool: Tool) -> bool:
    return any(rule.get("tool") == tool.spec.name for rule in session.rules)
