"""Fixtures of the model tests."""

from __future__ import annotations

import shutil

import pytest
from jupyter_client.manager import start_new_kernel

from jupyter_agent_ext.models import library
from jupyter_agent_ext.models.keys import KeyStore
from jupyter_agent_ext.models.litellm import LiteLLMModel
from tests.models.talk import Talk
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


@pytest.fixture(scope="session")
def kernel(tmp_path_factory):
    """A real Python kernel that runs in a folder of its own."""
    folder = tmp_path_factory.mktemp("kernel")
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(folder))
    client.folder = folder
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)
    manager.cleanup_resources()


@pytest.fixture
def talk(kernel):
    """A conversation on a kernel without variables, beside sales.csv."""
    for entry in kernel.folder.iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    write_sales(kernel.folder / "sales.csv")
    talk = Talk(kernel, kernel.folder)
    talk.run("%reset -f")
    return talk


@pytest.fixture
def loaded(talk):
    """The same with `df` loaded by the user."""
    talk.run("import pandas as pd\ndf = pd.read_csv('sales.csv')")
    return talk


def write_sales(path):
    regions, products = ("North", "South", "East"), ("apple", "pear", "plum", "fig")
    lines = ["order_id,date,region,product,unit_price,quantity"]
    for n in range(60):
        price = "" if n % 20 == 7 else f"{5 + (n * 7) % 23}.5"
        day = f"2024-{1 + n // 20:02}-{1 + n % 20:02}"
        lines.append(f"{n},{day},{regions[n % 3]},{products[n % 4]},{price},{1 + n % 9}")
    path.write_text("\n".join(lines) + "\n")
