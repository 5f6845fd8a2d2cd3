"""A person who types `%agent` into cells, a real server and its real kernels behind them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import pytest

from tests.server.conftest import (  # noqa: F401 (fixtures)
    Person,
    agent_config,
    api,
    eventually,
    follow,
    jp_kernel_env,
    jp_server_config,
    make_notebook,
    notebook,
    open_notebook,
    scripted_model,
)

MARKDOWN = "text/markdown"


@dataclass
class Ran:
    """What came of a cell: its reply and its outputs, as a notebook keeps them."""

    reply: dict
    outputs: list[dict] = field(default_factory=list)
    updates: list[tuple[float, dict]] = field(default_factory=list)

    @property
    def status(self):
        return self.reply["status"]

    @property
    def error(self):
        return f"{self.reply.get('ename')}: {self.reply.get('evalue')}"

    @property
    def answers(self):
        """The displays of the agent."""
        return [o for o in self.outputs if MARKDOWN in o.get("data", {})]

    @property
    def markdown(self):
        return "\n".join(o["data"][MARKDOWN] for o in self.answers)

    @property
    def printed(self):
        return "".join(o["text"] for o in self.outputs if o["output_type"] == "stream")


def joined(outputs, made):
    """Add a stream's text to the last output where that is the same stream, as notebooks do."""
    last = outputs[-1] if outputs else {}
    if made["output_type"] != "stream" or last.get("name") != made["name"]:
        return False
    last["text"] += made["text"]
    return True


class Typist:
    """Types cells into a kernel as a front end does, and keeps their outputs."""

    def __init__(self, person):
        self.kernel_id, self.client = person.kernel_id, person.client
        self.prompts = []

    async def run(self, code, *, answers=None, timeout=60, on_message=None):
        """Run a cell; `answers` are typed at its prompts (None: the front end takes no input)."""
        answers = None if answers is None else list(answers)
        ran, by_display = Ran({}), {}

        def output(message):
            if on_message is not None:
                on_message(message)
            kind, content = message["header"]["msg_type"], message["content"]
            display = (content.get("transient") or {}).get("display_id")
            if kind == "update_display_data":
                if display in by_display:
                    by_display[display].update(data=content["data"], metadata=content["metadata"])
                    ran.updates.append((time.monotonic(), content["data"]))
            elif kind in ("display_data", "execute_result", "stream", "error"):
                made = {"output_type": kind, **content}
                if not joined(ran.outputs, made):
                    ran.outputs.append(made)
                if display:
                    by_display[display] = made
                    ran.updates.append((time.monotonic(), content["data"]))

        def stdin(message):
            self.prompts.append(message["content"]["prompt"])
            self.client.input(answers.pop(0))

        ran.reply = (
            await self.client.execute_interactive(
                code,
                allow_stdin=answers is not None,
                stdin_hook=stdin if answers is not None else None,
                output_hook=output,
                timeout=timeout,
            )
        )["content"]
        return ran

    async def value(self, expression):
        """Return the text of an expression's value in the kernel."""
        reply = await self.client.execute_interactive(
            "",
            silent=True,
            store_history=False,
            user_expressions={"v": expression},
            output_hook=lambda message: None,
            timeout=30,
        )
        given = reply["content"]["user_expressions"]["v"]
        assert given["status"] == "ok", given
        return given["data"]["text/plain"]


@pytest.fixture
def typist(jp_asyncio_loop, open_notebook):  # noqa: F811
    """Somebody at the example notebook, its kernel just started."""
    return Typist(jp_asyncio_loop.run_until_complete(open_notebook()))


def scripted(server, mode="auto", **extension):
    """A configuration with the scripted model, in which new sessions have `mode`."""
    return {
        "AgentExtension": {"api_bases": {"openai": server.url}, **extension},
        "AgentSessionManager": {
            "default_model": "openai/scripted",
            "max_retries": 1,
            "default_mode": mode,
        },
    }


class Logbook:
    """The server's own record of what happened."""

    def __init__(self, serverapp):
        self.manager = serverapp.web_app.settings["jupyter_agent_ext"]

    async def sessions(self):
        """Return the sessions, the one last active first."""
        cards = await self.manager.services.store.cards(None, self.manager.root)
        return [(await self.manager.peek(card.key)).session for card in cards]

    async def turns(self):
        """Return the turns of the session last active, oldest first."""
        sessions = await self.sessions()
        return sessions[0].path() if sessions else []

    async def ended(self, status=None):
        """Wait until the newest turn has ended, and return it."""

        async def over():
            turns = await self.turns()
            return turns and turns[-1].status != "running" and turns[-1]

        turn = await eventually(over)
        assert status in (None, turn.status), (turn.status, turn.reason)
        return turn


@pytest.fixture
def logbook(jp_serverapp):
    return Logbook(jp_serverapp)


def results(turn):
    """Return (name, status, text) of a turn's tool calls, in their order."""
    parts = [p for m in turn.messages if m.role == "tool" for p in m.parts]
    return [
        (p["name"], p["status"], "\n".join(c.get("text", "[image]") for c in p["content"]))
        for p in parts
    ]
