"""Every error a caller can meet, with its HTTP status, a stable code and a hint (floor 0)."""

from __future__ import annotations

from typing import Any, ClassVar


class AgentError(Exception):
    """Say what went wrong and what to do next; `handlers` answers it as JSON.

    `str(error)` is the message. `hint` says what the caller can do. `details` is JSON
    that goes into the answer beside them (for example the kernels to choose from).
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"
    default_hint: ClassVar[str] = "See the server's log."

    def __init__(self, message: str, *, hint: str | None = None, **details: Any) -> None:
        super().__init__(message)
        self.hint = self.default_hint if hint is None else hint
        self.details = details

    def told(self) -> str:
        """Return message and hint as sentences."""
        message = str(self).rstrip()
        stop = "" if message.endswith((".", "!", "?", ":")) else "."
        return f"{message}{stop} {self.hint}".strip()

    def to_json(self) -> dict[str, Any]:
        """Return the body of the HTTP answer."""
        return {"message": str(self), "code": self.code, "hint": self.hint, **self.details}


class BadRequestError(AgentError):
    """The request itself is wrong."""

    status, code = 400, "bad_request"
    default_hint = "Correct the request; the API is described at agent/openapi.json."


class ForbiddenError(AgentError):
    """The caller may not do this."""

    status, code = 403, "forbidden"
    default_hint = "Ask the owner of this server for the permission."


class NotFoundError(AgentError):
    """What was named is not there, or not yours: both answer alike."""

    status, code = 404, "not_found"
    default_hint = "Check the name; GET agent/sessions lists the sessions."


class ConflictError(AgentError):
    """The request does not fit the present state."""

    status, code = 409, "conflict"
    default_hint = "Read the present state, then try again."


class TurnRunningError(ConflictError):
    """A turn of this session is running or waits for an approval."""

    code = "turn_running"
    default_hint = "Wait for the turn to end, or POST sessions/{id}/interrupt."


class AmbiguousKernelError(ConflictError):
    """The notebook has several kernels and the caller named none."""

    code = "ambiguous_kernel"
    default_hint = "Send context.kernel_id with one of the kernels listed."


class StaleCellError(ConflictError):
    """The cell's source is not the one the caller saw; `details["source"]` is today's."""

    code = "stale_cell"
    default_hint = "Read the cell again and base the edit on its present source."


class OpenElsewhereError(ConflictError):
    """Somebody else's page has the notebook open, so its file is not written."""

    code = "open_elsewhere"
    default_hint = "Ask the user to close it there, or to make the change in that window."


class PageError(ConflictError):
    """A page did not do what it was asked, and nothing happened."""

    code = "page"
    default_hint = "Look at the notebook in the browser; reload the page if it does not react."


class LapsedError(PageError):
    """A page did not answer in time: what it was asked may or may not have happened."""

    code = "lapsed"
    default_hint = "Read the notebook again before you repeat it."


class SequenceError(ConflictError):
    """Somebody else appended to the log first."""

    code = "sequence"
    default_hint = "Read the log again from its end."


class LeaseError(ConflictError):
    """Another server writes this session at the moment."""

    code = "held_elsewhere"
    default_hint = "Use the server that holds the session, or wait until it has closed it."


class TooLargeError(AgentError):
    """A value is larger than its limit."""

    status, code = 413, "too_large"
    default_hint = "Send less; put long data into a file beside the notebook."


class LimitError(AgentError):
    """Too much is going on at once."""

    status, code = 429, "limit"
    default_hint = "Wait until a running turn has ended."


class ModelError(AgentError):
    """The model did not answer usefully.

    `retry_after` is the number of seconds the provider asked for, `retryable` whether the
    same call may succeed later.
    """

    status, code = 502, "model"
    default_hint = "Try again, or choose another model: GET agent/models lists them."

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        retryable: bool = False,
        retry_after: float | None = None,
        **details: Any,
    ) -> None:
        super().__init__(message, hint=hint, **details)
        self.retryable = retryable
        self.retry_after = retry_after


class ModelAuthError(ModelError):
    """The provider refused the key, or none is set."""

    code = "model_auth"
    default_hint = "Set the provider's key: PUT agent/models/{provider}/key."


class ContextWindowError(ModelError):
    """The conversation does not fit into the model's context."""

    code = "context_window"
    default_hint = "POST sessions/{id}/compact, or choose a model with a larger context."


class KernelError(AgentError):
    """The kernel is gone, does not answer, or cannot be read."""

    status, code = 503, "kernel"
    default_hint = "Restart the kernel from the notebook, then ask again."


class StoreError(AgentError):
    """The session store cannot be read or written."""

    status, code = 503, "store"
    default_hint = "Check free disk space and the store's address in the configuration."


class ToolError(Exception):
    """Tell the model why a tool call could not be done; it is a result, not a failure."""
