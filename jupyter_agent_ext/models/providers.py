"""The providers that are known by name: where their keys come from, what they offer (floor 1)."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider as litellm names it.

    Any one of the variables `env` holds its key; `also` are further ones that it needs.
    `ambient` providers find their credentials elsewhere too (a cloud's own login, a local
    server without any), so a missing key is no reason to refuse. `models` are examples.
    """

    name: str
    title: str
    env: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    ambient: bool = False


_TABLE = (
    Provider("openai", "OpenAI", ("OPENAI_API_KEY",), ("gpt-5", "gpt-5-mini")),
    Provider("anthropic", "Anthropic", ("ANTHROPIC_API_KEY",), ("claude-sonnet-4-5",)),
    Provider(
        "gemini", "Google Gemini", ("GEMINI_API_KEY", "GOOGLE_API_KEY"), ("gemini-2.5-flash",)
    ),
    Provider("mistral", "Mistral", ("MISTRAL_API_KEY",), ("mistral-large-latest",)),
    Provider("groq", "Groq", ("GROQ_API_KEY",), ("openai/gpt-oss-120b",)),
    Provider("openrouter", "OpenRouter", ("OPENROUTER_API_KEY",), ("anthropic/claude-sonnet-4.5",)),
    Provider("azure", "Azure OpenAI", ("AZURE_API_KEY",), also=("AZURE_API_BASE",)),
    Provider("deepseek", "DeepSeek", ("DEEPSEEK_API_KEY",), ("deepseek-chat",)),
    Provider("xai", "xAI", ("XAI_API_KEY",), ("grok-4",)),
    Provider("cohere", "Cohere", ("COHERE_API_KEY", "CO_API_KEY"), ("command-a-03-2025",)),
    Provider(
        "together_ai",
        "Together AI",
        ("TOGETHERAI_API_KEY", "TOGETHER_API_KEY", "TOGETHER_AI_API_KEY"),
        ("openai/gpt-oss-120b",),
    ),
    Provider("fireworks_ai", "Fireworks AI", ("FIREWORKS_API_KEY", "FIREWORKS_AI_API_KEY")),
    Provider("perplexity", "Perplexity", ("PERPLEXITYAI_API_KEY", "PERPLEXITY_API_KEY")),
    Provider("cerebras", "Cerebras", ("CEREBRAS_API_KEY",)),
    Provider("huggingface", "Hugging Face", ("HUGGINGFACE_API_KEY", "HF_TOKEN")),
    Provider("nvidia_nim", "NVIDIA NIM", ("NVIDIA_NIM_API_KEY",)),
    Provider("databricks", "Databricks", ("DATABRICKS_API_KEY",), also=("DATABRICKS_API_BASE",)),
    Provider("github", "GitHub Models", ("GITHUB_API_KEY",)),
    Provider(
        "bedrock",
        "Amazon Bedrock",
        ("AWS_BEARER_TOKEN_BEDROCK", "AWS_ACCESS_KEY_ID", "AWS_PROFILE"),
        ambient=True,
    ),
    Provider("vertex_ai", "Google Vertex AI", ("GOOGLE_APPLICATION_CREDENTIALS",), ambient=True),
    Provider("ollama", "Ollama", ("OLLAMA_API_KEY",), ambient=True),
    Provider("ollama_chat", "Ollama", ("OLLAMA_API_KEY",), ambient=True),
    Provider("hosted_vllm", "vLLM", ("HOSTED_VLLM_API_KEY",), ambient=True),
    Provider("lm_studio", "LM Studio", ("LM_STUDIO_API_KEY",), ambient=True),
)
PROVIDERS: dict[str, Provider] = {provider.name: provider for provider in _TABLE}

_BARE_NAMES = (
    (("gpt-", "chatgpt-", "o1", "o3", "o4"), "openai"),
    (("claude-",), "anthropic"),
    (("gemini-",), "vertex_ai"),
    (("command-",), "cohere"),
)
_MOST_OLLAMA = 50
_OLLAMA = ("ollama", "ollama_chat")


def provider_of(model: str) -> str:
    """Return the provider in a model's name, the empty string if it tells none."""
    provider, slash, _ = model.partition("/")
    if slash:
        return provider
    return next((name for starts, name in _BARE_NAMES if model.startswith(starts)), "")


def is_local(model: str, api_base: str | None, environ: Mapping[str, str]) -> bool:
    """Say whether what is sent to `model` stays on this machine."""
    if provider_of(model) in _OLLAMA:
        api_base = api_base or environ.get("OLLAMA_API_BASE") or "http://localhost:11434"
        if model.endswith("-cloud"):  # Ollama hands these on to its own cloud
            return False
    return api_base is not None and _is_loopback(api_base)


def ollama_models(environ: Mapping[str, str]) -> list[str]:
    """Return the models that Ollama has pulled to this machine, from its own files."""
    home = environ.get("HOME") or environ.get("USERPROFILE")
    folder = environ.get("OLLAMA_MODELS") or (home and f"{home}/.ollama/models")
    if not folder:
        return []
    try:
        found = Path(folder, "manifests", "registry.ollama.ai", "library").glob("*/*")
        return sorted(f"{tag.parent.name}:{tag.name}" for tag in found)[:_MOST_OLLAMA]
    except OSError:
        return []


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
