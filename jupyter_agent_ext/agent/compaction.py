"""Make room in the model's context, in two stages that the log shows (floor 3).

First the long outputs of older turns are cut to stubs, then older turns become a summary.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from dataclasses import asdict
from typing import Any, cast

from .. import events as ev
from ..errors import ModelError
from ..events import Draft
from ..fold import Session, Turn
from ..messages import Message, Usage, text_part
from ..records import ModelDone, ModelEvent, ModelRequest
from .context import Surroundings, build, estimate_tokens, since_summary
from .prompt import SUMMARY
from .run import Run

DEFAULT_WINDOW = 32_000
FULL = 0.75
KEEP_TURNS = 2
_DIGEST_CHARS = 300


def is_full(tokens: int, window: int | None) -> bool:
    """Say whether a context of `tokens` is due for compaction."""
    return tokens > FULL * (window or DEFAULT_WINDOW)


async def compact(run: Run, *, keep: int = KEEP_TURNS, force: bool = False) -> bool:
    """Compact once, the gentler stage first; say whether anything could be compacted.

    The last `keep` turns before the running one stay as they are. `force` goes to the summary
    at once.
    """
    path = [t for t in run.session.path() if t.status != "running"]
    old = path[: len(path) - keep] if keep else path
    if not old:
        return False
    through = old[-1].turn_id
    done = {e["stage"] for e in run.session.compactions if e["through"] == through}
    if not force and "outputs" not in done and _has_long_outputs(old):
        await _note(run, {"stage": "outputs", "through": through})
        return True
    if "summary" in done:
        return False
    summary, usage = await _summarise(run, old)
    data: dict[str, Any] = {"stage": "summary", "through": through, "summary": summary}
    if usage is not None:
        data["usage"] = asdict(usage)
    await _note(run, data)
    return True


async def _note(run: Run, data: dict[str, Any]) -> None:
    """Append it, also between turns: a summary stays true whatever came since."""
    await run.log.append(Draft(ev.CONTEXT_COMPACTED, data, run.turn_id))


async def _summarise(run: Run, old: list[Turn]) -> tuple[str, Usage | None]:
    """Return a summary by the model, or a digest where the model cannot give one."""
    if run.model.info(run.turn.model).provider == "embedded":
        return digest(run.session, old), None
    messages = build(run.session, old[-1], Surroundings(), run.limits.history)
    messages.append(Message("summarise", "user", [text_part("Summarise the conversation now.")]))
    request = ModelRequest(run.turn.model, SUMMARY, messages, blob=run.blob)
    with contextlib.suppress(ModelError):
        events = cast("AsyncGenerator[ModelEvent, None]", run.model.stream(request))
        async with contextlib.aclosing(events):
            async for event in events:
                if isinstance(event, ModelDone):
                    text = "\n".join(p["text"] for p in event.parts if p["type"] == "text")
                    if text.strip():
                        return text, event.usage
    return digest(run.session, old), None


def digest(session: Session, old: list[Turn]) -> str:
    """Return each turn's query and the beginning of its answer: a summary without a model."""
    rest, summary = since_summary(session, old)
    lines = [summary] if summary else []
    for turn in rest:
        answer = " ".join(turn.response().split())[:_DIGEST_CHARS]
        lines.append(f"- asked: {turn.query[:_DIGEST_CHARS]}\n  answered: {answer or turn.status}")
    return "\n".join(lines)


def context_tokens(run: Run, now: Surroundings) -> int:
    """Return a rough count of the tokens that the next request would take."""
    return estimate_tokens(build(run.session, run.turn, now, run.limits.history))


def _has_long_outputs(turns: list[Turn]) -> bool:
    return any(
        part["type"] == "tool_result" and sum(len(str(c)) for c in part["content"]) > 1000
        for turn in turns
        for message in turn.messages
        for part in message.parts
    )
