"""Any provider that litellm knows, as a Model (floor 1)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

from ..errors import ModelError
from ..messages import Usage
from ..records import Json, ModelEvent, ModelInfo, ModelRequest
from . import failures, library
from .answer import Answer, tokens
from .conversion import Converter, tools
from .keys import KeyStore
from .providers import PROVIDERS, is_local, ollama_models, provider_of

_YIELD_EVERY = 0.005
_CLOSE_TIMEOUT = 2.0
_SECRET_LENGTH = 8
_CACHING = frozenset({"anthropic", "bedrock", "vertex_ai", "openrouter", "databricks"})


class LiteLLMModel:
    """Calls providers through litellm, which is imported by the first call.

    `api_bases` maps a model's or a provider's name to the address that is called instead of
    the provider's own; nothing in a request can change it. `overrides` maps a model's name to
    what litellm cannot know of it: context_window, images, input_cost and output_cost (US
    dollars per token). `first_timeout` and `chunk_timeout` bound the wait for the first and
    each further chunk, `total_timeout` the whole answer, in seconds.
    """

    def __init__(
        self,
        keys: KeyStore,
        *,
        api_bases: Mapping[str, str] | None = None,
        overrides: Mapping[str, Mapping[str, Any]] | None = None,
        environ: Mapping[str, str] | None = None,
        first_timeout: float = 180.0,
        chunk_timeout: float = 90.0,
        total_timeout: float = 900.0,
        log: logging.Logger | None = None,
    ) -> None:
        self._keys = keys
        self._api_bases = dict(api_bases or {})
        self._overrides = dict(overrides or {})
        self._environ = os.environ if environ is None else environ
        self._first, self._between, self._total = first_timeout, chunk_timeout, total_timeout
        self._log = log or logging.getLogger(__name__)

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        """Yield deltas, then one ModelDone. Raises ModelError and its kinds.

        Close it (`contextlib.aclosing`) where it is left early: that ends the connection.
        """
        model = request.model
        options = self._credentials(model)
        litellm, secrets = await _library(), self._secrets(model, options)
        answer, deadline = Answer(provider_of(model)), time.monotonic() + self._total
        arguments = await self._arguments(litellm, request, options)
        stream: Any = None
        try:
            patience = self._first
            async with self._within(model, patience, deadline):
                stream = await litellm.acompletion(**arguments)
            chunks, yielded = aiter(stream), time.monotonic()
            while True:
                async with self._within(model, patience, deadline):
                    chunk = await anext(chunks, None)
                if chunk is None:
                    break
                patience = self._between
                for event in answer.add(chunk):
                    yield event
                if time.monotonic() - yielded > _YIELD_EVERY:
                    await asyncio.sleep(0)
                    yielded = time.monotonic()
            yield self._end(litellm, request, answer, stream)
        except ModelError:
            raise
        except Exception as e:
            self._log.debug("%s raised %s", model, type(e).__name__)
            raise failures.classify(e, model, secrets) from None
        finally:
            await _close(stream)

    def info(self, model: str) -> ModelInfo:
        """Describe `model`, with what litellm knows of it once it is loaded."""
        provider = provider_of(model)
        known = self._known(model)
        return ModelInfo(
            name=model,
            provider=provider,
            local=is_local(model, self._api_base(model), self._environ),
            ready=self._ready(model),
            description=PROVIDERS[provider].title if provider in PROVIDERS else provider,
            context_window=known.get("context_window"),
            images=bool(known.get("images")),
        )

    def available(self) -> list[ModelInfo]:
        """List examples of what keys, environment and configuration offer; nothing is called."""
        names = [name for name in (*self._overrides, *self._api_bases) if "/" in name]
        for provider in self._keys.sources():
            examples = PROVIDERS[provider].models if provider in PROVIDERS else ()
            names += [f"{provider}/{name}" for name in examples]
        names += [f"ollama_chat/{name}" for name in ollama_models(self._environ)]
        return [self.info(name) for name in dict.fromkeys(names)]

    async def close(self) -> None:
        """Close the connections that are kept for further calls."""
        await library.close()

    # ------------------------------------------------------------ before the call

    def _credentials(self, model: str) -> Json:
        """Return api_base and api_key where they do not come from the environment."""
        options: Json = {}
        provider, api_base = provider_of(model), self._api_base(model)
        if api_base is not None:
            options["api_base"] = api_base
        key = self._keys.secret(provider)
        if key is None and api_base is not None and self._keys.source(provider) is None:
            key = "none"  # a server of one's own often wants no key, the client always one
        if key is not None:
            options["api_key"] = key
        elif not self._ready(model):
            raise failures.no_key(model, provider, PROVIDERS[provider].env)
        return options

    def _secrets(self, model: str, options: Json) -> list[str]:
        """Return what must not be repeated in an error's message."""
        provider = PROVIDERS.get(provider_of(model))
        known = [self._environ.get(name, "") for name in (provider.env if provider else ())]
        return [key for key in (options.get("api_key", ""), *known) if len(key) >= _SECRET_LENGTH]

    async def _arguments(self, litellm: Any, request: ModelRequest, options: Json) -> Json:
        model, provider = request.model, provider_of(request.model)
        if "api_key" not in options and provider not in PROVIDERS:
            _check_environment(litellm, model, provider)
        known = self._known(model)
        converter = Converter(
            request,
            provider=provider,
            images=bool(known.get("images")),
            # A generic server would get the marks verbatim, and need not take them.
            cached=provider in _CACHING and "claude" in model and bool(known.get("caching")),
        )
        arguments: Json = {
            "model": model,
            "messages": await converter.messages(),
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_retries": 0,
            "num_retries": 0,
            "drop_params": True,
            "_skip_mcp_handler": True,
            "timeout": self._total,
            **options,
        }
        if request.tools:
            arguments["tools"] = tools(request.tools)
        if request.max_tokens is not None:
            arguments["max_tokens"] = request.max_tokens
        return arguments

    def _api_base(self, model: str) -> str | None:
        return self._api_bases.get(model) or self._api_bases.get(provider_of(model))

    def _ready(self, model: str) -> bool:
        provider = PROVIDERS.get(provider_of(model))
        if provider is None or provider.ambient or self._api_base(model) is not None:
            return True
        return self._keys.source(provider.name) is not None

    def _known(self, model: str) -> Json:
        """Return context_window, images, caching and prices, as far as they are known."""
        known: Json = {}
        litellm = library.present()
        if litellm is not None:
            # It knows 4 000 models by name and raises for the others.
            with contextlib.suppress(Exception):
                info = litellm.get_model_info(model)
                known = {
                    "context_window": info.get("max_input_tokens") or info.get("max_tokens"),
                    "images": info.get("supports_vision"),
                    "caching": info.get("supports_prompt_caching"),
                }
        return {**known, **self._overrides.get(model, {})}

    @contextlib.asynccontextmanager
    async def _within(self, model: str, seconds: float, deadline: float) -> AsyncIterator[None]:
        """Bound a wait; never held across a yield, where it would cancel the caller's work."""
        left = deadline - time.monotonic()
        try:
            async with asyncio.timeout(min(seconds, left)):
                yield
        except TimeoutError:
            if left <= seconds:
                raise failures.too_slow(model, self._total, "did not finish its answer") from None
            raise failures.too_slow(model, seconds, "sent nothing") from None

    # ------------------------------------------------------------ after the call

    def _end(self, litellm: Any, request: ModelRequest, answer: Answer, stream: Any) -> ModelEvent:
        # litellm reports a stream that just stops as "stop"; only this tells them apart.
        reason = getattr(stream, "received_finish_reason", "stop")
        if reason is None:
            raise failures.broken_off(request.model)
        after_tools = bool(request.messages) and request.messages[-1].role == "tool"
        if answer.empty and reason == "stop" and not after_tools:
            raise failures.said_nothing(request.model)
        usage = tokens(answer.reported)
        usage.cost = self._cost(litellm, request.model, answer.reported, usage)
        return answer.done(str(reason), usage)

    def _cost(self, litellm: Any, model: str, reported: Any, usage: Usage) -> float | None:
        known = self._overrides.get(model, {})
        if "input_cost" in known and "output_cost" in known:
            prompt = usage.input_tokens * float(known["input_cost"])
            return prompt + usage.output_tokens * float(known["output_cost"])
        if reported is None or self._api_base(model) is not None:
            return None  # whoever answers at that address has prices of its own
        try:
            prompt, completion = litellm.cost_per_token(model=model, usage_object=reported)
        except Exception:
            return None
        return float(prompt + completion)


def _check_environment(litellm: Any, model: str, provider: str) -> None:
    missing = litellm.validate_environment(model).get("missing_keys") or []
    if missing:
        raise failures.no_key(model, provider, missing)


async def _library() -> Any:
    try:
        return await library.load()
    except ImportError as e:
        hint = "Install it where the server runs: pip install 'litellm>=1.80'."
        raise ModelError(f"litellm cannot be imported: {e}", hint=hint) from e


async def _close(stream: Any) -> None:
    """End the connection; older versions can close only what the stream wraps."""
    if not hasattr(stream, "aclose"):
        stream = getattr(stream, "completion_stream", None)
    close = getattr(stream, "aclose", None) or getattr(stream, "close", None)
    if close is None:
        return
    with contextlib.suppress(Exception):
        async with asyncio.timeout(_CLOSE_TIMEOUT):
            await close()
