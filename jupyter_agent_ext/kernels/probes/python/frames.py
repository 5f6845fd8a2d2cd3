"""Summaries of pandas frames, series and indexes (guest)."""

from __future__ import annotations

import sys
from typing import Any

from .arrays import is_number, number_stats, sample
from .blocks import (
    Place,
    axis_labels,
    columns_of,
    dtype_text,
    first_values,
    from_pandas,
    is_categorical,
    manager_of,
    raw_array,
)
from .previews import json_scalar
from .redaction import REDACTED, secret_name
from .safety import Json, instance_dict, library_class
from .scope import Scope, Steps

NULL_CELLS = 2_000_000
NULL_SAMPLE = 2048
CHUNK = 200_000
TOP_ROWS = 20_000
_missing_marks = (("pandas", "NAType"), ("pandas", "NaTType"))


def frame_summary(value: Any, scope: Scope) -> Steps:
    """Describe a DataFrame: shape, columns with dtypes, nulls, first rows; stats in detail."""
    manager = manager_of(value)
    if manager is None:
        return {"kind": "dataframe", "note": "this version of pandas cannot be read"}
    width, height = len(manager.axes[0]), len(manager.axes[1])
    limit = 200 if scope.detail else 60
    labels = axis_labels(manager.axes[0], limit)
    places = columns_of(manager, len(labels))
    found: Json = {"kind": "dataframe", "shape": [height, width]}
    found["columns"] = {
        label: dtype_text(places[i][0]) if i in places else "?" for i, label in enumerate(labels)
    }
    if width > len(labels):
        found["more_columns"] = width - len(labels)
    index = axis_labels(manager.axes[1], 3)
    if index[:3] != ["0", "1", "2"][: len(index)] and not scope.hide:
        found["index"] = index
    head = _head(labels, places, min(height, 10 if scope.detail else 3), scope)
    if head and not scope.hide:
        found["head"] = head
    yield
    yield from _nulls(found, labels, places, (height, width), scope)
    if scope.detail and not scope.hide:
        yield from _column_stats(found, labels, places, scope)
    return found


def _head(labels: list[str], places: dict[int, Place], count: int, scope: Scope) -> list[list[Any]]:
    shown = min(len(labels), 40 if scope.detail else 12)
    rows: list[list[Any]] = [[None] * shown for _ in range(count)]
    for i in range(shown):
        values, row = places.get(i, (None, 0))
        items = first_values(values, row, count, full=scope.full)
        for j in range(count):
            if secret_name(labels[i]):
                rows[j][i] = REDACTED
            else:
                rows[j][i] = _cell(items[j]) if items and j < len(items) else "…"
    return rows


def _cell(item: Any) -> Any:
    return None if _is_missing(item) else json_scalar(item, 40)


