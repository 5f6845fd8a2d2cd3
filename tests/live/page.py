"""A page as the socket sees it: its notebooks are lists of cells, its answers real POSTs."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import hashlib
import json

import nbformat

from tests.server.conftest import eventually


def digest(source):
    return hashlib.sha256(source.encode()).hexdigest()[:16]


class RefusedError(Exception):
    """A precondition that does not hold; what the page answers."""

    def __init__(self, code, **more):
        super().__init__(code)
        self.error = {"code": code, "message": code, **more}


class ScriptedPage:
    """Speaks docs/socket.md. `events` holds all frames of each session."""

    def __init__(self, socket, api, client_id):
        self.socket, self.api, self.client_id = socket, api, client_id
        self.frames: list[dict] = []
        self.notebooks: dict[str, list[dict]] = {}
        self.kernels: dict[str, object] = {}
        self.applied: list[tuple[str, dict]] = []
        self.answers: list[tuple[int, dict]] = []
        self.claims: list[tuple[str, int]] = []
        self.sent_runs: list[str] = []
        self.taken: set[str] = set()
        self.obeys = True
        self.before_claim = None
        self.before_edit = None
        self.before_answer = None
        self.closed = False
        self._work: set[asyncio.Task] = set()
        self._reader = asyncio.ensure_future(self._read_for_ever())

    def say(self, frame):
        raw = frame if isinstance(frame, str | bytes) else json.dumps(frame)
        self.socket.write_message(raw, binary=isinstance(raw, bytes))

    async def _read_for_ever(self):
        while (message := await self.socket.read_message()) is not None:
            self.frames.append(json.loads(message))
            await self.on_frame(self.frames[-1])
        self.closed = True

    async def on_frame(self, frame):
        if frame["type"] == "read" and self.obeys:
            self.answer_read(frame)
        if frame["type"] == "errand":
            opened, leased = frame["events"]
        elif self._is_for_me(frame):
            leased, opened = frame["event"], self._opened(frame)
        else:
            return
        request_id = opened["data"]["request_id"]
        if self.obeys and request_id not in self.taken:
            self.taken.add(request_id)
            assert leased["data"] == {**leased["data"], "client_id": self.client_id}
            task = asyncio.ensure_future(self._errand(frame["session"], opened["data"]))
            self._work.add(task)
            task.add_done_callback(self._work.discard)

    def _is_for_me(self, frame):
        event = frame.get("event", {"type": ""})
        leased = event["type"] == "request.leased"
        return leased and event["data"]["client_id"] == self.client_id

    def answer_read(self, frame):
        cells = self.notebooks.get(frame["path"])
        answer = {"error": {"message": "not open"}} if cells is None else {"cells": cells}
        self.say({"type": "cells", "read_id": frame["read_id"], **copy.deepcopy(answer)})

    # ------------------------------------------------------------ notebooks

    def show(self, path, root, *, person=None, focused=True, visible=True, **more):
        """Open a notebook from its file, as JupyterLab does, and tell the server."""
        if path not in self.notebooks:
            cells = nbformat.read(root / path, as_version=4)["cells"]
            self.notebooks[path] = [json.loads(json.dumps(c)) for c in cells]
        if person is not None:
            self.kernels[path] = person
        self.tell(path, focused=focused, visible=visible, **more)

    def tell(self, path, *, focused=True, visible=True, **more):
        shown = [
            {
                "path": p,
                "focused": focused and p == path,
                "kernel_id": getattr(self.kernels.get(p), "kernel_id", None),
                "dirty": True,
                **(more if p == path else {}),
            }
            for p in self.notebooks
        ]
        self.say({"type": "presence", "notebooks": shown, "visible": visible})

    def cell(self, path, cell_id):
        return next((c for c in self.notebooks[path] if c["id"] == cell_id), None)

    def sources(self, path):
        return [c["source"] for c in self.notebooks[path]]

    # ------------------------------------------------------------ errands

    def _opened(self, frame):
        request_id = frame["event"]["data"]["request_id"]
        return next(
            e
            for e in self.events(frame["session"])
            if e["type"] == "request.opened" and e["data"]["request_id"] == request_id
        )

    async def _errand(self, session, opened):
        request_id = opened["request_id"]
        if self.before_claim is not None:
            await self.before_claim(opened)
        if not await self.claim(session, request_id):
            return
        try:
            if opened["kind"] == "edit":
                if self.before_edit is not None:
                    await self.before_edit(opened["payload"])
                changes = self.apply(opened["payload"])
                self.applied.append((request_id, opened["payload"]))
                body = {"decision": "done", "result": {"changes": changes}}
            else:
                body = {
                    "decision": "done",
                    "result": await self._run(session, request_id, opened["payload"]),
                }
        except RefusedError as refusal:
            body = {"decision": "failed", "error": refusal.error}
        if self.before_answer is not None:
            await self.before_answer(opened)
        await self.answer(session, request_id, body)

    async def claim(self, session, request_id):
        """Ask whether this page may act; it acts on nothing but a yes."""
        body = {"decision": "started", "client_id": self.client_id, "result": {}}
        status, _ = await self.api.post("sessions", session, "requests", request_id, body=body)
        self.claims.append((request_id, status))
        return status == 200

    async def answer(self, session, request_id, body):
        body = {**body, "client_id": self.client_id}
        self.answers.append(
            await self.api.post("sessions", session, "requests", request_id, body=body)
        )
        return self.answers[-1]

    def apply(self, payload):
        """Check all preconditions, then apply all, in one step."""
        cells = self.notebooks.get(payload["path"])
        if cells is None:
            raise RefusedError("not_open")
        for operation in payload["operations"]:
            if operation["op"] != "insert":
                self._check(payload["path"], operation)
            elif operation["after"] and self.cell(payload["path"], operation["after"]) is None:
                raise RefusedError("not_found", cell_id=operation["after"])
        return [self._apply_one(cells, operation) for operation in payload["operations"]]

    def _check(self, path, operation):
        cell = self.cell(path, operation["cell_id"])
        if cell is None:
            raise RefusedError("not_found", cell_id=operation["cell_id"])
        if digest(cell["source"]) != operation["expected"]:
            source = cell["source"]
            raise RefusedError("stale_cell", cell_id=cell["id"], source=source, hash=digest(source))
        return cell

    def _apply_one(self, cells, operation):
        ids = [c["id"] for c in cells]
        index = ids.index(operation["cell_id"]) if operation["cell_id"] in ids else None
        before = None if index is None else {"index": index, "cell": copy.deepcopy(cells[index])}
        if operation["op"] == "insert" and index is not None:
            return {"cell_id": operation["cell_id"], "before": None, "after": before}
        if operation["op"] == "insert":
            index = ids.index(operation["after"]) + 1 if operation["after"] else 0
            cell = {"cell_type": operation["cell_type"], "id": operation["cell_id"]}
            cell |= {"metadata": {}, "source": operation["source"]}
            if operation["cell_type"] == "code":
                cell |= {"outputs": [], "execution_count": None}
            cells.insert(index, cell)
        elif operation["op"] == "replace":
            cells[index]["source"] = operation["source"]
        elif operation["op"] == "delete":
            del cells[index]
            return {"cell_id": operation["cell_id"], "before": before, "after": None}
        else:
            cells[index]["outputs"] = operation["outputs"]
            cells[index]["execution_count"] = operation["execution_count"]
        after = {"index": index, "cell": copy.deepcopy(cells[index])}
        return {"cell_id": operation["cell_id"], "before": before, "after": after}

    async def _run(self, session, request_id, payload):
        cell = self._check(payload["path"], payload)
        client = self.kernels[payload["path"]].client
        msg_id = client.execute(cell["source"])
        self.sent_runs.append(msg_id)
        await self.answer(
            session, request_id, {"decision": "started", "result": {"msg_id": msg_id}}
        )
        cell["outputs"] = outputs = []
        while True:
            message = await client.get_iopub_msg(timeout=60)
            if message["parent_header"].get("msg_id") != msg_id:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "stream":
                outputs.append({"output_type": "stream", **content})
            elif kind in ("execute_result", "display_data"):
                content.pop("transient", None)
                outputs.append({"output_type": kind, **content})
            elif kind == "error":
                outputs.append({"output_type": "error", **content})
            elif kind == "status" and content["execution_state"] == "idle":
                break
        while (reply := await client.get_shell_msg(timeout=60))["parent_header"][
            "msg_id"
        ] != msg_id:
            pass
        reply = reply["content"]
        cell["execution_count"] = reply.get("execution_count")
        count = reply.get("execution_count")
        return {"status": reply["status"], "execution_count": count, "msg_id": msg_id}

    # ------------------------------------------------------------ events

    def subscribe(self, session, after=0):
        self.say({"type": "subscribe", "session": session, "after": after})

    def events(self, session):
        return [f["event"] for f in self.frames if f.get("session") == session and "event" in f]

    def seqs(self, session):
        return [e["seq"] for e in self.events(session) if e["seq"]]

    def kinds(self, session):
        return [e["type"] for e in self.events(session)]

    def errors(self):
        return [f for f in self.frames if f["type"] == "error"]

    async def until(self, session, kind, timeout=30):
        await eventually(lambda: kind in self.kinds(session), timeout)
        return [e for e in self.events(session) if e["type"] == kind][-1]

    async def until_error(self):
        await eventually(self.errors)
        return self.errors()[-1]

    async def close(self):
        self.socket.close()
        for task in self._work:
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)
        await asyncio.wait({self._reader}, timeout=2)
        self._reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reader
