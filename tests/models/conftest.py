"""Fixtures of the model tests."""

from __future__ import annotations

import pytest

from jupyter_agent_ext.models import library
from jupyter_agent_ext.models.keys import KeyStore
from jupyter_agent_ext.models.litellm import LiteLLMModel
from tests.scripted_model import ScriptedModelServer


@pytest.fixture
def server():
    with ScriptedModelServer() as server:
        yield server


@pytest.fixture
def keys(tmp_path):
    return KeyStore(tmp_path / "keys.json", environ={})


@pytest.fixture(scope="session")
def litellm():
    """The library, imported before a test's own deadlines begin."""
    return library.load_blocking()


@pytest.fixture
def model(server, keys, litellm):
    return LiteLLMModel(keys, api_bases={"openai": server.url}, environ={})
