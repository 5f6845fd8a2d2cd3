"""Run examples/quickstart.ipynb on a server of its own, and keep the outputs in the file."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.session import Session
from nbclient import NotebookClient

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
QUICKSTART = EXAMPLES / "quickstart.ipynb"
TOKEN = "quickstart"
START_SECONDS = 60.0


class OwnIdentity(AsyncKernelClient):
    """A client with a ZMQ identity of its own: the server has one with the manager's."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        given = self.session
        self.session = Session(key=given.key, signature_scheme=given.signature_scheme)


class RunningKernel(AsyncKernelManager):
    """A manager of a kernel that the server has started and will end."""

    client_class = f"{__name__}.OwnIdentity"
    has_kernel = True

    def __init__(self, connection_file: str) -> None:
        super().__init__(connection_file=connection_file, owns_kernel=False)
        self.load_connection_file(connection_file)


def main() -> int:
    """Run the notebook; return 1 where a cell failed."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        shutil.copytree(EXAMPLES, root)
        book = without_outputs(nbformat.read(QUICKSTART, as_version=4))
        nbformat.write(book, root / QUICKSTART.name)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        server = subprocess.Popen(command(root, port), env=environment(Path(folder)))
        try:
            wait_until_ready(server, port)
            session = call(port, "api/sessions", notebook_session())
            file = Path(folder) / "runtime" / f"kernel-{session['kernel']['id']}.json"
            run(book, str(file))
        finally:
            server.terminate()
            server.wait(30)
    for cell in book.cells:
        cell.metadata.pop("execution", None)
    nbformat.validate(book)
    nbformat.write(book, QUICKSTART)
    return 0


def without_outputs(book: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return the notebook as if never run: outputs from elsewhere are not trusted."""
    for cell in book.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return book


def run(book: nbformat.NotebookNode, connection_file: str) -> None:
    """Run all cells. Raises CellExecutionError."""
    client = NotebookClient(
        book, km=RunningKernel(connection_file), timeout=120, coalesce_streams=True
    )
    try:
        client.execute()
    finally:
        client.kc.stop_channels()


def command(root: Path, port: int) -> list[str]:
    """Return the command of a server on which code runs without approval."""
    settings = {
        "ServerApp.jpserver_extensions": "{'jupyter_agent_ext': True}",
        "ServerApp.root_dir": root,
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
        "IdentityProvider.token": TOKEN,
        "AgentSessionManager.default_mode": "auto",
    }
    options = [f"--{name}={value}" for name, value in settings.items()]
    return [sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", *options]


def environment(folder: Path) -> dict[str, str]:
    """Return an environment in which nothing of the user's own is touched."""
    places = {"DATA": "data", "CONFIG": "config", "RUNTIME": "runtime"}
    own = {f"JUPYTER_{name}_DIR": str(folder / place) for name, place in places.items()}
    return {**os.environ, **own, "IPYTHONDIR": str(folder / "ipython")}


def notebook_session() -> dict[str, Any]:
    """Return what opening the notebook asks the server for."""
    kernel = {"name": "python3"}
    return {"path": QUICKSTART.name, "name": "", "type": "notebook", "kernel": kernel}


def wait_until_ready(server: subprocess.Popen[bytes], port: int) -> None:
    """Wait until the extension answers. Raises RuntimeError."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            call(port, "agent/health")
            return
        except (OSError, urllib.error.URLError) as error:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("The server did not start.") from error
        time.sleep(0.1)


def call(port: int, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Call the server; return the JSON of its answer."""
    headers = {"Authorization": f"token {TOKEN}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/{path}", data, headers)
    with urllib.request.urlopen(request, timeout=30) as response:
        answer: dict[str, Any] = json.loads(response.read())
    return answer


if __name__ == "__main__":
    sys.exit(main())
