"""Loading files: find the file, pick a name, say what is in it (floor 1)."""

from __future__ import annotations

import ast
import json
import keyword
import posixpath
import re
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from . import names, templates
from .names import code, counted, listed
from .situation import Situation
from .steps import Call, FailedError, Outcome, Plan, PuzzledError, Words, run_code

_EXTENSION = "|".join(sorted(templates.EXTENSIONS, key=len, reverse=True))
FILE = rf"(?:[a-z]+://\S+|[\w.~@+%/\\-]+\.(?:{_EXTENSION})(?:\.(?:{'|'.join(templates.PACKED)}))?)"
_FILE = re.compile(rf"(?<!\S)[`'\"]?({FILE})\b[`'\"]?", re.IGNORECASE)
_QUOTED = re.compile(rf"([`'\"])([^`'\"]+\.(?:{_EXTENSION}))\1", re.IGNORECASE)
_NAME = re.compile(
    r"\s+(?:as|into|to|called|named|in)\s+(?:an?\s+|the\s+)?(?:variable\s+|(?:data\s?)?frame\s+)?"
    r"[`'\"]?([A-Za-z_]\w*)[`'\"]?\s*[.!?]*$"
)
_NO_NAMES = frozenset({"pandas", "memory", "python", "dataframe", "frame", "notebook", "kernel"})
_NO_HINTS = re.compile(
    r"\b(?:the|a|an|my|our|some|this|that|data|datas?et|data ?frame|df|files?|table|again|it|them"
    r"|please|for me|from|of|in|up|called|named|with|now)\b",
    re.IGNORECASE,
)
_KINDS = {"csv": "csv", "tsv": "tsv", "json": "json", "excel": "xlsx", "parquet": "parquet"}
_REPORT = re.compile(r"^(\d+) rows, (\d+) columns: (\[.*\])$", re.MULTILINE)
_SKIPPED = re.compile(r"^[._]|^(?:node_modules|venv|env)$")
_MAX_FOLDERS = 6
_SIGNS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}

Search = Generator[Call, Outcome, str]
Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Wish:
    """What is to be loaded: a file's name or words that hint at it, of a kind perhaps."""

    file: str = ""
    hint: str = ""
    kind: str = ""
    name: str = ""

    @property
    def direct(self) -> bool:
        return "://" in self.file or self.file.startswith(("/", "~")) or self.file[1:3] == ":\\"


def load(s: Situation, found: Words) -> Plan:
    """Load a file into a new frame."""
    wish = _wish(s, found.get("what", ""))
    path = wish.file if wish.direct else (yield from _locate(s, wish))
    outcome = yield run_code(templates.load(wish.name or _free_name(s, path), path))
    # By now the fresh variables hold the new frame: its name is what the code says.
    made = re.search(r"^(\w+) = ", str(outcome.arguments.get("code", "")), re.MULTILINE)
    name = made[1] if made else "df"
    separator = _separator(path, outcome)
    if not separator:
        return _report(path, name, outcome)
    again = yield run_code(templates.load(name, path, separator))
    return f"{_report(path, name, again)} Its columns are separated by {_SIGNS[separator]}."


def files(s: Situation, found: Words) -> Plan:
    """List the files beside the notebook."""
    entries = _entries((yield _list(s.folder)))
    where = code(s.folder) if s.folder else "the server's root"
    if not entries:
        return f"There are no files in {where}."
    rows = []
    for entry in entries[:50]:
        folder = entry.get("type") == "directory"
        rows.append(f"- {code(entry['name'] + ('/' if folder else ''))}")
    more = f"\n- … and {len(entries) - 50} more" if len(entries) > 50 else ""
    return f"In {where}:\n\n" + "\n".join(rows) + more


def _wish(s: Situation, text: str) -> _Wish:
    name = ""
    named = _NAME.search(text)
    if named and named[1].lower() not in _NO_NAMES and not keyword.iskeyword(named[1]):
        name, text = named[1], text[: named.start()]
    exact = _QUOTED.search(text)
    if exact:
        return _Wish(file=exact[2], name=name)
    exact = _FILE.search(text)
    if exact:
        return _Wish(file=exact[1], name=name)
    before = s.last_loaded()
    if before and re.search(r"\b(?:again|reload|it)\b", s.query, re.IGNORECASE):
        return _Wish(file=before, name=name)
    kind = next((k for word, k in _KINDS.items() if re.search(rf"\b{word}\b", text, re.I)), "")
    hint = re.sub(rf"\b(?:{'|'.join(_KINDS)})\b", " ", _NO_HINTS.sub(" ", text), flags=re.I)
    return _Wish(hint=names.phrase(" ".join(hint.split())), kind=kind, name=name)


