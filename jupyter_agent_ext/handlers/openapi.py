"""The OpenAPI document, made from the shapes in bodies.py (floor 5)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec

from .. import __version__
from . import bodies as b
from .base import AgentHandler, protected

ERRORS = {
    400: "The request is wrong; the message names the field.",
    403: "Not logged in, or not allowed.",
    404: "Not there, or not yours.",
    409: "It does not fit the present state.",
    413: "Too large.",
    429: "A limit was reached.",
    503: "The kernel or the store does not answer.",
}


@dataclass(frozen=True, slots=True)
class Operation:
    """One call of the API. `query` maps names of query arguments to what they do."""

    path: str
    verb: str
    summary: str
    answers: dict[int, type | None]
    body: type | None = None
    query: tuple[tuple[str, str], ...] = ()
    errors: tuple[int, ...] = (400, 403, 404, 503)
    stream: bool = False


_TURN_ERRORS = (400, 403, 404, 409, 413, 429, 503)
_SESSION = "/agent/sessions/{session_id}"
OPERATIONS = (
    Operation(
        "/agent/quick",
        "post",
        "Ask; open or create the session; wait for the answer. Streams with Accept: "
        "text/event-stream. 202 where the turn waits for a person or runs longer than `timeout`.",
        {200: b.TurnAnswer, 202: b.TurnAnswer},
        b.QuickBody,
        errors=_TURN_ERRORS,
        stream=True,
    ),
    Operation(
        "/agent/sessions",
        "get",
        "List sessions, most recently active first.",
        {200: b.SessionList},
        query=(
            ("notebook", "Only those of this notebook, archived ones too."),
            ("q", "Only those that contain this text, archived ones too."),
            ("archived", "0 or 1: only those that are (not) archived."),
        ),
        errors=(400, 403, 503),
    ),
    Operation(
        "/agent/sessions",
        "post",
        "Open or resume the session of a notebook and a kernel.",
        {200: b.SessionInfo, 201: b.SessionInfo},
        b.OpenBody,
        errors=(400, 403, 404, 409, 429, 503),
    ),
    Operation(_SESSION, "get", "Describe a session.", {200: b.SessionInfo}),
    Operation(
        _SESSION,
        "patch",
        "Rename it, choose its model or its mode.",
        {200: b.SessionInfo},
        b.SessionPatch,
        errors=(400, 403, 404, 409, 503),
    ),
    Operation(
        _SESSION,
        "delete",
        "Delete it for good, interrupting its turn first.",
        {204: None},
        errors=(400, 403, 404, 409, 503),
    ),
    Operation(
        f"{_SESSION}/history",
        "get",
        "List the messages of the last turns, oldest first.",
        {200: b.History},
        query=(
            ("max_turns", "How many turns; 20 if left out."),
            ("parts", "1: all parts of each message, not only its text."),
        ),
    ),
    Operation(
        f"{_SESSION}/events",
        "get",
        "Follow the log as server-sent events: replay, `synced`, live.",
        {200: None},
        query=(("after", "The seq after which to begin; Last-Event-ID goes before it."),),
        stream=True,
    ),
    Operation(f"{_SESSION}/blobs/{{digest}}", "get", "An image or a long output.", {200: None}),
    Operation(
        f"{_SESSION}/turns",
        "post",
        "Start or queue a turn; answers at once.",
        {202: b.TurnAccepted},
        b.TurnBody,
        errors=_TURN_ERRORS,
    ),
    Operation(
        f"{_SESSION}/turns/{{turn_id}}",
        "get",
        "Describe a turn as it stands.",
        {200: b.TurnAnswer},
    ),
    Operation(
        f"{_SESSION}/requests/{{request_id}}",
        "post",
        "Answer an approval or a question, or tell what became of an edit or a run; the turn "
        "goes on.",
        {200: b.RequestAnswered},
        b.AnswerBody,
        errors=(400, 403, 404, 409, 503),
    ),
    Operation(
        f"{_SESSION}/interrupt",
        "post",
        "End the running or paused turn.",
        {200: b.Done},
        errors=(400, 403, 404, 409, 503),
    ),
    Operation(
        f"{_SESSION}/compact",
        "post",
        "Replace older turns by a summary in what the model sees.",
        {200: b.Done},
        errors=(400, 403, 404, 409, 503),
    ),
    Operation(
        "/agent/kernels/{kernel_id}/variables",
        "get",
        "Read the live variables, also while a cell is running.",
        {200: b.VariablesInfo},
        query=(("limit", "How many to summarise; 200 if left out."),),
    ),
    Operation(
        "/agent/kernels/{kernel_id}/variables/{name}",
        "get",
        "Read one variable in detail.",
        {200: b.VariableInfo},
    ),
    Operation(
        "/agent/ws",
        "get",
        "The page's one WebSocket: the events of any number of sessions, its presence and focus.",
        {101: None},
        errors=(403,),
    ),
    Operation("/agent/models", "get", "List the models.", {200: b.ModelList}, errors=(403,)),
    Operation(
        "/agent/models/{provider}/key",
        "put",
        "Keep a provider's key on the server.",
        {204: None},
        b.KeyBody,
        errors=(400, 403, 503),
    ),
    Operation(
        "/agent/models/{provider}/key",
        "delete",
        "Forget a provider's key.",
        {204: None},
        errors=(403, 404, 503),
    ),
    Operation(
        "/agent/health", "get", "Whether it works.", {200: b.Health, 503: b.Health}, errors=(403,)
    ),
    Operation("/agent/openapi.json", "get", "This document.", {200: None}, errors=(403,)),
)


@cache
def document() -> dict[str, Any]:
    """Return the OpenAPI 3.1 document."""
    shapes = {t for op in OPERATIONS for t in (op.body, *op.answers.values()) if t is not None}
    ordered = sorted({*shapes, b.ErrorBody}, key=lambda t: t.__name__)
    schemas, components = msgspec.json.schema_components(
        ordered, ref_template="#/components/schemas/{name}"
    )
    names = dict(zip(ordered, schemas, strict=True))
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.verb] = _describe(operation, names)
    return {
        "openapi": "3.1.0",
        "info": {"title": "jupyter_agent_ext", "version": __version__},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": {"type": "apiKey", "in": "header", "name": "Authorization"}
            },
        },
        "security": [{"token": []}],
    }


def _describe(operation: Operation, names: dict[type, Any]) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status, shape in operation.answers.items():
        content = {"application/json": {"schema": names[shape]}} if shape else {}
        if operation.stream:
            content["text/event-stream"] = {"schema": {"type": "string"}}
        responses[str(status)] = {"description": operation.summary, "content": content}
    for status in operation.errors:
        responses.setdefault(
            str(status),
            {
                "description": ERRORS[status],
                "content": {"application/json": {"schema": names[b.ErrorBody]}},
            },
        )
    described: dict[str, Any] = {
        "summary": operation.summary,
        "parameters": [
            *(_parameter(n, "path", "") for n in _names(operation.path)),
            *(_parameter(n, "query", text) for n, text in operation.query),
        ],
        "responses": responses,
    }
    if operation.body is not None:
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": names[operation.body]}},
        }
    return described


def _names(path: str) -> list[str]:
    return [piece[1:-1] for piece in path.split("/") if piece.startswith("{")]


def _parameter(name: str, place: str, text: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": place,
        "required": place == "path",
        "description": text,
        "schema": {"type": "string"},
    }


class OpenAPIHandler(AgentHandler):
    """`GET openapi.json`."""

    @protected("read", "health")
    async def get(self) -> None:
        """Give the description of this API."""
        self.answer(document())
