"""From a function's signature and docstring to a JSON schema and a check of arguments (floor 2)."""

from __future__ import annotations

import inspect
import json
import re
import textwrap
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any, get_type_hints

import msgspec

from ..errors import ToolError
from ..records import Json

_SECTION = re.compile(r"^(Args|Arguments|Returns|Raises|Yields|Note|Notes|Example|Examples):\s*$")
_ARGUMENT = re.compile(r"^(\w+)(?: \([^)]*\))?:\s*(.*)$")
_INVALID = re.compile(r"^(.*?)(?: - at `\$?\.?(.*)`)?$", re.DOTALL)


class Arguments:
    """What a function takes after its first parameter, the tool context.

    Raises TypeError for a signature that makes no schema.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.name = function.__name__
        parameters = list(inspect.signature(function).parameters.values())[1:]
        self._struct = _struct(function, parameters)
        self._known = [p.name for p in parameters]
        self.description, texts = parse_docstring(inspect.getdoc(function) or "")
        if strange := set(texts) - set(self._known):
            raise TypeError(f"{self.name}: the docstring describes no parameter {strange}")
        self.schema = _schema(self._struct, texts)

    def validate(self, arguments: Json) -> Json:
        """Return the arguments with defaults filled in. Raises ToolError naming what is wrong."""
        value: Json = msgspec.to_builtins(self._convert(arguments))
        return value

    def bind(self, arguments: Json) -> Json:
        """Return validated arguments as the function wants them, nested types built."""
        return msgspec.structs.asdict(self._convert(arguments))

    def _convert(self, arguments: Any) -> Any:
        if not isinstance(arguments, dict):
            raise ToolError(f"{self.name}: the arguments must be a JSON object.")
        for name in arguments:
            if name not in self._known:
                raise ToolError(f"{self.name} has no argument {name!r}{self._instead(name)}")
        try:
            json.dumps(arguments, ensure_ascii=False).encode()
            return msgspec.convert(arguments, self._struct)
        except UnicodeEncodeError as error:
            raise ToolError(f"{self.name}: half of a surrogate pair is no character.") from error
        except msgspec.ValidationError as error:
            raise ToolError(f"{self.name}: {_explain(str(error))}") from error

    def _instead(self, name: str) -> str:
        if not self._known:
            return "; it takes none."
        near = get_close_matches(str(name), self._known, n=1)
        guess = f"; did you mean {near[0]!r}?" if near else "."
        return f"{guess} It takes: {', '.join(self._known)}."


def parse_docstring(doc: str) -> tuple[str, dict[str, str]]:
    """Return the first paragraph and the texts of a Google-style `Args` section."""
    head, _, _ = doc.partition("\n\n")
    description = "" if _SECTION.match(head.split("\n")[0]) else " ".join(head.split())
    texts: dict[str, str] = {}
    current = None
    for line in _args_lines(doc):
        found = None if line.startswith((" ", "\t")) else _ARGUMENT.match(line)
        if found:
            current = found[1]
            texts[current] = found[2].strip()
        elif current and line.strip():
            texts[current] = f"{texts[current]} {line.strip()}".strip()
    return description, texts


def _args_lines(doc: str) -> list[str]:
    lines, inside = [], False
    for line in doc.split("\n"):
        if section := _SECTION.match(line):
            inside = section[1] in ("Args", "Arguments")
        elif inside:
            if line.strip() and not line.startswith((" ", "\t")):
                break
            lines.append(line)
    return textwrap.dedent("\n".join(lines)).split("\n")


def _struct(function: Callable[..., Any], parameters: list[inspect.Parameter]) -> type:
    hints = _hints(function, parameters)
    fields: list[Any] = []
    for parameter in parameters:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise TypeError(f"{function.__name__}: *{parameter.name} makes no JSON schema")
        if parameter.name not in hints:
            raise TypeError(f"{function.__name__}: parameter {parameter.name} has no annotation")
        field = (parameter.name, hints[parameter.name])
        has_default = parameter.default is not parameter.empty
        fields.append((*field, parameter.default) if has_default else field)
    return msgspec.defstruct(
        function.__name__, fields, kw_only=True, forbid_unknown_fields=True, frozen=True
    )


def _hints(function: Callable[..., Any], parameters: list[inspect.Parameter]) -> dict[str, Any]:
    """Resolve the annotations of these parameters only: that of the context may be unknown here."""
    wanted = {p.name: p.annotation for p in parameters if p.annotation is not p.empty}
    holder = type("Parameters", (), {"__annotations__": wanted, "__module__": function.__module__})
    return get_type_hints(holder, globalns=function.__globals__, include_extras=True)


def _schema(struct: type, texts: dict[str, str]) -> Json:
    _, components = msgspec.json.schema_components([struct], ref_template="#/$defs/{name}")
    schema: Json = components.pop(struct.__name__)
    schema.pop("title", None)
    schema.pop("description", None)
    for name, text in texts.items():
        schema["properties"][name] = {**schema["properties"][name], "description": text}
    if components:
        schema["$defs"] = components
    return schema


def _explain(message: str) -> str:
    found = _INVALID.match(message)
    reason, place = (found[1], found[2]) if found else (message, None)
    reason = reason.replace("Object missing required field", "missing argument")
    reason = reason.replace("Object contains unknown field", "unknown field")
    if not place:
        return f"{reason}."
    return f"argument `{place}`: {reason[:1].lower()}{reason[1:]}."
