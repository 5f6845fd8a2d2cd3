"""Which model answers, and what it costs to know."""

import subprocess
import sys

from jupyter_agent_ext.messages import Message, text_part
from jupyter_agent_ext.models.keys import KeyStore
from jupyter_agent_ext.models.litellm import LiteLLMModel
from jupyter_agent_ext.models.router import Models
from jupyter_agent_ext.protocols import Model
from jupyter_agent_ext.records import ModelRequest
from tests.scripted_model import LITELLM_WARNINGS, Text

pytestmark = LITELLM_WARNINGS


async def ask(models, name):
    request = ModelRequest(name, "", [Message("u", "user", [text_part("help")])])
    return [event async for event in models.stream(request)][-1].parts[0]["text"]


async def test_the_name_chooses(model, server):
    models = Models(model)
    server.script(Text("from the provider"))
    assert isinstance(models, Model)
    assert await ask(models, "openai/x") == "from the provider"
    assert "rule-based" in await ask(models, "embedded")
    assert "rule-based" in await ask(models, "")


def test_the_embedded_analyst_is_listed_first_and_nothing_leaves_by_itself(tmp_path):
    environ = {"OPENAI_API_KEY": "sk-x"}
    keys = KeyStore(tmp_path / "keys.json", environ)
    listed = Models(LiteLLMModel(keys, environ=environ)).available()
    assert listed[0].name == "embedded"
    assert [info.name for info in listed if info.local] == ["embedded"]
    assert "openai/gpt-5" in [info.name for info in listed]


CHEAP = """
import sys
from jupyter_agent_ext.models.keys import KeyStore
from jupyter_agent_ext.models.litellm import LiteLLMModel
from jupyter_agent_ext.models.router import Models
models = Models(LiteLLMModel(KeyStore(sys.argv[1])))
models.available()
models.info("openai/gpt-5")
heavy = {"litellm", "openai", "httpx", "pandas", "numpy", "matplotlib", "tornado"}
print(sorted(heavy & set(sys.modules)))
"""


def test_nothing_heavy_is_imported_to_list_and_describe(tmp_path):
    command = [sys.executable, "-c", CHEAP, str(tmp_path / "keys.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
