"""One turn, asked by the cell that is running (guest)."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
import uuid
from typing import Any

from .magics import probe_of_kernel
from .options import options_parser, read_options
from .seats import AwaitingSeat, BlockingSeat, Interrupts
from .showing import Shown

REQUEST = "application/vnd.jupyter-agent.request+json"
"""Asked for with a message of a kind that every front end knows and, without its display, skips."""
ANSWER_SECONDS = 2.0
LOST_SECONDS = 10.0
TICK = 0.2
OP = "cell"
_no_server = (
    "No Jupyter server answered. %agent needs a kernel that was started by a Jupyter server with "
    "jupyter_agent_ext and a server that is alive."
)
_lost = "The Jupyter server has not been heard of for 10 s; the turn's end is unknown."
_endings = {
    "failed": "The turn failed.",
    "interrupted": "The turn was interrupted.",
    "limit": "The turn stopped at a limit.",
}
_yes, _always, _never = ("y", "yes"), ("a", "all"), ("n", "no")


class AgentTurnError(Exception):
    """The agent did not answer; says why."""

    def _render_traceback_(self) -> list[str]:
        return [f"AgentTurnError: {self}"]


class Conversation:
    """What the cell and the server tell each other during one turn."""

    def __init__(self, shell: Any, seat: Any, options: Any, text: str) -> None:
        self.shell, self.kernel, self.seat, self.options = shell, shell.kernel, seat, options
        self.cell_id = uuid.uuid4().hex
        self.shown = Shown(shell, quiet=options.quiet)
        self.interrupts = Interrupts(shell, seat)
        self.heard = 0.0  # when the server last told something
        self._resumed = 0.0  # since when the cell waits for it
        self.call: str | None = None
        self.ending: dict[str, Any] | None = None
        self._all = False
        self._request = {
            "query": text,
            "session": options.session,
            "new": options.new,
            "model": options.model,
            "mode": options.mode,
            "variables": options.var,
            "stdin": self._may_ask(),
        }

    # ------------------------------------------------------------ both ways

    def take(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Take what the server tells; called on the control thread."""
        if arguments.get("cell") != self.cell_id:
            return {"error": "no_cell", "message": "this cell does not wait any more"}
        self.heard = time.monotonic()
        for message in arguments.get("messages") or ():
            if message["kind"] != "stop":
                self.seat.put(message)
            elif message["call"] == self.call:
                self.interrupts.stop()
        return {}

    def send(self, kind: str, **content: Any) -> None:
        """Tell the server something."""
        session, kernel = self.kernel.session, self.kernel
        told = {"kind": kind, "cell": self.cell_id, **content}
        session.send(
            kernel.iopub_socket,
            "update_display_data",
            {"data": {REQUEST: told}, "metadata": {}, "transient": {"display_id": REQUEST}},
            parent=kernel.get_parent("shell"),
            ident=kernel._topic("display_data"),
        )

    # ------------------------------------------------------------ the turn

    async def hold(self) -> None:
        """Ask, do what the agent asks for, return when the turn has ended.

        Raises AgentTurnError, KeyboardInterrupt.
        """
        with self.interrupts:
            try:
                self.send("turn", **self._request)
                await self._until_answered()
                while self.ending is None:
                    await self._step()
                await self._conclude(self.ending)
            except AgentTurnError:
                if self.ending is None:
                    self._leave()
                raise
            except asyncio.CancelledError:
                self.seat.recover()
                self._leave()
                if not self.interrupts.pressed:
                    raise
                raise KeyboardInterrupt from None
            except BaseException:
                self._leave()
                raise

    async def _until_answered(self) -> None:
        begun, message = time.monotonic(), None
        while message is None:
            if time.monotonic() - begun > ANSWER_SECONDS:
                raise AgentTurnError(_no_server)
            message = await self._next(TICK)
        self.shown.change()
        self._handle(message)

    async def _next(self, seconds: float) -> Any:
        """Return the next message or None. Raises KeyboardInterrupt, also one that got lost."""
        message = await self.seat.next(seconds)
        if self.interrupts.pressed:
            raise KeyboardInterrupt
        return message

    async def _step(self) -> None:
        due = self.shown.wait()
        message = await self._next(TICK if due is None else min(due, TICK))
        if message is None:
            self.shown.draw()
            self._check_heard()
        elif message["kind"] == "run":
            await self._run(message)
        else:
            self._handle(message)
            self.shown.draw()

    def _check_heard(self) -> None:
        """Raise where the server is silent for too long; time spent in code does not count."""
        if time.monotonic() - max(self.heard, self._resumed) > LOST_SECONDS:
            raise AgentTurnError(_lost)

    async def _run(self, message: dict[str, Any]) -> None:
        self.shown.draw()
        hook = self.shell.displayhook
        outer = getattr(hook, "exec_result", None)
        self.call, self.interrupts.in_code = message["call"], True
        outcome = _stopped
        try:
            outcome = _outcome(self.shell, await self.seat.run(message["code"]))
        except (KeyboardInterrupt, asyncio.CancelledError):  # stopped between two of its lines
            if not self.interrupts.stopped:
                raise
        finally:
            self.call, self.interrupts.in_code = None, False
            hook.exec_result = outer
            if self.interrupts.stopped:
                self.interrupts.stopped = False
                self.seat.recover()
        sys.stdout.flush()
        sys.stderr.flush()
        self.send("ran", call=message["call"], **outcome)
        self._resumed = time.monotonic()
        if self.interrupts.pressed:
            raise KeyboardInterrupt

    def _handle(self, message: dict[str, Any]) -> None:
        kind = message["kind"]
        if kind == "delta":
            texts, key = self.shown.texts, message["message_id"]
            self.shown.notice = ""
            texts[key] = texts.get(key, "")[: message["offset"]] + message["text"]
        elif kind == "message":
            self.shown.texts[message["message_id"]] = message["text"]
        elif kind == "tool":
            call = self.shown.calls.setdefault(message["call_id"], {})
            call.update({key: value for key, value in message.items() if value is not None})
            running = any(not c.get("status") for c in self.shown.calls.values())
            self.shown.notice = f"Running {call['name']} …" if running else "Thinking …"
        elif kind == "started":
            self.shown.metadata = {k: message[k] for k in ("session_id", "turn_id", "model")}
            self.shown.notice = "Thinking …"
        elif kind == "ask":
            self._ask(message)
        elif kind == "refused":
            raise AgentTurnError(_joined(message["message"], message.get("hint")))
        elif kind == "end":
            self.ending = message
        self.shown.change()

    async def _conclude(self, ending: dict[str, Any]) -> None:
        completed = ending["status"] == "completed"
        reason = ending.get("reason") or ""
        self.shown.notice = reason if completed and reason else ""
        if not completed:
            self.shown.notice = _endings.get(ending["status"]) or ""
        self.shown.change()
        if due := self.shown.wait():
            await self.seat.pause(due)
        self.shown.draw(now=True)
        if not completed:
            raise AgentTurnError(_joined(_endings.get(ending["status"]), reason))
        if self.options.into:
            self.shell.user_ns[self.options.into] = ending["text"]

    def _leave(self) -> None:
        """Tell the server that nobody waits any more; show where it ended."""
        reason = "interrupted in the cell" if self.interrupts.pressed else "the cell gave up"
        self.send("stop", reason=reason)
        self.shown.notice, self.shown.code = f"Ended: {reason}.", ""
        if self.shown.texts or self.shown.calls:
            self.shown.change()
            self.shown.draw(now=True)

    # ------------------------------------------------------------ questions

    def _may_ask(self) -> bool:
        return bool(getattr(self.kernel, "_allow_stdin", False))

    def _ask(self, message: dict[str, Any]) -> None:
        if not self._may_ask():
            raise AgentTurnError(_joined(message["text"], message["how"]))
        self.shown.notice = message["text"]
        if not message["mine"]:
            self.shown.notice += f"\n{message['how']}"
            return
        if message["question"]:
            self._answer_question(message)
        else:
            self._answer_approval(message)
        self.shown.notice = "Thinking …"
        self._resumed = time.monotonic()

    def _answer_question(self, message: dict[str, Any]) -> None:
        self.shown.change()
        self.shown.draw(now=True)
        options = f" [{' / '.join(message['options'])}]" if message.get("options") else ""
        told = self.kernel.raw_input(f"{message['text']}{options} ").strip()
        decision = {"decision": "answer", "answer": told} if told else {"decision": "deny"}
        self.send("answer", request_id=message["request_id"], **decision)

    def _answer_approval(self, message: dict[str, Any]) -> None:
        told = "y" if self._all else ""
        code = f"{message['code']}\n" if self.options.quiet else ""
        if not told:
            self.shown.code = message["code"]
            self.shown.change()
            self.shown.draw(now=True)
        while told not in (*_yes, *_always, *_never):
            told = self.kernel.raw_input(f"{code}Run it? [y]es, [n]o, [a]ll of this turn: ")
            told = told.strip().lower()
        self._all, self.shown.code = self._all or told in _always, ""
        decision = "deny" if told in _never else "approve"
        self.send("answer", request_id=message["request_id"], decision=decision)


