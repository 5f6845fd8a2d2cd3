"""Questions that the live variables answer without running anything (floor 1)."""

from __future__ import annotations

import json
import re
from typing import Any

from . import names
from .answers import block, noted
from .frames import Frame, without_frame
from .names import code, counted, listed
from .situation import Situation
from .steps import Call, NotMineError, Plan, PuzzledError, Words, run_code

_MANY = 40
_WORDS = {
    "new": "new",
    "rebound": "assigned anew",
    "mutated": "changed in place",
    "gone": "deleted",
    "lost": "lost with the old kernel",
    "maybe": "perhaps changed",
}
_FIXED = ("scalar", "text", "bytes", "module", "function", "class", "datetime", "path", "secret")


def variables(s: Situation, found: Words) -> str:
    """Say which variables there are."""
    if not s.variables:
        if s.lost or s.facts.get("source") in (None, "none"):
            return s.why_no_frame()
        return f"There are no variables yet. {s.how_to_load()}"
    rows = [f"- {code(n)}: {brief(summary)}" for n, summary in list(s.variables.items())[:_MANY]]
    total = int(s.facts.get("total") or len(s.variables))
    more = f"\n- … and {total - len(rows)} more" if total > len(rows) else ""
    loss = f"{s.loss()}\n\n" if s.lost else ""
    return f"{loss}{counted(total, 'variable')}{_age(s)}:\n\n" + "\n".join(rows) + more


def data_frames(s: Situation, found: Words) -> str:
    """Say which data frames there are."""
    if not s.frames:
        return s.why_no_frame()
    told = [f"- {code(frame.name)}: {frame.size()}" for frame in s.frames[:_MANY]]
    return f"{counted(len(s.frames), 'data frame')}{_age(s)}:\n\n" + "\n".join(told)


def columns(s: Situation, found: Words) -> str:
    """Say which columns a frame has, and what changed since this was last known."""
    frame = s.frame()
    told = ", ".join(f"{code(c)} ({dtype})" for c, dtype in frame.columns.items())
    more = "" if frame.complete else f" and {frame.width - len(frame.columns)} more"
    answer = f"{code(frame.name)} has {counted(frame.width, 'column')}: {told}{more}."
    news = _column_news(s, frame)
    return noted(f"{answer}{_age(s, brackets=True)}{news}", frame)


def rows(s: Situation, found: Words) -> str | Plan:
    """Say how large a frame is."""
    variable = names.mentioned(s.query, list(s.variables))
    for name in variable:
        length = s.variables[name].get("len")
        if s.variables[name].get("kind") != "dataframe" and isinstance(length, int):
            return f"{code(name)} has {counted(length, 'element')}."
    frame = s.frame()
    if frame.tests:
        return _counted_rows(frame)
    return noted(f"{code(frame.name)} has {frame.size()}{_age(s)}.", frame)


def dtypes(s: Situation, found: Words) -> str:
    """Say of which type the columns are."""
    frame = s.frame()
    asked = frame.mentioned(without_frame(s.query, frame.name))
    shown = {c: frame.columns[c] for c in asked} or frame.columns
    told = "\n".join(f"- {code(c)}: {dtype}" for c, dtype in shown.items())
    return noted(f"The types of the columns of {code(frame.name)}:\n\n{told}", frame)


def missing(s: Situation, found: Words) -> str | Plan:
    """Count missing values: from the summary where it is exact, else in the kernel."""
    frame = s.frame()
    asked = frame.mentioned(without_frame(s.query, frame.name))
    if frame.nulls is None or not frame.complete or frame.tests:
        return _count_missing(frame)
    counts = {c: frame.nulls.get(c, 0) for c in asked or frame.columns}
    if asked:
        said = " and ".join(
            f"{code(c)} has {counted(n, 'missing value')}" for c, n in counts.items()
        )
        return noted(f"In {code(frame.name)}, {said}.", frame)
    some = {c: n for c, n in counts.items() if n}
    if not some:
        return noted(f"{code(frame.name)} has no missing values.", frame)
    told = "\n".join(f"- {code(c)}: {n:,}{_share(n, frame.rows)}" for c, n in some.items())
    total = counted(sum(some.values()), "missing value")
    return noted(f"{code(frame.name)} has {total}:\n\n{told}", frame)


