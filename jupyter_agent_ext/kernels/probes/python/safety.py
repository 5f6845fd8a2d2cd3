"""Read objects without running a line of their code (guest).

`type(x)` and the slots of `type` itself are asked, never the object or its metaclass:
`isinstance` consults `__class__`, a dict keyed by types calls the metaclass's `__hash__`, and
`x.__dict__` may be a property. Tables of types are therefore keyed by `id(type)`.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from typing import Any

Json = dict[str, Any]

_module_slot = type.__dict__["__module__"]
_qualname_slot = type.__dict__["__qualname__"]
_mro_slot = type.__dict__["__mro__"]
_dict_slot = type.__dict__["__dict__"]
_bases_slot = type.__dict__["__bases__"]


_slot_kinds = frozenset((id(types.GetSetDescriptorType), id(types.MemberDescriptorType)))


def clean(text: str) -> str:
    """Return text that is valid in UTF-8: lone surrogates are written as escapes."""
    if text.isascii():
        return text
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def claimed_name(cls: type) -> tuple[str, str] | None:
    """Return the module and qualified name a class claims to have."""
    try:
        module, name = _module_slot.__get__(cls), _qualname_slot.__get__(cls)
    except Exception:
        return None
    if type(module) is not str or type(name) is not str:
        return None
    return module, name


def type_name(cls: type) -> str:
    """Return the qualified name of a class, at most 120 characters."""
    claimed = claimed_name(cls)
    if claimed is None:
        return "?"
    module, name = claimed
    if module not in ("builtins", "__main__"):
        name = f"{module}.{name}"
    return clean(name[:120])


def library_class(cls: type) -> tuple[str, str] | None:
    """Return root package and name of a class, if that library really defines it.

    A class may claim any `__module__`; only the module itself can confirm it.
    """
    claimed = claimed_name(cls)
    if claimed is None:
        return None
    module = sys.modules.get(claimed[0])
    if type(module) is not types.ModuleType or vars(module).get(claimed[1]) is not cls:
        return None
    return claimed[0].partition(".")[0], claimed[1]


def class_mro(cls: type) -> tuple[type, ...]:
    """Return the classes a class inherits from, itself first."""
    return tuple(_mro_slot.__get__(cls))


def class_bases(cls: type) -> tuple[type, ...]:
    """Return the direct bases of a class."""
    return tuple(_bases_slot.__get__(cls))


def class_dict(cls: type) -> list[tuple[str, Any]]:
    """Return the names and raw values a class defines itself."""
    return [(k, v) for k, v in list(_dict_slot.__get__(cls).items()) if type(k) is str]


def instance_dict(obj: Any) -> dict[Any, Any] | None:
    """Return the attributes an object really holds, None where it has no plain dict."""
    for cls in _mro_slot.__get__(type(obj)):
        slot = _dict_slot.__get__(cls).get("__dict__")
        if id(type(slot)) in _slot_kinds:
            try:
                held = slot.__get__(obj)
            except Exception:
                return None
            return held if type(held) is dict else None
    return None


def type_ids(*classes: type) -> frozenset[int]:
    """Return what to look `id(type(x))` up in: `in` a tuple of types would call `__eq__`."""
    return frozenset(id(cls) for cls in classes)


def table(*rows: tuple[Callable[..., Any], tuple[type, ...]]) -> dict[int, Callable[..., Any]]:
    """Return a table from id(type) to function; the types live as long as the process."""
    return {id(cls): function for function, classes in rows for cls in classes}
