"""One summary for one variable (guest). docs/variables.md lists the keys."""

from __future__ import annotations

import collections
import datetime
import decimal
import pathlib
import types
import uuid
from typing import Any

from .arrays import array_summary, subclass_summary, tensor_summary
from .code import class_summary, function_summary, object_summary
from .frames import frame_summary, index_summary, series_summary
from .libraries import (
    LAZY,
    LAZY_ROOTS,
    connection_summary,
    estimator_summary,
    figure_summary,
    lazy_summary,
    polars_frame,
    polars_series,
)
from .previews import cut_text, is_numpy_scalar, json_scalar, preview
from .redaction import REDACTED, hides_value, strong_name
from .safety import Json, class_mro, clean, library_class, table, type_ids, type_name
from .scope import Scope, Steps

CONNECTIONS = ("sqlite3", "sqlalchemy", "psycopg", "psycopg2", "duckdb", "_duckdb", "pymysql")


def summarize(name: str, value: Any, scope: Scope) -> Steps:
    """Summarise a variable in steps; never raises, never runs the value's code."""
    cls = type(value)
    found: Json = {"type": type_name(cls)}
    scope.hide = strong_name(name)
    try:
        if hides_value(name, value) and id(cls) in _values:
            found.update(_secret(value))
            return found
        make = _makers.get(id(cls)) or _library_maker(cls) or _class_maker(cls)
        made = make(value, scope)
        if type(made) is types.GeneratorType:
            made = yield from made
        found.update(made)
    except Exception as error:
        found.update(kind="object", note=f"could not be read ({type(error).__name__})")
    return found


def _secret(value: Any) -> Json:
    found: Json = {"kind": "secret", "value": REDACTED}
    if id(type(value)) in _sized:
        found["len"] = len(value)
    return found


def _scalar(value: Any, scope: Scope) -> Json:
    return {"kind": "scalar", "value": json_scalar(value)}


def _text(value: str, scope: Scope) -> Json:
    limit = 4000 if scope.detail else 200
    return {"kind": "text", "len": len(value), "value": cut_text(value, limit)}


def _raw_bytes(value: bytes, scope: Scope) -> Json:
    return {"kind": "bytes", "len": len(value), "value": preview(bytes(value[:64]), 400)}


def _container(kind: str) -> Any:
    def summary(value: Any, scope: Scope) -> Json:
        text = preview(value, 2400 if scope.detail else 200)
        return {"kind": kind, "len": len(value), "value": text[: 4000 if scope.detail else 240]}

    return summary


def _moment_kind(value: Any, scope: Scope) -> Json:
    return {"kind": "datetime", "value": preview(value, 100)}


def _path(value: Any, scope: Scope) -> Json:
    return {"kind": "path", "value": preview(value, 300)}


def _module_kind(value: types.ModuleType, scope: Scope) -> Json:
    name = vars(value).get("__name__")
    version = vars(value).get("__version__")
    found: Json = {"kind": "module", "value": clean(name[:120]) if type(name) is str else "?"}
    if type(version) is str:
        found["version"] = clean(version[:40])
    return found


def _builtin(value: Any, scope: Scope) -> Json:
    return {"kind": "function", "defined_here": False}


def _enum(value: Any, scope: Scope) -> Json:
    return {"kind": "scalar", "value": preview(value)}


def _library_maker(cls: type) -> Any:
    library = library_class(cls)
    if library is not None:
        root, name = library
        if library in _library:
            return _library[library]
        if root == "numpy" and is_numpy_scalar(cls):
            return _scalar
        if root == "pandas" and name.endswith("Index"):
            return index_summary
        if root == "pandas" and name in ("Timestamp", "Timedelta", "Period"):
            return _moment_kind
        if root == "sklearn" and _inherits(cls, ("sklearn", "BaseEstimator")):
            return estimator_summary
        if root == "dask" or (root in LAZY_ROOTS and name in LAZY):
            return lazy_summary
        if root in CONNECTIONS:
            return connection_summary
    return None


def _class_maker(cls: type) -> Any:
    """Choose by what a class inherits: what it overrides is never called."""
    bases = class_mro(cls)
    if any(base is type for base in bases):
        return class_summary
    for base in bases[1:]:
        library = library_class(base)
        if library == ("numpy", "ndarray"):
            return subclass_summary
        if library == ("pandas", "DataFrame"):
            return frame_summary
        if library == ("pandas", "Series"):
            return series_summary
        if library == ("sklearn", "BaseEstimator"):
            return estimator_summary
        if library == ("enum", "Enum"):
            return _enum
    return object_summary


def _inherits(cls: type, wanted: tuple[str, str]) -> bool:
    return any(library_class(base) == wanted for base in class_mro(cls))


_numbers = (int, float, complex, bool)
_texts = (str, bytes, bytearray)
_lists = (list, tuple, collections.deque)
_sets = (set, frozenset)
_dicts = (dict, collections.OrderedDict, collections.defaultdict, collections.Counter)
_sized = type_ids(*_texts, *_lists, *_sets, *_dicts)
_values = _sized | type_ids(*_numbers)

_makers = table(
    (_scalar, (*_numbers, type(None), type(...), decimal.Decimal, uuid.UUID)),
    (_text, (str,)),
    (_raw_bytes, (bytes, bytearray)),
    (_container("sequence"), (*_lists, range)),
    (_container("set"), _sets),
    (_container("mapping"), _dicts),
    (_moment_kind, (datetime.datetime, datetime.date, datetime.time, datetime.timedelta)),
    (_path, (pathlib.PosixPath, pathlib.WindowsPath)),
    (_path, (pathlib.PurePosixPath, pathlib.PureWindowsPath)),
    (_module_kind, (types.ModuleType,)),
    (function_summary, (types.FunctionType,)),
    (_builtin, (types.BuiltinFunctionType, types.MethodType)),
    (class_summary, (type,)),
)
_library: dict[tuple[str, str], Any] = {
    ("fractions", "Fraction"): _scalar,
    ("numpy", "ndarray"): array_summary,
    ("numpy", "memmap"): subclass_summary,
    ("pandas", "DataFrame"): frame_summary,
    ("geopandas", "GeoDataFrame"): frame_summary,
    ("pandas", "Series"): series_summary,
    ("polars", "DataFrame"): polars_frame,
    ("polars", "Series"): polars_series,
    ("torch", "Tensor"): tensor_summary,
    ("torch", "Parameter"): tensor_summary,
    ("matplotlib", "Figure"): figure_summary,
}
