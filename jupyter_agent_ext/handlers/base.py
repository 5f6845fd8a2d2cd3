"""What all handlers share: who asks, what the body says, how errors are answered (floor 5)."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from types import TracebackType
from typing import Any, TypeVar, cast

import msgspec
from jupyter_server.auth.decorator import authorized
from jupyter_server.auth.identity import IdentityProvider, PasswordIdentityProvider
from jupyter_server.base.handlers import APIHandler, JupyterHandler
from tornado import web
from tornado.iostream import StreamClosedError

from ..errors import AgentError, BadRequestError, TooLargeError
from ..events import SessionKey
from ..sessions import AgentSessionManager

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])
SETTING = "jupyter_agent_ext"
LOCAL_OWNER = "local"
MAX_BODY = 16_000_000


class Caller(JupyterHandler):
    """Knows the manager, and whose sessions the caller may see."""

    @property
    def manager(self) -> AgentSessionManager:
        """The one session manager of this server."""
        manager: AgentSessionManager = self.settings[SETTING]
        return manager

    @property
    def owner(self) -> str:
        """Whose sessions these are.

        A token or a password names no person (each request is a new anonymous one), so there
        the owner is constant; a real identity provider names one.
        """
        if names_nobody(self.identity_provider):
            return LOCAL_OWNER
        return str(self.current_user.username)

    def key(self, session_id: str) -> SessionKey:
        """Return the caller's session of that id."""
        return SessionKey(self.owner, self.manager.root, session_id)


class AgentHandler(Caller, APIHandler):
    """Translates: parse, one call of the manager, answer."""

    async def prepare(self) -> None:  # type: ignore[override]
        """Check the caller, then see to it that the manager works."""
        await super().prepare()
        await self.manager.start()

    def body(self, cls: type[T]) -> T:
        """Return the request's JSON body as `cls`. Raises BadRequestError that names the field."""
        raw = self.request.body
        if len(raw) > MAX_BODY:
            raise TooLargeError(f"The body has {len(raw)} bytes, at most {MAX_BODY} are taken.")
        try:
            return msgspec.json.decode(raw or b"{}", type=cls)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BadRequestError(f"The body is not as expected: {error}") from error

    def number(self, name: str, default: int) -> int:
        """Return a query argument that is a number ≥ 0. Raises BadRequestError."""
        text = self.get_query_argument(name, "")
        return whole_number(name, text) if text else default

    def answer(self, value: Any, status: int = 200) -> None:
        """Answer with `value` (dataclasses and all) as JSON."""
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.finish(msgspec.json.encode(value))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer any error as {message, code, hint}."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, AgentError):
            self.set_status(error.status)
            body = error.to_json()
        else:
            body = _plain(status_code, error)
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(body, default=str))

    def log_exception(
        self,
        typ: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        """Log a traceback for our own bugs only."""
        if isinstance(value, AgentError) and value.status != HTTPStatus.INTERNAL_SERVER_ERROR:
            self.log.info("%s %s: %s", self.request.method, self.request.path[:200], value)
        elif not isinstance(value, StreamClosedError):
            super().log_exception(typ, value, tb)


def names_nobody(identity_provider: object) -> bool:
    """Say whether whoever logs in is anonymous: by a token or a password."""
    return type(identity_provider) in (IdentityProvider, PasswordIdentityProvider)


def sole_owner(identity_provider: object) -> str:
    """Return whose session it is where nobody is logged in: the person the server runs for."""
    if names_nobody(identity_provider):
        return LOCAL_OWNER
    return os.environ.get("JUPYTERHUB_USER") or LOCAL_OWNER


def whole_number(name: str, text: str) -> int:
    """Return a number ≥ 0 from its digits. Raises BadRequestError."""
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise BadRequestError(f"{name}={text[:40]!r} is not a whole number.")
    return int(text)


def protected(action: str, resource: str) -> Callable[[F], F]:
    """Let a verb be called by who is logged in and may do `action` to `resource`.

    Both are always given: the bare decorator of jupyter_server remembers the resource of the
    first handler that it met.
    """

    def decorate(method: F) -> F:
        guarded: Any = authorized(action, resource=f"jupyter_agent_ext:{resource}")(method)
        return cast("F", web.authenticated(guarded))

    return decorate


def _plain(status: int, error: BaseException | None) -> dict[str, Any]:
    """Return the body for an error that is not of our tree."""
    message = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Error"
    if isinstance(error, web.HTTPError) and error.log_message:
        try:
            message = error.log_message % error.args if error.args else error.log_message
        except (TypeError, ValueError):
            message = error.log_message
    hints = {
        403: "Send the server's token: Authorization: token …",
        404: "The API is described at agent/openapi.json.",
        405: "The API is described at agent/openapi.json.",
    }
    code = message.lower().replace(" ", "_") if status != 500 else "internal"
    return {
        "message": message,
        "code": {401: "unauthenticated", 403: "forbidden", 404: "not_found"}.get(status, code),
        "hint": hints.get(status, "See the server's log."),
    }


def iso(seconds: float) -> str:
    """Return a Unix time as ISO 8601 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
