"""A conversation with a model, played as the loop plays it: real kernel, real files."""

from __future__ import annotations

import asyncio
import json
import queue
import time
from dataclasses import dataclass, field
from pathlib import Path

from jupyter_agent_ext.envelope import wrap
from jupyter_agent_ext.messages import Message, text_part
from jupyter_agent_ext.models.embedded.model import EmbeddedModel
from jupyter_agent_ext.records import ModelRequest, TextDelta, ToolSpec
from jupyter_agent_ext.tools.outputs import to_parts

TOOLS = (
    "list_variables",
    "inspect_variable",
    "run_code",
    "list_files",
    "read_file",
    "read_notebook",
    "insert_cell",
    "ask_user",
)
MAX_STEPS = 12

# Reads the user's variables in the agreed shape; the probe of the kernel is tested elsewhere.
SUMMARISE = """
def _summarise(ns):
    import json, types
    import pandas as pd
    found = {}
    for name, value in reversed(list(ns.items())):
        if name.startswith("_") or name in ("In", "Out", "get_ipython", "exit", "quit", "open"):
            continue
        kind = type(value)
        summary = {"type": f"{kind.__module__}.{kind.__qualname__}", "kind": "object"}
        if isinstance(value, pd.DataFrame):
            seen, labels = {}, []
            for c in map(str, value.columns):
                seen[c] = seen.get(c, 0) + 1
                labels.append(c if seen[c] == 1 else f"{c} ({seen[c]})")
            nulls = {c: int(n) for c, n in zip(labels, value.isna().sum()) if n}
            summary.update(kind="dataframe", shape=list(value.shape), nulls=nulls,
                columns={c: str(t) for c, t in zip(labels, value.dtypes)},
                head=[[str(v) for v in row] for row in value.head(3).to_numpy()])
        elif isinstance(value, pd.Series):
            summary.update(kind="series", len=len(value), dtype=str(value.dtype))
        elif isinstance(value, (list, tuple)):
            summary.update(kind="list", len=len(value), value=repr(value)[:200])
        elif isinstance(value, (int, float, str, bool)):
            summary.update(kind="scalar", value=value)
        elif isinstance(value, types.ModuleType):
            summary.update(kind="module", value=value.__name__)
        elif isinstance(value, types.FunctionType):
            summary.update(kind="function", signature=f"{name}()")
        found[name] = summary
    return json.dumps(found)
print(_summarise(globals()))
del _summarise
"""


# What the detail of a frame says of its texts, as inspect_variable gives it.
TOP = """
def _top(frame):
    import json
    texts = frame.select_dtypes(["object", "string", "category"])
    print(json.dumps({c: texts[c].value_counts().head(5).to_dict() for c in texts}))
_top({name})
del _top
"""


@dataclass
class Turn:
    """What one question led to."""

    text: str = ""
    calls: list[tuple[str, dict]] = field(default_factory=list)
    results: list[list[dict]] = field(default_factory=list)

    @property
    def code(self) -> str:
        return "\n".join(a["code"] for name, a in self.calls if name == "run_code")

    @property
    def images(self) -> list[dict]:
        return [p for parts in self.results for p in parts if p["type"] == "image"]


