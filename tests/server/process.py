"""A server in a process of its own, to be killed and started again."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import quote

TOKEN = "test-token"


class ServerProcess:
    """`jupyter server` on a folder; `config` goes on the command line as traits."""

    def __init__(self, root: Path, home: Path, config: dict[str, str] | None = None) -> None:
        self.root, self.home, self.config = root, home, config or {}
        self.process: subprocess.Popen[bytes] | None = None
        self.base = ""

    def start(self) -> ServerProcess:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.base = f"http://127.0.0.1:{port}/"
        folders = {
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "IPYTHONDIR": "ipython",
        }
        env = {
            **os.environ,
            **{name: str(self.home / folder) for name, folder in folders.items()},
            "JUPYTER_SERVER_ALLOW_UNAUTHENTICATED_ACCESS": "false",
        }
        self.log = (self.home / "server.log").open("ab")
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "jupyter_server",
                "--no-browser",
                "--allow-root",
                "--ServerApp.jpserver_extensions={'jupyter_agent_ext': True}",
                f"--ServerApp.root_dir={self.root}",
                f"--ServerApp.port={port}",
                "--ServerApp.ip=127.0.0.1",
                "--ServerApp.port_retries=0",
                f"--IdentityProvider.token={TOKEN}",
                *(f"--{name}={value}" for name, value in self.config.items()),
            ],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
        )
        deadline = time.monotonic() + 60
        while True:
            assert self.process.poll() is None, self.tail()
            try:
                status, _ = self.call("GET", "health", timeout=2)
            except OSError:
                status = 0
            if status == 200:
                return self
            assert time.monotonic() < deadline, self.tail()
            time.sleep(0.1)

    def call(self, method, *path, body=None, timeout=60, prefix="agent", query=""):
        where = "/".join(quote(p, safe="") for p in path)
        request = urllib.request.Request(
            f"{self.base}{prefix}/{where}{query}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"token {TOKEN}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=timeout) as response:
                return response.status, json.loads(response.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")

    def quick(self, query, **body):
        context = {"notebook_id": "analysis.ipynb", **body.pop("context", {})}
        return self.call("POST", "quick", body={"query": query, "context": context, **body})

    def kill(self):
        """End it as a power cut would, without a chance to say goodbye."""
        self._end(signal.SIGKILL)

    def stop(self):
        self._end(signal.SIGTERM)

    def _end(self, number):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(30)
        self.log.close()

    def tail(self):
        return (self.home / "server.log").read_text(errors="replace")[-4000:]
