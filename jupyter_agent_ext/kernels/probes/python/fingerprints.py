"""Cheap prints of values, and what differs between two readings (guest).

A print costs microseconds whatever the size; a single changed element deep in a huge container
may escape it. No value is kept, only ids, numbers, short hashes.
"""

from __future__ import annotations

import collections
import types
import uuid
import zlib
from itertools import islice
from typing import Any

from .blocks import manager_of, raw_array
from .safety import Json, instance_dict, library_class, table, type_ids

UNKNOWN = "?"
KEPT = 6
_exact_numbers = (int, float, bool)
_number_ids = type_ids(*_exact_numbers)

Entry = tuple[int, int, Any]
"""Object id (0 where the value itself is compared), id of its type, print."""


def entry_of(value: Any) -> Entry:
    """Return what is remembered of a value."""
    cls = type(value)
    by_value = _by_value.get(id(cls))
    try:
        if by_value is not None:
            return 0, id(cls), by_value(value)
        maker = _by_content.get(id(cls))
        if maker is None:
            maker = _library_prints.get(library_class(cls) or ("", ""), _attributes_print)
        return id(value), id(cls), maker(value)
    except Exception:
        return id(value), id(cls), UNKNOWN


def unread_entry(value: Any, known: Entry | None) -> Entry:
    """Return what is remembered of a value there was no time for: what was known, if it fits."""
    if known is not None and known[1] == id(type(value)) and known[0] in (0, id(value)):
        return known
    return id(value), id(type(value)), UNKNOWN


def _number_print(value: Any) -> Any:
    if value != value:
        return "nan"
    return value if type(value) is not int or value.bit_length() < 512 else (id(value),)


def _complex(value: complex) -> str:
    return repr(value)


def _text_print(value: Any) -> Any:
    size = len(value)
    return (size, hash(value)) if size <= 4096 else (size, id(value))


def _nothing(value: Any) -> None:
    return None


def _function(value: types.FunctionType) -> Any:
    defaults = value.__defaults__
    return hash(value.__code__), None if defaults is None else _items_print(defaults)


def _items_print(items: Any) -> int:
    return hash(tuple([item if id(type(item)) in _number_ids else id(item) for item in items]))


def _list_print(value: Any) -> Any:
    size = len(value)
    if size <= 64:
        return size, _items_print(value[:])
    return size, _items_print([value[i * (size - 1) // 63] for i in range(64)])


def _dict_print(value: dict[Any, Any]) -> Any:
    first = list(islice(dict.items(value), 32))
    if len(value) > 32:
        first += islice(reversed(dict.items(value)), 32)
    return (
        len(value),
        _items_print([item for _, item in first]),
        hash(tuple([id(key) for key, _ in first])),
    )


def _set_print(value: Any) -> Any:
    return len(value), hash(tuple([id(item) for item in islice(value, 64)]))


def _deque_print(value: Any) -> Any:
    return len(value), _items_print(islice(value, 64))


def _bytearray_print(value: bytearray) -> Any:
    return len(value), zlib.crc32(value[:4096] + value[-4096:])


def _array_print(value: Any) -> Any:
    return value.shape, str(value.dtype.char), array_check(value, 65536)


def array_check(raw: Any, whole: int) -> int:
    """Return a checksum of an ndarray: all bytes up to `whole`, else an even sample."""
    if raw.nbytes <= whole:
        part = raw
    elif raw.flags.c_contiguous:
        part = raw.reshape(-1)[:: max(1, raw.size // 4096)]
    else:
        per_axis = max(1, int(4096 ** (1 / raw.ndim)))
        part = raw[tuple([slice(None, None, max(1, n // per_axis)) for n in raw.shape])]
    if raw.dtype.hasobject:
        return _items_print(part.ravel()[:4096].tolist())
    return zlib.crc32(part.tobytes())


def _pandas_print(value: Any) -> Any:
    manager = manager_of(value)
    if manager is None:
        return None
    return tuple([id(axis) for axis in manager.axes]), tuple(
        [_block_print(block.values) for block in islice(manager.blocks, 40)]
    )


def _block_print(values: Any) -> Any:
    raw = raw_array(values)
    return id(values) if raw is None else (raw.shape, array_check(raw, 4096))


def _attributes_print(value: Any) -> Any:
    held = instance_dict(value)
    if held is None:
        return None
    return len(held), _items_print(list(islice(held.values(), 64)))


class Tokens:
    """The last few readings, by token."""

    __slots__ = ("_states",)

    def __init__(self) -> None:
        self._states: dict[str, dict[str, Entry]] = {}

    @property
    def last(self) -> dict[str, Entry]:
        """The newest reading."""
        return next(reversed(self._states.values()), {})

    def keep(self, state: dict[str, Entry]) -> str:
        """Remember a reading; one equal to the last is the same token."""
        if self._states and state == self.last:
            return next(reversed(self._states))
        token = uuid.uuid4().hex[:12]
        self._states[token] = state
        while len(self._states) > KEPT:
            del self._states[next(iter(self._states))]
        return token

    def diff(self, since: Any, state: dict[str, Entry]) -> Json | None:
        """Say what differs from the reading `since`; None if it is not known any more."""
        old = self._states.get(since) if type(since) is str else None
        if old is None:
            return None
        both = [name for name in state if name in old and state[name] is not old[name]]
        rebound = [name for name in both if _is_rebound(old[name], state[name])]
        gone = set(rebound)
        return {
            "new": [name for name in state if name not in old],
            "removed": [name for name in old if name not in state],
            "rebound": rebound,
            "mutated": [n for n in both if n not in gone and _is_mutated(old[n], state[n])],
        }


def _is_rebound(old: Entry, new: Entry) -> bool:
    if old[1] != new[1]:
        return True
    if old[0] == 0 or new[0] == 0:
        return UNKNOWN not in (old[2], new[2]) and old[2] != new[2]
    return old[0] != new[0]


def _is_mutated(old: Entry, new: Entry) -> bool:
    return UNKNOWN not in (old[2], new[2]) and old[2] != new[2]


_by_value = table(
    (_number_print, _exact_numbers),
    (_complex, (complex,)),
    (_text_print, (str, bytes)),
    (_nothing, (type(None), type(...), types.ModuleType)),
    (_function, (types.FunctionType,)),
)
_by_content = table(
    (_list_print, (list, tuple)),
    (_dict_print, (dict, collections.OrderedDict, collections.Counter)),
    (_dict_print, (collections.defaultdict,)),
    (_set_print, (set, frozenset)),
    (_deque_print, (collections.deque,)),
    (_bytearray_print, (bytearray,)),
    (_nothing, (type, types.BuiltinFunctionType, types.MethodType)),
)
_library_prints = {
    ("numpy", "ndarray"): _array_print,
    ("pandas", "DataFrame"): _pandas_print,
    ("geopandas", "GeoDataFrame"): _pandas_print,
    ("pandas", "Series"): _pandas_print,
}