def _nulls(
    found: Json, labels: list[str], places: dict[int, Place], shape: tuple[int, int], scope: Scope
) -> Steps:
    """Count missing values exactly on the main thread, in a sample elsewhere."""
    height, width = shape
    cells = 10 * NULL_CELLS if scope.detail else NULL_CELLS
    if scope.full and height * width <= cells:
        exact: dict[str, int] = {}
        for i in places:
            count = yield from _exact_nulls(places[i], height, scope)
            if count is None:
                break
            if count:
                exact[labels[i]] = count
        else:
            found["nulls"] = {label: exact[label] for label in labels if label in exact}
            return
    sampled = {}
    step = max(1, height // NULL_SAMPLE)
    for i in places:
        count = sampled_nulls(places[i], step)
        if count:
            sampled[labels[i]] = count
    found["nulls_sampled"] = {label: sampled[label] for label in labels if label in sampled}
    found["sampled_rows"] = -(-height // step)


def _exact_nulls(place: Place, height: int, scope: Scope) -> Steps:
    """Count one column's missing values; None where time is up or another thread took over."""
    values, row = place
    line = values if values.ndim == 1 else values[row]
    if not from_pandas(line) and raw_array(line) is None:
        return None
    if raw_array(values) is values and values.dtype.kind in "biuSU":
        return 0
    isna = vars(sys.modules["pandas"])["isna"]
    total = 0
    for start in range(0, height, CHUNK):
        total += int(isna(line[start : start + CHUNK]).sum())
        yield
        if not (scope.full and scope.open()):
            return None
    return total


def sampled_nulls(place: Place, step: int) -> int:
    """Count missing values among every `step`-th row of a raw column; 0 if it has no raw one."""
    values, row = place
    raw = raw_array(values)
    if raw is None:
        return 0
    line = (raw if raw.ndim == 1 else raw[row])[::step]
    np = sys.modules["numpy"]
    if is_categorical(values):
        return int((line < 0).sum())
    if line.dtype.kind in "fc":
        return int(np.isnan(line).sum())
    if line.dtype.kind in "mM":
        return int(np.isnat(line).sum())
    if line.dtype.kind == "O":
        return sum(_is_missing(item) for item in line.tolist())
    return 0


def _is_missing(item: Any) -> bool:
    if item is None:
        return True
    if type(item) is float:
        return item != item
    return type(item) is not str and library_class(type(item)) in _missing_marks


def _column_stats(found: Json, labels: list[str], places: dict[int, Place], scope: Scope) -> Steps:
    """Add `stats` of number columns and `top` values of text columns, sampled if long."""
    stats: Json = {}
    top: Json = {}
    for i, label in enumerate(labels):
        if i not in places or secret_name(label):
            continue
        if not scope.open():
            found["note"] = "stats of some columns were left out: time was up"
            break
        column_stats(label, places[i], stats, top)
        yield
    if stats:
        found["stats"] = stats
    if top:
        found["top"] = top
    if found["shape"][0] > TOP_ROWS and (stats or top):
        found["stats_sampled"] = TOP_ROWS


def column_stats(label: str, place: Place, stats: Json, top: Json) -> None:
    """Put what one column holds into `stats` or `top`."""
    values, row = place
    raw = raw_array(values)
    if raw is None or is_categorical(values):
        return
    line = raw if raw.ndim == 1 else raw[row]
    if is_number(line):
        stats[label] = number_stats(sample(line))
    elif line.dtype.kind in "OU":
        counts = text_counts(line[:: max(1, len(line) // TOP_ROWS)].tolist())
        if counts:
            top[label] = counts


def text_counts(items: list[Any]) -> Json:
    """Return the five most frequent texts; nothing if the items are not all text."""
    counts: dict[str, int] = {}
    for item in items:
        if type(item) is str:
            counts[item] = counts.get(item, 0) + 1
        elif not _is_missing(item):
            return {}
    best = sorted(counts.items(), key=lambda pair: -pair[1])[:5]
    return {str(json_scalar(text, 40)): count for text, count in best}


def series_summary(value: Any, scope: Scope) -> Steps:
    """Describe a Series."""
    manager = manager_of(value)
    if manager is None:
        return {"kind": "series", "note": "this version of pandas cannot be read"}
    values = manager.blocks[0].values
    height = len(manager.axes[0])
    found: Json = {"kind": "series", "shape": [height], "len": height, "dtype": dtype_text(values)}
    name = (instance_dict(value) or {}).get("_name")
    if name is not None:
        found["name"] = json_scalar(name, 60)
    hidden = scope.hide or (type(name) is str and secret_name(name))
    items = first_values(values, None, 10 if scope.detail else 5, full=scope.full)
    if items is not None and not hidden:
        found["head"] = [_cell(item) for item in items]
    yield
    if scope.full and height <= (10 * NULL_CELLS if scope.detail else NULL_CELLS):
        count = yield from _exact_nulls((values, 0), height, scope)
        if count is not None:
            found["nulls"] = count
    if "nulls" not in found:
        step = max(1, height // NULL_SAMPLE)
        found["nulls_sampled"] = sampled_nulls((values, 0), step)
        found["sampled_rows"] = -(-height // step)
    if scope.detail and not hidden:
        stats: Json = {}
        top: Json = {}
        column_stats("", (values, 0), stats, top)
        found.update({key: d[""] for key, d in (("stats", stats), ("top", top)) if d})
        if height > TOP_ROWS and (stats or top):
            found["stats_sampled"] = TOP_ROWS
    return found


def index_summary(value: Any, scope: Scope) -> Json:
    """Describe an Index."""
    found: Json = {"kind": "index", "len": len(value)}
    if type(value).__name__ == "MultiIndex":
        found["levels"] = len(value._levels)
    elif type(value).__name__ != "RangeIndex":
        found["dtype"] = dtype_text(value._data)
    if not scope.hide:
        found["head"] = axis_labels(value, 6)
    return found