def what_is(s: Situation, found: Words) -> str | Plan:
    """Describe one variable; a column's name leads to its frame."""
    text = found["name"]
    if found["all"] == text and names.find(text, [*s.variables, *s.lost]) is None:
        raise NotMineError("A single word that names nothing.")
    known = list(s.variables)
    name = names.find(text, known) or next(iter(names.mentioned(text, known)), None)
    if name is None:
        frame = next((f for f in s.frames if names.find(text, list(f.columns))), None)
        if frame is not None:
            column = frame.column(text)
            return f"{code(column)} is a column of {code(frame.name)} ({frame.columns[column]})."
        gone = names.find(text, s.lost)
        if gone:
            return f"{code(gone)} is gone. {s.loss()} {s.how_to_load()}"
        raise _no_variable(names.phrase(text), known)
    summary = s.variables[name]
    if summary.get("kind") in ("function", "class", "object") and "inspect_variable" in s.tools:
        return _inspected(name)
    frame = next((f for f in s.frames if f.name == name), None)
    if frame is not None:
        told = ", ".join(f"{code(c)} ({dtype})" for c, dtype in frame.columns.items())
        return f"{code(name)} is a data frame with {frame.size()}: {told}.{_head(summary, frame)}"
    return f"{code(name)} is {_article(brief(summary))}."


def changes(s: Situation, found: Words) -> str:
    """Say what changed in the kernel since the last turn."""
    told: list[str] = []
    for kind, words in _WORDS.items():
        changed = list(s.changed.get(kind) or [])
        if kind == "maybe":  # what was only used: said where nothing better is known
            changed = [] if told else [n for n in changed if _may_change(s.variables.get(n))]
        if changed:
            told.append(f"- {words}: {listed(changed[:20])}")
    touched = {name for names in s.changed.values() for name in names or []}
    news = [_column_news(s, frame).strip() for frame in s.frames if frame.name in touched]
    told += [f"- {line}" for line in news if line]
    if not told:
        return "Nothing changed in the kernel since the last turn, as far as I can see."
    return "Since the last turn:\n\n" + "\n".join(told)


def cells(s: Situation, found: Words) -> str:
    """Give the outline of the notebook."""
    known = s.notebook.get("cells") or []
    if not known:
        return _no_cells(s)
    rows = [
        f"{i}. {c.get('type')}: {code(c['first_line']) if c.get('first_line') else 'empty'}"
        for i, c in enumerate(known, 1)
    ]
    left = int(s.notebook.get("total") or 0) - len(known)
    left = left if left > 0 else int(s.notebook.get("left_out") or 0)
    more = f" ({left} are left out here)" if left else ""
    head = f"{code(s.notebook.get('path'))} has {counted(len(known) + left, 'cell')}{more}:"
    return f"{head}\n\n" + "\n".join(rows)


def _no_cells(s: Situation) -> str:
    """Say why there are no cells to list: none seen is not the same as none there."""
    note = str(s.facts.get("note") or "") + str(s.notebook.get("note") or "")
    unread = re.search(r"notebook cannot be read:?\s*(.*)", note, re.IGNORECASE | re.DOTALL)
    if unread:
        return f"The notebook cannot be read now, so I do not know its cells. {unread[1]}".strip()
    if "cells" not in s.notebook:
        return "I cannot see the notebook's cells: this conversation has none that I can read."
    if s.notebook.get("total") or s.notebook.get("left_out"):
        return "The notebook has cells, but none of them fits into what I am shown."
    return f"{code(s.notebook.get('path') or 'The notebook')} is empty: it has no cells."


