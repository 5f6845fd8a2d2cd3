"""A real server with the extension, real kernels in it, and a person who uses them."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from pathlib import Path
from urllib.parse import quote, urlencode

import nbformat
import pytest
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.session import Session
from tornado.httpclient import HTTPClientError

from tests.scripted_model import ScriptedModelServer

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def agent_config():
    """What a test module may override: the traits of the extension and its manager."""
    return {}


@pytest.fixture
def jp_server_config(agent_config, tmp_path):
    extension = {"store_url": str(tmp_path / "agent" / "sessions.sqlite")}
    extension |= agent_config.get("AgentExtension", {})
    return {
        **agent_config,
        "ServerApp": {"jpserver_extensions": {"jupyter_agent_ext": True}},
        "AgentExtension": extension,
    }


@pytest.fixture
def jp_kernel_env(monkeypatch, tmp_path):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))


class Api:
    """Calls the API as any client would; every answer is (status, JSON)."""

    def __init__(self, client, base_url, headers):
        self._client, self._base, self._headers = client, base_url, headers

    async def call(self, method, *path, body=None, raw=None, timeout=90, query=None, **options):
        data = raw if raw is not None else (None if body is None else json.dumps(body))
        where = "/".join(quote(p, safe="") for p in path)
        try:
            response = await self._client.fetch(
                f"{self._base}agent/{where}{'?' + urlencode(query) if query else ''}",
                method=method,
                body=data,
                allow_nonstandard_methods=True,
                request_timeout=timeout,
                headers={**self._headers, **options.pop("headers", {})},
                **options,
            )
        except HTTPClientError as error:
            response = error.response
        kind = response.headers.get("Content-Type", "")
        body = response.body or b""
        return response.code, json.loads(body) if body and "json" in kind else body

    async def get(self, *path, **options):
        return await self.call("GET", *path, **options)

    async def post(self, *path, body=None, **options):
        return await self.call("POST", *path, body=body or {}, **options)

    async def quick(self, query, notebook="analysis.ipynb", mode="auto", **body):
        context = {"notebook_id": notebook, **body.pop("context", {})}
        return await self.post(
            "quick", body={"query": query, "context": context, "mode": mode, **body}
        )


class Person:
    """Somebody at the notebook: runs code in the kernel without the agent."""

    def __init__(self, kernel_id, km):
        self.kernel_id = kernel_id
        own = Session(parent=km, key=km.session.key, signature_scheme=km.session.signature_scheme)
        where = km.get_connection_info(session=False)
        del where["key"], where["signature_scheme"]
        self.client = AsyncKernelClient(**where, session=own)
        self.client.start_channels(hb=False)  # its beat is judged by one second of load

    async def run(self, code, timeout=30):
        """Run code and return the reply's content."""
        reply = await self.client.execute_interactive(
            code, timeout=timeout, output_hook=lambda message: None
        )
        return reply["content"]

    def begin(self, code):
        """Start code and return at once."""
        return self.client.execute(code)

    def close(self):
        self.client.stop_channels()


@pytest.fixture
def api(jp_serverapp, http_server_client, jp_base_url, jp_auth_header):
    return Api(http_server_client, jp_base_url, jp_auth_header)


@pytest.fixture
def notebook(jp_root_dir):
    """The example notebook and its data, in the server's root."""
    for name in ("analysis.ipynb", "sales.csv"):
        shutil.copy(EXAMPLES / name, jp_root_dir / name)
    return "analysis.ipynb"


@pytest.fixture
def make_notebook(jp_root_dir):
    def make(path, *sources):
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        target = jp_root_dir / path
        target.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(nbformat.v4.new_notebook(cells=cells), target)
        return path

    return make


@pytest.fixture
def open_notebook(jp_asyncio_loop, jp_fetch, jp_serverapp, notebook, jp_kernel_env):
    """Open a notebook as JupyterLab does: a session with a kernel; return the person there."""
    people = []

    async def open_it(path=notebook, kernel="python3", name=None):
        body = {
            "path": path,
            "name": name or path,
            "type": "notebook",
            "kernel": {"name": kernel},
        }
        response = await jp_fetch("api", "sessions", method="POST", body=json.dumps(body))
        kernel_id = json.loads(response.body)["kernel"]["id"]
        person = Person(kernel_id, jp_serverapp.kernel_manager.get_kernel(kernel_id))
        await person.client.wait_for_ready(timeout=60)
        people.append(person)
        return person

    yield open_it
    for person in people:
        person.close()


async def eventually(check, timeout=10.0):
    """Wait until `check()` is true."""
    deadline = time.monotonic() + timeout
    while True:
        value = check()
        if hasattr(value, "__await__"):
            value = await value
        if value:
            return value
        assert time.monotonic() < deadline, "it did not become true"
        await asyncio.sleep(0.02)


@pytest.fixture
def scripted_model():
    with ScriptedModelServer() as server:
        yield server


def scripted_config(server):
    """The configuration under which the scripted model is the default."""
    return {
        "AgentExtension": {"api_bases": {"openai": server.url}},
        "AgentSessionManager": {"default_model": "openai/scripted", "max_retries": 2},
    }


def sent(asked, role):
    """The messages of a role in a request to the model."""
    return [m for m in asked.body["messages"] if m["role"] == role]


def text_of(message):
    content = message["content"]
    return content if isinstance(content, str) else "\n".join(p.get("text", "") for p in content)


class Follower:
    """Reads a session's events as a client of server-sent events does."""

    def __init__(self, fetch, *path, **options):
        self.frames = []
        self._buffer = ""
        self.task = asyncio.ensure_future(
            fetch(
                "agent",
                *(quote(p, safe="") for p in path),
                streaming_callback=self._more,
                request_timeout=90,
                **options,
            )
        )

    def _more(self, chunk):
        self._buffer += chunk.decode()
        *whole, self._buffer = self._buffer.split("\n\n")
        for text in whole:
            fields = dict(
                line.split(": ", 1) for line in text.split("\n") if not line.startswith(":")
            )
            if fields:
                self.frames.append(
                    (fields.get("event"), fields.get("id"), json.loads(fields["data"]))
                )

    def kinds(self):
        return [kind for kind, _, _ in self.frames]

    def of(self, kind):
        return [data for k, _, data in self.frames if k == kind]

    async def until(self, kind, timeout=30, count=1):
        await eventually(lambda: self.kinds().count(kind) >= count, timeout)
        return self.of(kind)[-1]

    async def close(self):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


@pytest.fixture
def follow(jp_fetch, jp_asyncio_loop):
    followers = []

    def start(*path, **options):
        followers.append(Follower(jp_fetch, *path, **options))
        return followers[-1]

    yield start
    for follower in followers:
        jp_asyncio_loop.run_until_complete(follower.close())


async def limit_pages(store, count):
    """Let the store's own connection find the disk full at so many pages."""
    await store._opened().writer.run(
        lambda db: db.execute(f"PRAGMA max_page_count={count}").fetchone()
    )
