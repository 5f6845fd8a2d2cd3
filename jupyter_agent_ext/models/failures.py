"""Whatever a provider or litellm raises, as one of our model errors (floor 1)."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from email.utils import parsedate_to_datetime
from typing import Any

from ..errors import ContextWindowError, ModelAuthError, ModelError

_PREFIXES = re.compile(r"^(?:litellm\.\w+: |\w+(?:Error|Exception): |\w+Exception - )+")
_TAIL = re.compile(r"\s*(?:Original exception:|Pass model as E\.g\.).*", re.DOTALL)
_TOO_LONG = re.compile(
    r"context.{0,10}(?:length|window)|maximum context|prompt is too long|too many (?:input )?tokens"
    r"|input is too long|exceeds? the (?:maximum|model'?s) (?:number of )?(?:tokens|context)",
    re.IGNORECASE,
)
_NO_MONEY = re.compile(r"insufficient_quota|current quota|billing|credit balance", re.IGNORECASE)
_UNREACHABLE = re.compile(r"connection error|cannot connect|connect call failed", re.IGNORECASE)
_SECRET = re.compile(r"\b(?:sk|pk|gsk|xai|key|AIza)[-_A-Za-z0-9*]{8,}|Bearer \S+")
_RETRYABLE = frozenset({408, 409, 425, 429})
_MESSAGE_LIMIT = 500


def classify(error: BaseException, model: str, secrets: Iterable[str] = ()) -> ModelError:
    """Return the ModelError for what a call to `model` raised; `secrets` are cut out of it.

    litellm's own classes do not tell enough (a refused connection is an InternalServerError),
    so status, class name and text are looked at together.
    """
    original = getattr(error, "original_exception", None) or error
    text = _clean(str(original), secrets)
    status = _status(original) or _status(error)
    name = type(original).__name__
    about: dict[str, Any] = {"model": model}
    if status is not None:
        about["provider_status"] = status
    if status in (401, 403) or name == "AuthenticationError":
        return ModelAuthError(f"The provider of {model} refused the key: {text}", **about)
    if name == "ContextWindowExceededError" or (status in (400, 413) and _TOO_LONG.search(text)):
        return ContextWindowError(f"The conversation is too long for {model}: {text}", **about)
    if status == 429:
        return _limited(model, text, original, about)
    if _UNREACHABLE.search(text):
        hint = "Check that the model's server is running and that this machine can reach it."
        message = f"The provider of {model} cannot be reached: {text}"
        return ModelError(message, hint=hint, retryable=True, **about)
    retryable = status is None or status >= 500 or status in _RETRYABLE
    return ModelError(
        f"{model} failed: {text}",
        retryable=retryable,
        retry_after=_retry_after(original) if retryable else None,
        **about,
    )


def too_slow(model: str, seconds: float, what: str) -> ModelError:
    """Return the error for a model that kept us waiting; `what` it did not do in time."""
    hint = "Try again; a slow local model needs a longer timeout in the configuration."
    message = f"{model} {what} within {seconds:g} s."
    return ModelError(message, hint=hint, retryable=True, model=model)


def broken_off(model: str) -> ModelError:
    """Return the error for a stream that stopped without saying that it was complete."""
    message = f"The answer of {model} broke off before its end."
    return ModelError(message, retryable=True, model=model)


def said_nothing(model: str) -> ModelError:
    """Return the error for an answer without text and calls."""
    return ModelError(f"{model} answered nothing.", retryable=True, model=model)


def no_key(model: str, provider: str, variables: Iterable[str]) -> ModelAuthError:
    """Return the error for a provider without a key."""
    names = " or ".join(variables)
    return ModelAuthError(
        f"No key is set for {provider or 'the provider of ' + model}.",
        hint=f"PUT agent/models/{provider}/key"
        + (f", or set {names} where the server is started." if names else "."),
        model=model,
    )


def _limited(model: str, text: str, error: BaseException, about: dict[str, Any]) -> ModelError:
    if _NO_MONEY.search(text):
        hint = "Check the plan and the billing of the provider's account."
        return ModelError(f"The account for {model} is used up: {text}", hint=hint, **about)
    return ModelError(
        f"The provider of {model} limits the rate: {text}",
        retryable=True,
        retry_after=_retry_after(error),
        **about,
    )


def _status(error: object) -> int | None:
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) else None


def _clean(text: str, secrets: Iterable[str]) -> str:
    text = _TAIL.sub("", _PREFIXES.sub("", text)).strip()
    for secret in secrets:
        text = text.replace(secret, "[key]")
    text = _SECRET.sub("[key]", text)
    text = " ".join(text.split()) or "it did not say why"
    return text if len(text) <= _MESSAGE_LIMIT else text[:_MESSAGE_LIMIT] + " …"


def _retry_after(error: object) -> float | None:
    headers = getattr(error, "litellm_response_headers", None)
    if headers is None:
        headers = getattr(getattr(error, "response", None), "headers", None)
    if headers is None:
        return None
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    seconds = _number(value)
    if seconds is None and isinstance(value, str):
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except ValueError:
            return None
    return None if seconds is None else max(0.0, seconds)


def _number(value: object) -> float | None:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
