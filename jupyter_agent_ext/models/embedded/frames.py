"""Data frames as the variables' summaries describe them (floor 1)."""

from __future__ import annotations

import keyword
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from . import names
from .names import code, counted, listed
from .steps import PuzzledError

_NUMBERS = ("int", "uint", "float", "Int", "UInt", "Float", "decimal", "Decimal", "bool")
_TIMES = ("datetime", "Datetime", "Date", "period")
_AFTER = r"(?:\b(?:in|from|of|on|for|frame|dataframe|table|data)\s+[`'\"]?{name}\b)"


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame; `nulls` is None where the missing values were not counted exactly."""

    name: str
    columns: dict[str, str]
    rows: int | None
    width: int
    nulls: dict[str, int] | None
    library: str = "pandas"
    note: str = ""

    @property
    def complete(self) -> bool:
        """Whether all columns are known by name."""
        return len(self.columns) == self.width

    @property
    def code(self) -> str:
        """A pandas expression for it."""
        if self.library == "pandas":
            return self.name
        if self.library != "polars":
            raise PuzzledError(f"{code(self.name)} is no pandas frame, and I write pandas only.")
        return f"pd.DataFrame({self.name}.to_dict(as_series=False))"

    @property
    def imports(self) -> str:
        """What `code` needs in front of it."""
        return "" if self.library == "pandas" else "import pandas as pd\n\n"

    def at(self, column: str) -> str:
        """Return the expression for one column."""
        return f"{self.code}[{column!r}]"

    def numeric(self) -> list[str]:
        """Return the columns with numbers."""
        return [c for c, dtype in self.columns.items() if dtype.startswith(_NUMBERS)]

    def is_number(self, column: str) -> bool:
        return self.columns.get(column, "").startswith(_NUMBERS)

    def is_text(self, column: str) -> bool:
        return self.columns.get(column, "") in ("object", "str", "string", "category")

    def is_time(self, column: str) -> bool:
        return self.columns.get(column, "").startswith(_TIMES)

    def column(self, text: str) -> str:
        """Return the column that `text` names. Raises PuzzledError."""
        return names.resolve(text, list(self.columns), "column", code(self.name))

    def mentioned(self, text: str) -> list[str]:
        """Return the columns that `text` mentions, in its order."""
        return names.mentioned(text, list(self.columns))

    def size(self) -> str:
        """Return 200 rows and 6 columns."""
        rows = "an unknown number of rows" if self.rows is None else counted(self.rows, "row")
        return f"{rows} and {counted(self.width, 'column')}"


def frame_of(name: str, summary: dict[str, Any]) -> Frame | None:
    """Return the frame that a summary describes, None if it is none that can be used."""
    columns, shape = summary.get("columns"), summary.get("shape")
    if summary.get("kind") != "dataframe" or not isinstance(columns, dict):
        return None
    if not name.isidentifier() or keyword.iskeyword(name):
        return None
    rows, width = shape if isinstance(shape, list) and len(shape) == 2 else (None, None)
    return Frame(
        name=name,
        columns={str(c): str(t) for c, t in columns.items()},
        rows=rows,
        width=len(columns) + summary.get("more_columns", 0) if width is None else width,
        nulls=summary.get("nulls"),
        library=summary.get("library") or _library(str(summary.get("type", ""))),
    )


def _library(type_name: str) -> str:
    return "R" if type_name in ("data.frame", "tbl_df", "data.table") else "pandas"


def choose(frames: Sequence[Frame], text: str) -> Frame:
    """Return the frame a question is about: the one named, the one whose columns it names,
    else the newest. `frames` are newest first. Raises PuzzledError if there are none.
    """
    if not frames:
        raise PuzzledError("There is no data frame among the variables.")
    pointed = [f for f in frames if _is_pointed_at(f.name, text)]
    if pointed:
        return pointed[0]
    most = max(len(f.mentioned(text)) for f in frames)
    if most:
        return next(f for f in frames if len(f.mentioned(text)) == most)
    return _newest(frames)


def _is_pointed_at(name: str, text: str) -> bool:
    escaped = re.escape(name)
    if len(name) > 1 and re.search(rf"(?<![\w.]){escaped}(?![\w])", text):
        return True
    return bool(re.search(_AFTER.format(name=escaped), text, re.IGNORECASE))


def _newest(frames: Sequence[Frame]) -> Frame:
    newest = frames[0]
    if len(frames) == 1:
        return newest
    others = listed(f.name for f in frames[1:6])
    note = f"I took {code(newest.name)}, the newest frame; there is also {others}."
    return Frame(
        newest.name,
        newest.columns,
        newest.rows,
        newest.width,
        newest.nulls,
        newest.library,
        note,
    )
