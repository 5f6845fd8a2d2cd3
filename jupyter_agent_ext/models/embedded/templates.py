"""The code that the analyst runs; every value from outside goes in as its repr (floor 1)."""

from __future__ import annotations

import textwrap

_READERS = {
    "csv": "read_csv({})",
    "tsv": "read_csv({}, sep='\\t')",
    "tab": "read_csv({}, sep='\\t')",
    "txt": "read_csv({}, sep=None, engine='python')",
    "json": "read_json({})",
    "jsonl": "read_json({}, lines=True)",
    "ndjson": "read_json({}, lines=True)",
    "xlsx": "read_excel({})",
    "xls": "read_excel({})",
    "ods": "read_excel({})",
    "parquet": "read_parquet({})",
    "feather": "read_feather({})",
}
PACKED = ("gz", "bz2", "xz", "zip", "zst")
EXTENSIONS = tuple(_READERS)

_LOAD = """\
import pandas as pd

{name} = pd.{reader}
print(len({name}), "rows,", len({name}.columns), "columns:", {name}.columns.tolist())
{name}.head()"""

_PLOT = """\
def _show_plot(data):
    import io

    import pandas as pd
    from IPython.display import Image, display
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
{drawing}
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=100)
    display(Image(data=image.getvalue()))


_show_plot({data})
del _show_plot"""

LAST_ERROR = """\
def _last_error():
    import sys
    import traceback

    error = getattr(sys, "last_value", None)
    print("no error" if error is None else "".join(traceback.format_exception(error))[-4000:])


_last_error()
del _last_error"""


def extension(path: str) -> str:
    """Return the extension that says how to read a file, the empty string if none does."""
    parts = path.lower().rsplit("/", 1)[-1].split(".")
    if len(parts) > 2 and parts[-1] in PACKED:
        parts.pop()
    return parts[-1] if len(parts) > 1 and parts[-1] in _READERS else ""


def load(name: str, path: str, separator: str = "") -> str:
    """Return the code that loads a file into a new frame and says what is in it.

    `separator` is what stands between the columns of a text file that has no commas.
    """
    reader = _READERS[extension(path) or "csv"].format(repr(path))
    if separator:
        reader = f"read_csv({path!r}, sep={separator!r})"
    return _LOAD.format(name=name, reader=reader)


def plot(data: str, drawing: str) -> str:
    """Return the code that shows a drawing as an image, whatever backend is set.

    `drawing` uses `data` and `axes`. Nothing stays in the user's namespace.
    """
    return _PLOT.format(drawing=textwrap.indent(drawing, "    "), data=data)
