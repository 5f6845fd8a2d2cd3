"""Raw reads of pandas objects, safe on any thread (guest).

The pandas API builds views and caches: called beside a cell that mutates the object it
corrupts the heap. Here only slices of the blocks' arrays are taken.
"""

from __future__ import annotations

from itertools import islice
from typing import Any

from .previews import cut_text, preview
from .safety import instance_dict, library_class, type_name

Place = tuple[Any, int]
"""Where a column lies: its block's values and the row of them."""

_managers = ("BlockManager", "SingleBlockManager")


def from_pandas(value: Any) -> bool:
    """Say whether pandas itself defines the class of an object."""
    return (library_class(type(value)) or ("", ""))[0] == "pandas"


def manager_of(value: Any) -> Any:
    """Return the block manager of a frame or series, None if it is not as we know it."""
    manager = (instance_dict(value) or {}).get("_mgr")
    known = manager is not None and from_pandas(manager) and type(manager).__name__ in _managers
    return manager if known else None


def raw_array(values: Any) -> Any:
    """Return the ndarray behind a block's or index's values, None if there is no plain one."""
    if is_ndarray(values):
        return values
    if not from_pandas(values):
        return None
    raw = getattr(values, "_ndarray", None)
    return raw if is_ndarray(raw) else None


def is_ndarray(values: Any) -> bool:
    """Say whether this is exactly numpy's ndarray."""
    return library_class(type(values)) == ("numpy", "ndarray")


def is_categorical(values: Any) -> bool:
    """Say whether this is a pandas Categorical, whose raw array holds codes."""
    return library_class(type(values)) == ("pandas", "Categorical")


def dtype_text(values: Any) -> str:
    """Return a dtype's name, its class where a stranger defines it."""
    if is_ndarray(values):
        return str(values.dtype)[:80]
    if not from_pandas(values):
        return type_name(type(values))
    dtype = values.dtype
    if (library_class(type(dtype)) or ("",))[0] not in ("pandas", "numpy"):
        return str(values.dtype)[:80] if raw_array(values) is not None else "extension"
    return "category" if is_categorical(values) else cut_text(str(dtype), 80)


def first_values(values: Any, row: int | None, count: int, *, full: bool) -> list[Any] | None:
    """Return the first items of one column, None where they cannot be read safely.

    `row` is the column's place in a two-dimensional block. `full` allows pandas' own API.
    """
    raw = raw_array(values)
    if raw is not None and not is_categorical(values):
        line = raw if raw.ndim == 1 else raw[row or 0]
        if raw.dtype.kind in "mM":
            texts = [str(item) for item in line[:count]]
            return [None if text == "NaT" else text for text in texts]
        return list(line[:count].tolist())
    if raw is not None:
        return _category_items(values, raw[:count].tolist())
    if full and from_pandas(values):
        return list(values[:count])
    return None


def _category_items(values: Any, codes: list[int]) -> list[Any] | None:
    names = raw_array(getattr(values.dtype.categories, "_data", None))
    if names is None:
        return None
    return [names[code : code + 1].tolist()[0] if code >= 0 else None for code in codes]


def axis_labels(axis: Any, count: int) -> list[str]:
    """Return the first labels of an index as distinct texts."""
    labels = _raw_labels(axis, count)
    texts: list[str] = []
    seen: dict[str, int] = {}
    for label in labels:
        text = cut_text(label, 80) if type(label) is str else preview(label, 80)
        seen[text] = seen.get(text, 0) + 1
        texts.append(text if seen[text] == 1 else f"{text} ({seen[text]})")
    return texts


def _raw_labels(axis: Any, count: int) -> list[Any]:
    if not from_pandas(axis):
        return []
    name = type(axis).__name__
    if name == "RangeIndex":
        return list(islice(axis._range, count))
    if name == "MultiIndex":
        return _multi_labels(axis, count)
    return first_values(axis._data, None, count, full=False) or []


def _multi_labels(axis: Any, count: int) -> list[Any]:
    columns = []
    for level, codes in _pairs(list(axis._levels), list(axis._codes)):
        names = _raw_labels(level, 10_000)
        chosen = codes[:count].tolist()
        columns.append([names[code] if 0 <= code < len(names) else None for code in chosen])
    return [tuple(column[i] for column in columns) for i in range(len(columns[0]))]


def _pairs(left: list[Any], right: list[Any]) -> list[tuple[Any, Any]]:
    return [(item, right[i]) for i, item in enumerate(left)]


def columns_of(manager: Any, count: int) -> dict[int, Place]:
    """Return for the first columns their block's values and their place in it."""
    found: dict[int, Place] = {}
    for block in islice(manager.blocks, 5000):
        places = block.mgr_locs.as_array
        wanted = places.tolist() if len(places) <= 5000 else places[:5000].tolist()
        values = block.values
        for row, column in enumerate(wanted):
            if column < count:
                found[column] = (values, row)
        if len(found) == count:
            break
    return found
