"""A real JupyterLab with the built extension and real kernels, driven in Chromium."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.scripted_model import ScriptedModelServer
from tests.ui.person import Person

ROOT = Path(__file__).parents[2]
BUILT = ROOT / "jupyter_agent_ext" / "labextension"
SHOTS = Path(os.environ.get("UI_SHOTS", ROOT / "build" / "screenshots"))
TOKEN = "ui-tests"
# the first one's toast covers the panel; the others share documents, which is tested by itself
DISABLED = (
    "@jupyterlab/apputils-extension:announcements",
    "@jupyter/collaboration-extension",
    "@jupyter/docprovider-extension",
)
BROWSERS = ("chromium", "google-chrome")


@pytest.fixture(autouse=True)
def jp_asyncio_loop() -> None:
    """No event loop here: Playwright's synchronous API brings its own."""


@pytest.fixture(autouse=True)
def jp_server_cleanup() -> None:
    """The server is a process of its own."""


def find_browser() -> str | None:
    """Return the path of a Chromium on this machine."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


class Lab:
    """One JupyterLab server; its root folder is `root`, `shared` shares its documents."""

    def __init__(self, folder: Path, model_url: str, *, shared: bool = False) -> None:
        self.folder, self.root, self.shared = folder, folder / "root", shared
        self.root.mkdir()
        for name in ("analysis.ipynb", "sales.csv"):
            shutil.copy(ROOT / "examples" / name, self.root)
        self._write_config(model_url)
        self.log = (folder / "lab.log").open("w+")
        names = ("CONFIG", "DATA", "RUNTIME")
        environment = {f"JUPYTER_{n}_DIR": str(folder / n.lower()) for n in names}
        environment |= {"OPENAI_API_KEY": "sk-scripted", "IPYTHONDIR": str(folder / "ipython")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"],
            env={**os.environ, **environment},
            cwd=folder,
            stdout=self.log,
            stderr=subprocess.STDOUT,
        )
        self.url = self._address()
        assert self.api("GET", "agent/health")["status"] == "ok"

    def notebook(self, path: str, *sources: str) -> str:
        """Write a notebook with these code cells; return its path."""
        cells = [
            {
                "cell_type": "code",
                "id": f"cell{number}",
                "metadata": {},
                "execution_count": None,
                "outputs": [],
                "source": source,
            }
            for number, source in enumerate(sources, start=1)
        ]
        kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        body = {"cells": cells, "metadata": {"kernelspec": kernelspec}}
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps({**body, "nbformat": 4, "nbformat_minor": 5}))
        return path

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """Call the server's REST API as another client would."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"token {TOKEN}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read() or b"null")

    def said(self) -> str:
        """Return the server's log."""
        return (self.folder / "lab.log").read_text()

    def stop(self) -> None:
        """End the server and its kernels."""
        self.process.terminate()
        self.process.wait(30)
        self.log.close()

    def _write_config(self, model_url: str) -> None:
        config = self.folder / "config"
        (config / "labconfig").mkdir(parents=True)
        disabled = dict.fromkeys(DISABLED[:1] if self.shared else DISABLED, True)
        page = json.dumps({"disabledExtensions": disabled})
        (config / "labconfig" / "page_config.json").write_text(page)
        settings = {
            "ServerApp": {
                "ip": "127.0.0.1",
                "port": 0,
                "root_dir": str(self.root),
                "jpserver_extensions": {
                    "jupyter_agent_ext": True,
                    "jupyter_server_ydoc": self.shared,
                },
            },
            "IdentityProvider": {"token": TOKEN},
            "LabApp": {
                "expose_app_in_browser": True,
                "workspaces_dir": str(self.folder / "workspaces"),
                "user_settings_dir": str(self.folder / "settings"),
            },
            "AgentExtension": {
                "store_url": str(self.folder / "sessions.sqlite"),
                "api_bases": {"openai": model_url},
            },
        }
        (config / "jupyter_server_config.json").write_text(json.dumps(settings))
        extensions = self.folder / "data" / "labextensions"
        extensions.mkdir(parents=True)
        (extensions / "jupyter-agent-ext").symlink_to(BUILT)

    def _address(self) -> str:
        """Return the server's address from its runtime file, once it answers."""
        deadline = time.monotonic() + 60
        while True:
            for file in (self.folder / "runtime").glob("jpserver-*.json"):
                url = json.loads(file.read_text() or "{}").get("url", "")
                try:
                    urllib.request.urlopen(f"{url}api?token={TOKEN}", timeout=2).close()
                    return url
                except (OSError, ValueError):
                    continue
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.05)


@pytest.fixture(scope="session")
def scripted() -> Iterator[ScriptedModelServer]:
    with ScriptedModelServer() as server:
        yield server


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory, scripted: ScriptedModelServer) -> Iterator[Lab]:
    assert (BUILT / "package.json").exists(), "the extension is not built: make labextension"
    lab = Lab(tmp_path_factory.mktemp("lab"), scripted.url)
    try:
        yield lab
    finally:
        lab.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    playwright = pytest.importorskip("playwright.sync_api")
    path = find_browser()
    if path is None:
        pytest.skip("there is no Chromium on this machine")
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(
            executable_path=path, args=["--disable-dev-shm-usage", "--disable-gpu"]
        )
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(lab, browser, request):
    """Open a notebook in a new page, as a person would; errors of the page fail the test."""
    people = []

    def open_it(path, *, ready=True, before=lambda page: None):
        context = browser.new_context(viewport={"width": 1400, "height": 900})
        person = Person(lab, context.new_page())
        people.append(person)
        before(person.page)
        person.open(path, TOKEN, ready=ready)
        return person

    yield open_it
    SHOTS.mkdir(parents=True, exist_ok=True)
    errors = []
    for number, person in enumerate(people):
        person.page.screenshot(path=SHOTS / f"{request.node.name}-{number}.png")
        errors += person.errors
        person.page.context.close()
    assert errors == []


@pytest.fixture
def script(scripted):
    """The scripted model, without what an earlier test left over."""
    scripted.clear()
    yield scripted
    scripted.clear()
