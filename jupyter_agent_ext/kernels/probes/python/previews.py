"""Short texts of values; only exact types of the standard library are opened (guest)."""

from __future__ import annotations

import collections
import datetime
import decimal
import math
import pathlib
import types
import uuid
from collections.abc import Iterable
from itertools import islice
from typing import Any

from .redaction import REDACTED, redact_value, secret_name
from .safety import class_mro, clean, instance_dict, library_class, table, type_name

SAFE_INTEGER = 2**53
_zone_makers = ("datetime", "zoneinfo", "pytz", "dateutil")
_numpy_containers = ("ndarray", "memmap", "matrix", "recarray", "MaskedArray")


def cut_text(text: str, limit: int) -> str:
    """Redact, then cut; of a long text only the beginning is looked at."""
    text = clean(redact_value(text[: 4 * limit + 400]))
    return text if len(text) <= limit else text[:limit] + "…"


def preview(value: Any, limit: int = 80, depth: int = 0) -> str:
    """Return a one-line text of any value: its content if that is safe, else its type."""
    cls = type(value)
    writer = _writers.get(id(cls))
    if writer is not None:
        return str(writer(value, limit, depth))
    return _library_scalar(value, cls) or f"<{type_name(cls)}>"


def json_scalar(value: Any, limit: int = 200) -> Any:
    """Return a scalar as JSON can hold it exactly, else its preview."""
    cls = type(value)
    if cls is str:
        return cut_text(value, limit)
    if cls is bool or value is None:
        return value
    if cls is int and -SAFE_INTEGER < value < SAFE_INTEGER:
        return value
    if cls is float and math.isfinite(value):
        return value
    if is_numpy_scalar(cls):
        item = value.item()
        return preview(item, limit) if is_numpy_scalar(type(item)) else json_scalar(item, limit)
    return preview(value, limit)


def is_numpy_scalar(cls: type) -> bool:
    """Say whether numpy defines this scalar type."""
    root, name = library_class(cls) or ("", "")
    return root == "numpy" and name not in _numpy_containers and hasattr(cls, "item")


def _string(value: str, limit: int, depth: int) -> str:
    return repr(cut_text(value, limit))


def _bytes(value: bytes, limit: int, depth: int) -> str:
    if len(value) > limit // 2:
        return f"{type(value).__name__}(len {len(value)})"
    return clean(redact_value(repr(value)))


def _integer(value: int, limit: int, depth: int) -> str:
    bits = value.bit_length()
    return repr(value) if bits < 512 else f"int({bits} bits)"


def _plain(value: Any, limit: int, depth: int) -> str:
    return cut_text(repr(value), limit)


def _text_of(value: Any, limit: int, depth: int) -> str:
    return cut_text(str(value), limit)


def _moment(value: Any, limit: int, depth: int) -> str:
    zone = value.tzinfo
    if zone is not None and (library_class(type(zone)) or ("", ""))[0] not in _zone_makers:
        value = value.replace(tzinfo=None)  # a foreign zone's utcoffset() would be called
    return cut_text(value.isoformat(), limit)


def _sequence(value: Any, limit: int, depth: int) -> str:
    left, right = _brackets.get(id(type(value)), (f"{type(value).__name__}([", "])"))
    if not len(value):
        return left + right
    if depth >= 2:
        return f"{left}… {len(value)}{right}"
    count = 6 if depth == 0 else 3
    part = 24 if limit <= 200 else limit // 12
    body = _join(value, count, lambda item: preview(item, part, depth + 1))
    return f"{left}{body}{right}"


def _mapping(value: dict[Any, Any], limit: int, depth: int) -> str:
    name = type(value).__name__
    left, right = ("{", "}") if name == "dict" else (f"{name}({{", "})")
    if not len(value):
        return left + right
    if depth >= 2:
        return f"{left}… {len(value)}{right}"
    count = 6 if depth == 0 else 3
    part = 24 if limit <= 200 else limit // 12

    def pair(item: tuple[Any, Any]) -> str:
        key, held = item
        hidden = type(key) is str and held is not None and secret_name(key)
        text = REDACTED if hidden else preview(held, part, depth + 1)
        return f"{preview(key, 40, depth + 1)}: {text}"

    return f"{left}{_join(dict.items(value), count, pair)}{right}"


def _join(items: Iterable[Any], count: int, write: Any) -> str:
    try:
        first = list(islice(items, count + 1))
    except RuntimeError:
        return "… changing"
    return ", ".join([write(item) for item in first[:count]] + ["…"] * (len(first) > count))


def _module(value: types.ModuleType, limit: int, depth: int) -> str:
    name = vars(value).get("__name__")
    return f"<module {clean(name) if type(name) is str else '?'}>"


def _library_scalar(value: Any, cls: type) -> str:
    root, name = library_class(cls) or ("", "")
    if root == "numpy" and is_numpy_scalar(cls):
        item = value.item()
        return preview(item) if type(item) is not cls else cut_text(str(value), 40)
    if (root, name) == ("fractions", "Fraction"):
        return cut_text(str(value), 60)
    if root == "pandas" and name in ("Timestamp", "Timedelta", "Period", "NaTType", "NAType"):
        return cut_text(str(value), 60)
    return _enum_member(value, cls)


def _enum_member(value: Any, cls: type) -> str:
    if not any(library_class(base) == ("enum", "Enum") for base in class_mro(cls)):
        return ""
    held = instance_dict(value)
    name = None if held is None else held.get("_name_")
    return f"<{type_name(cls)}.{clean(name[:60])}>" if type(name) is str else ""


_writers = table(
    (_string, (str,)),
    (_bytes, (bytes, bytearray)),
    (_integer, (int,)),
    (_plain, (float, bool, complex, type(None), type(...), range, datetime.timedelta)),
    (_moment, (datetime.datetime, datetime.time)),
    (_text_of, (datetime.date, decimal.Decimal)),
    (_text_of, (uuid.UUID, pathlib.PosixPath, pathlib.WindowsPath)),
    (_text_of, (pathlib.PurePosixPath, pathlib.PureWindowsPath, datetime.timezone)),
    (_sequence, (list, tuple, set, frozenset, collections.deque)),
    (_mapping, (dict, collections.OrderedDict, collections.defaultdict, collections.Counter)),
    (_module, (types.ModuleType,)),
)
_brackets = {id(list): ("[", "]"), id(tuple): ("(", ")"), id(set): ("{", "}")}