def _locate(s: Situation, wish: _Wish) -> Search:
    """Return the file's path as the kernel sees it, looking a folder deep."""
    if "list_files" not in s.tools:
        if wish.file:
            return wish.file
        raise PuzzledError("I cannot look for files here. Name the file, with its path.")
    start = posixpath.normpath(posixpath.join(s.folder, posixpath.dirname(wish.file)))
    start = "" if start == "." else start
    seen: list[Entry] = []
    folders, looked = [start], 0
    while folders and looked < _MAX_FOLDERS:
        entries = yield from _listing(folders.pop(0))
        looked += 1
        for entry in entries:
            if entry["type"] == "directory" and looked == 1 and not _SKIPPED.search(entry["name"]):
                folders.append(entry["path"])
        here = [e for e in entries if e["type"] != "directory" and templates.extension(e["name"])]
        seen += here
        match = _match(here, wish)
        if len(match) > 1:
            return _relative(s, (yield from _ask(s, match)))
        if match:
            return _relative(s, match[0]["path"])
    raise _not_found(wish, seen)


def _listing(folder: str) -> Generator[Call, Outcome, list[Entry]]:
    try:
        return _entries((yield _list(folder)))
    except FailedError as failed:
        if failed.outcome.status != "error":
            raise
        return []  # no such folder, or one that may not be read


def _match(entries: list[Entry], wish: _Wish) -> list[Entry]:
    """Return the files that fit: by name, else by the hint's words, else all of the kind."""
    if wish.file:
        wanted = posixpath.basename(wish.file)
        exact = [e for e in entries if e["name"] == wanted]
        return exact or [e for e in entries if e["name"].lower() == wanted.lower()]
    if wish.kind:
        entries = [e for e in entries if templates.extension(e["name"])[:3] == wish.kind[:3]]
    if not wish.hint:
        return entries
    stems = [_stem(e["name"]) for e in entries]
    stem = names.find(wish.hint, stems)
    chosen = [stem] if stem else names.mentioned(wish.hint, stems)
    if not chosen:
        words = names.plain(wish.hint)
        chosen = [stem for stem in stems if words in names.plain(stem)]
    return [e for e, stem in zip(entries, stems, strict=True) if stem in chosen]


def _ask(s: Situation, entries: list[Entry]) -> Search:
    paths = [entry["path"] for entry in entries]
    if "ask_user" not in s.tools:
        raise PuzzledError(f"There are several data files: {listed(paths[:20])}. Which one?")
    question = "There are several data files. Which one shall I load?"
    answer = yield Call("ask_user", {"question": question, "options": paths[:20]})
    return names.resolve(answer.text, paths, "file", "The folder")


def _not_found(wish: _Wish, seen: list[Entry]) -> PuzzledError:
    wanted, paths = wish.file or wish.hint, [entry["path"] for entry in seen]
    if not paths:
        looked = f" called {code(wanted)}" if wanted else ""
        return PuzzledError(
            f"I found no data file{looked} beside the notebook or a folder below. I can load "
            f"{', '.join(templates.EXTENSIONS)} files."
        )
    near = names.close(wanted, paths) or names.close(
        _stem(posixpath.basename(wanted)), [_stem(e["name"]) for e in seen]
    )
    if near:
        return PuzzledError(f"There is no file {code(wanted)}. Did you mean {listed(near, 'or')}?")
    return PuzzledError(f"There is no file {code(wanted)}. There is {listed(paths[:20])}.")


def _report(path: str, name: str, outcome: Outcome) -> str:
    said = _REPORT.search(outcome.text)
    if not said:
        return f"Loaded {code(path)} into {code(name)}."
    try:
        columns = listed(ast.literal_eval(said[3]))
    except (ValueError, SyntaxError):  # names that are no plain values, such as timestamps
        columns = said[3]
    rows, width = counted(int(said[1]), "row"), counted(int(said[2]), "column")
    return f"Loaded {code(path)} into {code(name)}: {rows} × {width} ({columns})."


def _separator(path: str, outcome: Outcome) -> str:
    """Return what separates the columns of a file that was read as one column by mistake."""
    said = _REPORT.search(outcome.text)
    if not said or said[2] != "1" or templates.extension(path) != "csv":
        return ""
    return next((sign for sign in _SIGNS if repr(sign)[1:-1] in said[3]), "")


def _free_name(s: Situation, path: str) -> str:
    if "df" not in s.variables:
        return "df"
    base = re.sub(r"\W+", "_", _stem(posixpath.basename(path)), flags=re.ASCII).strip("_").lower()
    if not base.isidentifier() or keyword.iskeyword(base):
        base = "df"
    taken, count = set(s.variables), 2
    name = base
    while name in taken:
        name, count = f"{base}{count}", count + 1
    return name


def _relative(s: Situation, path: str) -> str:
    return posixpath.relpath(path, s.folder or ".")


def _list(folder: str) -> Call:
    return Call("list_files", {"path": folder} if folder else {})


def _entries(outcome: Outcome) -> list[Entry]:
    try:
        found = json.loads(outcome.text)["files"]
    except (ValueError, KeyError, TypeError):
        return []
    return [e for e in found if {"name", "path", "type"} <= e.keys()]


def _stem(name: str) -> str:
    return name.split(".")[0] if not name.startswith(".") else name