def brief(summary: dict[str, Any]) -> str:
    """Return a summary in a few words."""
    type_name = str(summary.get("type", "unknown")).removeprefix("builtins.")
    shape, length, value = summary.get("shape"), summary.get("len"), summary.get("value")
    if isinstance(shape, list) and summary.get("kind") == "dataframe" and len(shape) == 2:
        return f"{type_name}, {counted(shape[0], 'row')} × {counted(shape[1], 'column')}"
    said = type_name
    if isinstance(shape, list) and shape:
        said += f" of shape {' × '.join(map(str, shape))}"
    elif isinstance(length, int):
        said += f" of length {length:,}"
    if "signature" in summary:
        said += f" {code(summary['signature'])}"
    elif value is not None and summary.get("kind") != "module":
        said += f" {code(value)}"
    return said


def _no_variable(text: str, known: list[str]) -> PuzzledError:
    if not text.isidentifier():
        return NotMineError(f"There is no variable {code(text)}.")
    near = names.close(text, known)
    if near:
        return PuzzledError(
            f"There is no variable {code(text)}. Did you mean {listed(near, 'or')}?"
        )
    there = f" There is {listed(known[:20])}." if known else ""
    return PuzzledError(
        f"There is no variable or column {code(text)}, and I am the embedded rule-based helper: "
        f'I know nothing beyond them.{there} Say "help" for what I can do.'
    )


def _count_missing(frame: Frame) -> Plan:
    outcome = yield run_code(f"{frame.imports}{frame.code}.isna().sum()")
    return noted(f"Missing values in {frame.label}:\n\n{block(outcome.text)}", frame)


def _counted_rows(frame: Frame) -> Plan:
    outcome = yield run_code(f"{frame.imports}print(len({frame.code}))")
    return noted(f"{frame.label} has {counted(int(outcome.text), 'row')}.", frame)


def _inspected(name: str) -> Plan:
    outcome = yield Call("inspect_variable", {"name": name})
    try:
        detail = json.loads(outcome.text)
    except ValueError:
        detail = {}
    said = f"{code(name)} is {_article(brief(detail))}."
    doc, source = detail.get("doc"), detail.get("source")
    if isinstance(doc, str) and doc:
        said += f"\n\n{doc.strip()}"
    if isinstance(source, str) and source:
        said += f"\n\n{block(source)}"
    attributes = detail.get("attributes")
    if isinstance(attributes, dict) and attributes:
        said += "\n\n" + "\n".join(f"- {code(k)}: {v}" for k, v in list(attributes.items())[:20])
    return said


def _column_news(s: Situation, frame: Frame) -> str:
    before = s.columns_told(frame.name)
    if before is None or not frame.complete:
        return ""
    dropped = [c for c in before if c not in frame.columns]
    added = [c for c in frame.columns if c not in before]
    said = []
    if dropped:
        said.append(f"{listed(dropped)} {'was' if len(dropped) == 1 else 'were'} dropped")
    if added:
        said.append(f"{listed(added)} {'was' if len(added) == 1 else 'were'} added")
    return f" Since we last looked at {code(frame.name)}, {' and '.join(said)}." if said else ""


def _head(summary: dict[str, Any], frame: Frame) -> str:
    head = summary.get("head")
    if not isinstance(head, list) or not head:
        return ""
    shown = list(frame.columns)[: len(head[0])]
    lines = [" | ".join(shown), *(" | ".join(map(str, row)) for row in head)]
    return f"\n\nIts first rows:\n\n{block(chr(10).join(lines))}"


def _age(s: Situation, *, brackets: bool = False) -> str:
    """Say so where the reading is old, or was taken while a cell was running."""
    age = s.facts.get("age_s")
    if s.facts.get("source") != "last" or not isinstance(age, int | float):
        return ""
    said = f"as read {age:,.0f} s ago: the kernel does not answer now"
    return f" ({said})" if brackets else f", {said}"


def _may_change(summary: dict[str, Any] | None) -> bool:
    return summary is not None and summary.get("kind") not in _FIXED


def _share(count: int, rows: int | None) -> str:
    return f" ({100 * count / rows:.1f} %)" if rows else ""


def _article(text: str) -> str:
    return f"an {text}" if text[:1].lower() in "aeiou" else f"a {text}"
