"""Summaries of numpy arrays and tensors (guest)."""

from __future__ import annotations

import math
import sys
from itertools import islice
from typing import Any

from .previews import json_scalar
from .safety import Json
from .scope import Scope

SAMPLE = 20_000


def array_summary(value: Any, scope: Scope) -> Json:
    """Describe an exact ndarray: shape, dtype, bytes, first values; sampled stats in detail."""
    found: Json = {
        "kind": "array",
        "shape": list(value.shape),
        "dtype": str(value.dtype)[:200],
        "bytes": int(value.nbytes),
    }
    if scope.hide or value.dtype.kind not in "?biufcMmSUO" or not value.size:
        return found
    found["head"] = [json_scalar(item, 24) for item in first_items(value, 6)]
    if scope.detail and value.dtype.kind in "iuf":
        found["stats"] = number_stats(sample(value))
        if value.size > SAMPLE:
            found["sampled"] = SAMPLE
    return found


def subclass_summary(value: Any, scope: Scope) -> Json:
    """Describe an instance of a subclass of ndarray by the slots of ndarray alone."""
    slots = vars(vars(sys.modules["numpy"])["ndarray"])
    return {
        "kind": "array",
        "shape": list(slots["shape"].__get__(value)),
        "dtype": str(slots["dtype"].__get__(value)),
        "bytes": int(slots["nbytes"].__get__(value)),
    }


def first_items(value: Any, count: int) -> list[Any]:
    """Return the first items of an exact ndarray of any shape as Python objects."""
    if value.ndim == 1:
        return list(value[:count].tolist())
    if value.dtype.kind == "O":
        return list(islice(value.flat, count))
    return [item.item() for item in islice(value.flat, count)]


def sample(value: Any) -> Any:
    """Return about SAMPLE evenly spaced items as a flat array, without a copy of the whole."""
    if value.size <= SAMPLE:
        return value.ravel()
    if value.flags.c_contiguous:
        return value.reshape(-1)[:: value.size // SAMPLE][:SAMPLE]
    per_axis = max(1, int(SAMPLE ** (1 / value.ndim)))
    return value[tuple(slice(None, None, max(1, n // per_axis)) for n in value.shape)].ravel()


def number_stats(values: Any) -> Json:
    """Return count, mean, std, min, quartiles and max of a flat numeric array without NaN."""
    np = sys.modules["numpy"]
    values = values.astype("float64")
    values = values[np.isfinite(values)]
    stats: Json = {"count": int(values.size)}
    if not values.size:
        return stats
    with np.errstate(all="ignore"):
        quartiles = np.percentile(values, (0, 25, 50, 75, 100)).tolist()
        spread = float(values.std(ddof=1)) if values.size > 1 else 0.0
        named = [("mean", float(values.mean())), ("std", spread), ("min", quartiles[0])]
        named += [("p25", quartiles[1]), ("p50", quartiles[2]), ("p75", quartiles[3])]
        named.append(("max", quartiles[4]))
    stats.update({name: number for name, number in named if math.isfinite(number)})
    return stats


def tensor_summary(value: Any, scope: Scope) -> Json:
    """Describe a torch tensor without touching its data, which may be on a device."""
    return {
        "kind": "tensor",
        "shape": [int(n) for n in value.shape],
        "dtype": str(value.dtype),
        "device": str(value.device),
        "requires_grad": bool(value.requires_grad),
    }


def is_number(values: Any) -> bool:
    """Say whether a raw array holds real numbers."""
    return values.dtype.kind in "iuf"