def _joined(*texts: str | None) -> str:
    return " ".join(text for text in texts if text)


def _outcome(shell: Any, result: Any) -> dict[str, Any]:
    error = result.error_before_exec or result.error_in_exec
    found: dict[str, Any] = {"status": "ok", "execution_count": shell.execution_count}
    if error is not None:
        stopped = isinstance(error, KeyboardInterrupt | asyncio.CancelledError)
        found["status"] = "interrupted" if stopped else "error"
        found["error"] = {"ename": type(error).__name__, "evalue": str(error), "traceback": []}
    return found


_stopped = {
    "status": "interrupted",
    "error": {"ename": "KeyboardInterrupt", "evalue": "", "traceback": []},
}


# ------------------------------------------------------------ entry points

_waits = threading.Lock()


async def _hold(shell: Any, line: str, make_seat: Any) -> None:
    options, text = read_options(line)
    if options.help:
        print(options_parser().format_help())
        return
    probe = probe_of_kernel()
    if threading.current_thread() is not threading.main_thread():
        raise AgentTurnError("%agent runs in a cell of the kernel's main thread only.")
    if not _waits.acquire(blocking=False):
        raise AgentTurnError("A turn of the agent runs in this cell already.")
    seat = make_seat(shell, probe)
    try:
        conversation = Conversation(shell, seat, options, text)
        probe.handlers[OP] = conversation.take
        await conversation.hold()
    finally:
        probe.handlers.pop(OP, None)
        seat.close()
        _waits.release()


async def ask_awaiting(shell: Any, line: str) -> None:
    """Ask from a cell that awaits."""
    await _hold(shell, line, lambda shell, probe: AwaitingSeat(shell))


def ask_blocking(shell: Any, line: str) -> None:
    """Ask from a cell, or a function in it, that blocks: the coroutine never suspends."""
    try:
        _hold(shell, line, BlockingSeat).send(None)
    except StopIteration:
        return
    raise AssertionError("a blocking seat never suspends")