class Talk:
    """One conversation; `refuse` names tools that the person denies."""

    def __init__(self, client, folder: Path, notebook: str | None = "analysis.ipynb"):
        self.client, self.folder, self.notebook = client, folder, notebook
        self.messages: list[Message] = []
        self.blobs: dict[str, bytes] = {}
        self.tools, self.refuse = list(TOOLS), set()
        self.refusal = "The person denied this call."
        self.facts: dict = {}
        self.cells: list[dict] = []
        self.known: dict = {}
        self.reply_of_user = ""
        self.model = EmbeddedModel()
        self._read: dict | None = None

    def ask(self, query: str) -> Turn:
        """Ask, and play the turn to its end."""
        variables = self.variables()
        changed = self._changed(variables)
        place = len(self.messages)
        self.messages.append(Message(f"u{place}", "user", [text_part(query)]))
        turn = Turn()
        for _ in range(MAX_STEPS):
            done, text = self._step(place, self.variables(), changed)
            self.messages.append(Message(f"a{len(self.messages)}", "assistant", done.parts))
            calls = self.messages[-1].tool_calls()
            if not calls:
                assert done.finish_reason == "stop"
                turn.text = text
                self.known = self.variables()
                return turn
            assert done.finish_reason == "tool_calls"
            for call in calls:
                self._answer(call, turn)
        raise AssertionError(f"no end after {MAX_STEPS} steps: {turn.calls}")

    def variables(self) -> dict:
        if self.client is None:
            return self.facts.get("variables", {})
        if self._read is None:
            outputs, _ = self.run(SUMMARISE)
            text = "".join(o["text"] for o in outputs if o["output_type"] == "stream")
            self._read = json.loads(text)
        return self._read

    def run(self, code: str) -> tuple[list[dict], str]:
        """Run code in the kernel; return its outputs and ok or error."""
        self._read = None
        request = self.client.execute(code, store_history=False)
        outputs, deadline = [], time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                message = self.client.get_iopub_msg(timeout=60)
            except queue.Empty:
                break
            if message["parent_header"].get("msg_id") != request:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                failed = any(o["output_type"] == "error" for o in outputs)
                return outputs, "error" if failed else "ok"
            if kind in ("stream", "error", "display_data", "execute_result"):
                outputs.append({"output_type": kind, **content})
        raise AssertionError("the kernel did not answer")

    def _step(self, place: int, variables: dict, changed: dict):
        body = {
            "source": "main",
            "state": "idle",
            "age_s": 0.0,
            "execution_count": 1,
            "total": len(variables),
            "skipped": 0,
            "changed": changed,
            "note": "",
            **self.facts,
            "variables": variables,
        }
        notebook = {"path": self.notebook, "cells": self.cells, "left_out": 0}
        parts = [text_part(wrap("variables", json.dumps(body)))]
        if self.notebook is not None:
            parts.append(text_part(wrap("notebook", json.dumps(notebook))))
        messages = list(self.messages)
        question = messages[place]
        messages[place] = Message(question.message_id, "user", [*parts, *question.parts])
        tools = [ToolSpec(name, "", {"type": "object"}) for name in self.tools]
        request = ModelRequest("embedded", "system", messages, tools)
        return asyncio.run(self._collect(request))

    async def _collect(self, request):
        *deltas, done = [event async for event in self.model.stream(request)]
        assert all(isinstance(delta, TextDelta) for delta in deltas)
        text = "".join(delta.text for delta in deltas)
        assert text == Message("", "assistant", done.parts).text()
        return done, text

    def _answer(self, call, turn: Turn) -> None:
        name, arguments = call["name"], json.loads(call["arguments"])
        turn.calls.append((name, arguments))
        if name in self.refuse:
            content, status = [text_part(self.refusal)], "denied"
        else:
            content, status = getattr(self, f"_do_{name}")(**arguments)
        turn.results.append(content)
        wrapped = [
            text_part(wrap("tool_result", part["text"], tool=name, status=status))
            if part["type"] == "text"
            else part
            for part in content
        ]
        result = {
            "type": "tool_result",
            "call_id": call["call_id"],
            "name": name,
            "status": status,
            "content": wrapped,
        }
        self.messages.append(Message(call["call_id"], "tool", [result]))

    def _do_run_code(self, code, timeout=120):
        before = self.variables()
        outputs, status = self.run(code)
        content = to_parts(outputs, self._keep)
        after = self.variables()
        new = {n: s for n, s in after.items() if n not in before}
        changed = {n: s for n, s in after.items() if n in before and before[n] != s}
        if new or changed:
            told = json.dumps({"new": new, "changed": changed, "removed": []})
            content.append(text_part(f"variables changed: {told}"))
        return content or [text_part("(no output)")], status

    def _do_list_files(self, path=""):
        folder = self.folder / path
        if not folder.is_dir():
            return [text_part(f"There is no folder {path!r}.")], "error"
        files = [
            {
                "name": entry.name,
                "path": entry.relative_to(self.folder).as_posix(),
                "type": "directory" if entry.is_dir() else "file",
                "size": 1,
                "modified": "",
            }
            for entry in sorted(folder.iterdir())
        ]
        return [text_part(json.dumps({"path": path, "files": files, "left_out": 0}))], "ok"

    def _do_inspect_variable(self, name):
        summary = self.variables().get(name, {})
        if summary.get("kind") == "dataframe":
            outputs, _ = self.run(TOP.replace("{name}", name))
            top = json.loads("".join(o["text"] for o in outputs if o["output_type"] == "stream"))
            return [text_part(json.dumps({**summary, "top": top}))], "ok"
        detail = {"type": "builtins.function", "kind": "function", "signature": f"{name}(x)"}
        return [text_part(json.dumps({**detail, "source": f"def {name}(x): ..."}))], "ok"

    def _do_insert_cell(self, source, cell_type, after=None):
        cell = {"id": f"c{len(self.cells)}", "type": cell_type, "first_line": source}
        self.cells.append(cell)
        return [text_part(json.dumps(cell))], "ok"

    def _do_ask_user(self, question, options=()):
        return [text_part(self.reply_of_user)], "ok"

    def _keep(self, data: bytes) -> str:
        digest = f"blob{len(self.blobs)}"
        self.blobs[digest] = data
        return digest

    def _changed(self, variables: dict) -> dict:
        if not self.known:
            return dict(self.facts.get("changed", {}))
        before = self.known
        changed = {
            "new": [n for n in variables if n not in before],
            "rebound": [n for n in variables if n in before and before[n] != variables[n]],
            "gone": [n for n in before if n not in variables],
        }
        return {k: v for k, v in changed.items() if v} | self.facts.get("changed", {})
