"""Counters on Jupyter Server's own /metrics, made from the events as they are written (floor 4)."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter

from . import events as ev
from .events import Event

TURNS: Final = Counter("jupyter_agent_turns", "Turns that ended.", ["status"])
CALLS: Final = Counter("jupyter_agent_tool_calls", "Tool calls that were settled.", ["status"])
TOKENS: Final = Counter("jupyter_agent_tokens", "Tokens of the models' messages.", ["kind"])
COST: Final = Counter("jupyter_agent_cost_dollars", "US dollars, where a price is known.")
RETRIES: Final = Counter("jupyter_agent_model_retries", "Model calls that were tried again.")


def observe(event: Event) -> None:
    """Count one durable event."""
    if event.type == ev.TURN_ENDED:
        TURNS.labels(event.data["status"]).inc()
    elif event.type == ev.TOOL_COMPLETED:
        CALLS.labels(event.data["status"]).inc()
    elif event.type == ev.RETRY_SCHEDULED:
        RETRIES.inc()
    usage = event.data.get("usage") if event.type != ev.TURN_ENDED else None
    if usage:
        TOKENS.labels("input").inc(usage.get("input_tokens", 0))
        TOKENS.labels("output").inc(usage.get("output_tokens", 0))
        COST.inc(usage.get("cost") or 0.0)
