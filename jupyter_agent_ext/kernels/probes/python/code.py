"""Describe functions, classes, modules and unknown objects from their raw parts (guest)."""

from __future__ import annotations

import ast
import inspect
import linecache
import sys
import types
from itertools import islice
from typing import Any

from .previews import cut_text, preview
from .redaction import REDACTED, redact, secret_name
from .safety import (
    Json,
    claimed_name,
    class_bases,
    class_dict,
    class_mro,
    clean,
    instance_dict,
    type_ids,
    type_name,
)
from .scope import Scope

SOURCE_LIMIT = 8000
_secretive = type_ids(str, bytes)
_wrapped = type_ids(classmethod, staticmethod)
_methods_kinds = _wrapped | type_ids(types.FunctionType, property)


def function_summary(value: types.FunctionType, scope: Scope) -> Json:
    """Describe a Python function by its code object; source if the notebook defines it."""
    module = value.__module__
    found: Json = {"kind": "function", "signature": signature(value)}
    if type(module) is str:
        found["module"] = clean(module[:120])
    found["defined_here"] = type(module) is str and module == "__main__"
    if type(value.__doc__) is str:
        found["doc"] = cut_text(value.__doc__.strip(), 2000 if scope.detail else 120)
    if scope.detail and found["defined_here"]:
        _add_source(found, function_source(value.__code__))
    return found


def signature(value: types.FunctionType) -> str:
    """Return name, parameters, plain defaults and named annotations of a function."""
    code = value.__code__
    names = code.co_varnames
    positional = names[: code.co_argcount]
    keywords = names[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    extra = list(names[code.co_argcount + code.co_kwonlyargcount :])
    notes = _annotations(value)
    defaults = value.__defaults__ or ()
    first_default = len(positional) - len(defaults)
    parts = []
    for i, name in enumerate(positional):
        held = defaults[i - first_default : i - first_default + 1] if i >= first_default else ()
        parts.append(_parameter(name, notes, held))
    if code.co_flags & inspect.CO_VARARGS:
        parts.append("*" + extra.pop(0))
    elif keywords:
        parts.append("*")
    keyword_defaults: Any = value.__kwdefaults__
    for name in keywords:
        given = type(keyword_defaults) is dict and name in keyword_defaults
        parts.append(_parameter(name, notes, (keyword_defaults[name],) if given else ()))
    if code.co_flags & inspect.CO_VARKEYWORDS:
        parts.append("**" + extra.pop(0))
    result = f" -> {_annotation(notes['return'])}" if "return" in notes else ""
    return clean(f"{code.co_name}({', '.join(parts)}){result}"[:600])


def _parameter(name: str, notes: dict[str, Any], default: tuple[Any, ...]) -> str:
    text = f"{name}: {_annotation(notes[name])}" if name in notes else name
    if not default:
        return text
    hidden = id(type(default[0])) in _secretive and secret_name(name)
    return f"{text}={REDACTED if hidden else preview(default[0], 30, 1)}"


def _annotations(value: types.FunctionType) -> dict[str, Any]:
    if sys.version_info >= (3, 14):  # reading them there runs the annotations' code
        return {}
    notes = value.__annotations__
    return notes if type(notes) is dict else {}


def _annotation(note: Any) -> str:
    if type(note) is str:
        return note[:60]
    if type(note) is type:
        return type_name(note)
    return "None" if note is None else "…"


def function_source(code: types.CodeType) -> str | None:
    """Return the source of a function of the notebook; linecache holds the cells."""
    lines = linecache.cache.get(code.co_filename)
    if type(lines) is not tuple or len(lines) < 3:
        return None
    try:
        return "".join(inspect.getblock(lines[2][code.co_firstlineno - 1 :]))
    except Exception:
        return None


def class_summary(value: type, scope: Scope) -> Json:
    """Describe a class by its raw dict; source if the notebook defines it."""
    claimed = claimed_name(value) or ("?", "?")
    members = class_dict(value)
    methods = [k for k, v in members if id(type(v)) in _methods_kinds]
    found: Json = {
        "kind": "class",
        "name": clean(claimed[1][:120]),
        "module": clean(claimed[0][:120]),
        "defined_here": claimed[0] == "__main__",
        "bases": [type_name(base) for base in class_bases(value)[:8]],
    }
    if found["defined_here"] or scope.detail:
        shown = [name for name in methods if name[:1] != "_" or scope.detail]
        found["methods"] = [clean(name[:60]) for name in shown[:40]]
    doc = dict(members).get("__doc__")
    if type(doc) is str:
        found["doc"] = cut_text(doc.strip(), 2000 if scope.detail else 120)
    if scope.detail and found["defined_here"]:
        _add_source(found, class_source(claimed[1], members))
    return found


def class_source(name: str, members: list[tuple[str, Any]]) -> str | None:
    """Find a class of the notebook in the cell that holds one of its methods."""
    for _, member in members:
        function = member.__func__ if id(type(member)) in _wrapped else member
        function = member.fget if type(member) is property else function
        if type(function) is not types.FunctionType:
            continue
        lines = linecache.cache.get(function.__code__.co_filename)
        if type(lines) is not tuple or len(lines) < 3:
            continue
        for node in _class_nodes("".join(lines[2])):
            if node.name == name.rpartition(".")[2] and node.end_lineno is not None:
                return "".join(lines[2][node.lineno - 1 : node.end_lineno])
    return None


def _class_nodes(source: str) -> list[ast.ClassDef]:
    try:
        return [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ClassDef)]
    except (SyntaxError, ValueError, RecursionError):
        return []


def _add_source(found: Json, source: str | None) -> None:
    if source is not None:
        found["source"] = clean(redact(source))[:SOURCE_LIMIT]


def object_summary(value: Any, scope: Scope) -> Json:
    """Describe an object of an unknown class: the names and types of its attributes."""
    found: Json = {"kind": "object"}
    held = instance_dict(value)
    if held is not None:
        count = 60 if scope.detail else 12
        pairs = [(k, v) for k, v in islice(list(held.items()), count) if type(k) is str]
        found["attributes"] = {clean(k[:60]): type_name(type(v)) for k, v in pairs}
        if len(held) > count:
            found["more_attributes"] = len(held) - count
    if scope.detail:
        found["methods"] = _methods(type(value))
        found["bases"] = [type_name(base) for base in class_mro(type(value))[1:9]]
    return found


def _methods(cls: type) -> list[str]:
    names: list[str] = []
    for base in class_mro(cls)[:-1]:
        for name, member in class_dict(base):
            if type(member) is types.FunctionType and name[:1] != "_" and name not in names:
                names.append(clean(name[:60]))
    return names[:40]
