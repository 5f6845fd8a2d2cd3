"""Start JupyterLab on examples/ for `make lab`, and say where it is and what to try first."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

HOST = "127.0.0.1"
FIRST_PORT = 8888
EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
NOTEBOOK = "quickstart.ipynb"
START_SECONDS = 120.0


def main(argv: list[str] | None = None) -> int:
    """Run JupyterLab until it ends; return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, help=f"default: the first free one from {FIRST_PORT}")
    parser.add_argument("--root", type=Path, default=EXAMPLES, help="the folder to serve")
    args = parser.parse_args(argv)
    try:
        port = choose_port(args.port)
    except OSError as error:
        print(error, file=sys.stderr)
        return 1
    token = os.environ.get("JUPYTER_TOKEN") or secrets.token_hex(24)
    trust(args.root / NOTEBOOK)
    server = subprocess.Popen(
        command(args.root, port, root_user=os.geteuid() == 0),
        env=environment(os.environ, token),
        stdin=None if sys.stdin.isatty() else subprocess.DEVNULL,
    )
    # Ctrl-C reaches the server too, which asks its question and ends; we wait for that.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: server.terminate())
    if wait_until_ready(server, port, token):
        print(welcome(port, token), flush=True)
    return server.wait()


def trust(notebook: Path) -> None:
    """Sign our own example: its outputs came with the clone, and distrust would always ask."""
    if notebook.exists():
        import nbformat
        from nbformat.sign import NotebookNotary

        NotebookNotary().sign(nbformat.read(notebook, as_version=4))


def choose_port(wanted: int | None, first: int = FIRST_PORT) -> int:
    """Return `wanted`, or the first free port from `first` on. Raises OSError if there is none."""
    if wanted is not None:
        if not 0 < wanted < 65536:
            raise OSError(f"{wanted} is no port; ports are 1 to 65535.")
        if is_free(wanted):
            return wanted
        raise OSError(f"Port {wanted} is taken. Leave PORT out to get a free one.")
    for port in range(first, first + 200):
        if is_free(port):
            return port
    raise OSError(f"No port from {first} to {first + 199} is free. Name one: make lab PORT=9999")


def is_free(port: int) -> bool:
    """Say whether a server could listen on this port of the loopback interface."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def command(root: Path, port: int, *, root_user: bool) -> list[str]:
    """Return the command that starts JupyterLab; the token goes by the environment."""
    options = {"ip": HOST, "port": port, "port_retries": 0, "base_url": "/", "root_dir": root}
    settings = [f"--ServerApp.{name}={value}" for name, value in options.items()]
    allow_root = ["--allow-root"] if root_user else []
    return [sys.executable, "-m", "jupyterlab", "--no-browser", *allow_root, *settings]


def environment(base: Mapping[str, str], token: str) -> dict[str, str]:
    """Return the server's environment: `base`, the token, and this interpreter's commands first."""
    path = os.pathsep.join([str(Path(sys.executable).parent), base.get("PATH", os.defpath)])
    return {**base, "JUPYTER_TOKEN": token, "PATH": path}


def wait_until_ready(server: subprocess.Popen[bytes], port: int, token: str) -> bool:
    """Wait until the server answers; False if it ended or took longer than two minutes."""
    request = urllib.request.Request(
        f"http://{HOST}:{port}/api/status", headers={"Authorization": f"token {token}"}
    )
    local = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        try:
            with local.open(request, timeout=5):
                return True
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    return False


def welcome(port: int, token: str) -> str:
    """Return the address and a first request, ready to be copied."""
    base = f"http://{HOST}:{port}/"
    body = {
        "query": "Load sales.csv",
        "context": {"notebook_id": NOTEBOOK},
        "mode": "auto",
    }
    return f"""
JupyterLab runs at

    {base}lab/tree/{NOTEBOOK}?token={token}

Ask the agent (Ctrl-C here ends the server):

    curl -s {base}agent/quick \\
      -H "Authorization: token {token}" \\
      -H "Content-Type: application/json" \\
      -d '{json.dumps(body)}'
"""


if __name__ == "__main__":
    sys.exit(main())
