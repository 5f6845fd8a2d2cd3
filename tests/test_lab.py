"""The launcher of `make lab`: where it listens, what it says, how it ends."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import nbformat
import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "scripts" / "lab.py"


@pytest.fixture(scope="module")
def lab() -> ModuleType:
    spec = importlib.util.spec_from_file_location("lab", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_taken_port_is_passed_over(lab: ModuleType, taken: int) -> None:
    assert lab.choose_port(None, first=taken) > taken


def test_a_port_that_was_asked_for_is_not_silently_replaced(lab: ModuleType, taken: int) -> None:
    with pytest.raises(OSError, match=f"Port {taken} is taken"):
        lab.choose_port(taken)


@pytest.mark.parametrize("port", [0, -1, 70000])
def test_an_impossible_port_is_refused(lab: ModuleType, port: int) -> None:
    with pytest.raises(OSError, match="is no port"):
        lab.choose_port(port)


def test_root_is_allowed_only_for_root(lab: ModuleType) -> None:
    assert "--allow-root" in lab.command(Path("x"), 8888, root_user=True)
    assert "--allow-root" not in lab.command(Path("x"), 8888, root_user=False)


def test_the_token_is_in_the_environment_and_not_among_the_arguments(lab: ModuleType) -> None:
    assert lab.environment({"PATH": "p"}, "secret")["JUPYTER_TOKEN"] == "secret"
    assert "secret" not in " ".join(lab.command(Path("x"), 8888, root_user=False))


def test_the_first_request_is_what_a_shell_understands(lab: ModuleType) -> None:
    curl = lab.welcome(8890, "secret").split("\n\n")[-1]
    words = shlex.split(curl.replace("\\\n", " "))
    assert words[:3] == ["curl", "-s", "http://127.0.0.1:8890/agent/quick"]
    assert "Authorization: token secret" in words
    assert json.loads(words[words.index("-d") + 1]) == {
        "query": "Load sales.csv",
        "context": {"notebook_id": "quickstart.ipynb"},
        "mode": "auto",
    }


def test_jupyterlab_starts_answers_and_ends_with_its_launcher(tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("JUPYTER")}
    environment |= {"JUPYTER_TOKEN": "secret", "HOME": str(tmp_path)}
    command = [sys.executable, str(SCRIPT), "--root", str(tmp_path)]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as launcher:
        guard = threading.Timer(60, launcher.terminate)
        guard.start()
        try:
            assert launcher.stdout is not None
            said = ""
            for line in launcher.stdout:
                said += line
                if "agent/quick" in line:
                    break
            base = re.search(r"curl -s (http://127\.0\.0\.1:\d+/)agent/quick", said)
            assert base, said
            with urllib.request.urlopen(f"{base[1]}api/status?token=secret", timeout=10) as answer:
                assert answer.status == 200
        finally:
            launcher.send_signal(signal.SIGTERM)
            launcher.communicate(timeout=30)
            guard.cancel()
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"{base[1]}api/status?token=secret", timeout=10)


def test_the_examples_are_what_the_first_conversation_needs() -> None:
    sales = pd.read_csv(ROOT / "examples" / "sales.csv", parse_dates=["date"])
    assert list(sales.columns) == [
        "date", "region", "product", "units", "price", "revenue", "discount", "customer_age"
    ]  # fmt: skip
    missing = sales.isna().sum()
    assert set(missing[missing > 0].index) == {"discount", "customer_age"}
    paid = sales.units * sales.price * (1 - sales.discount)
    assert ((paid - sales.revenue).abs().dropna() < 0.01).all()
    notebook = nbformat.read(ROOT / "examples" / "analysis.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert [cell.cell_type for cell in notebook.cells] == ["markdown", "code"]
