"""Summaries of what other libraries make: polars, sklearn, matplotlib, connections (guest).

Lazy frames and connections are named, never resolved: that could read files or query.
"""

from __future__ import annotations

from itertools import islice
from typing import Any

from .previews import cut_text, json_scalar, preview
from .redaction import REDACTED, secret_name
from .safety import Json, clean, instance_dict, library_class
from .scope import Scope

LAZY = ("LazyFrame", "LazyGroupBy", "DuckDBPyRelation", "Expr")
LAZY_ROOTS = ("polars", "duckdb", "_duckdb")


def polars_frame(value: Any, scope: Scope) -> Json:
    """Describe a polars DataFrame, whose data nobody changes in place beside us."""
    columns = list(value.schema.items())
    limit = 200 if scope.detail else 60
    names = [clean(name[:80]) for name, _ in columns[:limit]]
    found: Json = {
        "kind": "dataframe",
        "library": "polars",
        "shape": list(value.shape),
        "columns": {names[i]: str(dtype)[:80] for i, (_, dtype) in enumerate(columns[:limit])},
    }
    if len(columns) > limit:
        found["more_columns"] = len(columns) - limit
    if scope.full:
        counts = value.null_count().row(0) if columns else ()
        found["nulls"] = {names[i]: n for i, n in enumerate(counts[: len(names)]) if n}
        if not scope.hide:
            rows = value.head(10 if scope.detail else 3).rows()
            found["head"] = [_row(names[:12], row) for row in rows]
    return found


def _row(names: list[str], row: tuple[Any, ...]) -> list[Any]:
    return [
        REDACTED if secret_name(name) else json_scalar(row[i], 40) for i, name in enumerate(names)
    ]


def polars_series(value: Any, scope: Scope) -> Json:
    """Describe a polars Series."""
    height = value.len()
    found: Json = {"kind": "series", "library": "polars", "shape": [height], "len": height}
    found.update(dtype=str(value.dtype)[:80], name=cut_text(value.name, 60))
    if scope.full:
        found["nulls"] = value.null_count()
        if not scope.hide and not secret_name(value.name):
            found["head"] = [json_scalar(item, 40) for item in value.head(5).to_list()]
    return found


def lazy_summary(value: Any, scope: Scope) -> Json:
    """Name what is not computed yet."""
    return {"kind": "lazy", "note": "not evaluated; its schema was not resolved"}


def connection_summary(value: Any, scope: Scope) -> Json:
    """Name a connection; it is never used."""
    return {"kind": "connection", "note": "not queried"}


def estimator_summary(value: Any, scope: Scope) -> Json:
    """Describe an sklearn estimator by its own attributes: parameters and what was fitted."""
    held = instance_dict(value) or {}
    names = [name for name in list(held) if type(name) is str and name[:1] != "_"]
    fitted = [name for name in names if name.endswith("_")]
    found: Json = {
        "kind": "estimator",
        "fitted": bool(fitted),
        "parameters": {
            clean(name): REDACTED if secret_name(name) else json_scalar(held[name], 40)
            for name in names[:60]
            if not name.endswith("_") and held[name] is not None
        },
    }
    if fitted:
        found["fitted_attributes"] = [clean(name) for name in fitted[:20]]
    if type(held.get("n_features_in_")) is int:
        found["features"] = held["n_features_in_"]
    if scope.detail:
        found["fitted_values"] = {clean(name): preview(held[name], 200) for name in fitted[:20]}
    return found


def figure_summary(value: Any, scope: Scope) -> Json:
    """Describe a matplotlib figure without drawing it; its axes only on the main thread."""
    found: Json = {"kind": "figure"}
    if not scope.full:
        return found
    found["size_inches"] = [round(float(side), 2) for side in value.get_size_inches()]
    found["axes"] = [
        _axes(axes)
        for axes in islice(value.axes, 8)
        if (library_class(type(axes)) or ("",))[0] in ("matplotlib", "mpl_toolkits")
    ]
    return found


def _axes(axes: Any) -> Json:
    texts = ("title", axes.get_title()), ("x", axes.get_xlabel()), ("y", axes.get_ylabel())
    counts = [(name, len(getattr(axes, name))) for name in ("lines", "patches", "images")]
    found: Json = {name: cut_text(text, 80) for name, text in texts if type(text) is str and text}
    found.update({name: count for name, count in counts if count})
    return found
