"""Data frames as the variables' summaries describe them (floor 1)."""

from __future__ import annotations

import keyword
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from . import names
from .names import code, counted, listed
from .steps import PuzzledError

_NUMBERS = ("int", "uint", "float", "Int", "UInt", "Float", "decimal", "Decimal", "bool")
_TIMES = ("datetime", "Datetime", "Date", "period")
_AFTER = r"(?:\b(?:in|from|of|on|for|frame|dataframe|table|data)\s+[`'\"]?{name}\b)"
_DATE_NAME = re.compile(r"date|time|day|month|year|week", re.IGNORECASE)
_NO_TEXT = re.compile(r"-?\d+(?:\.\d+)?")  # a label that may be a number in the frame
_REPEATED = re.compile(r"^(.+) \(\d+\)$")  # how the probe tells equal labels apart
_NOT_MEANT = ("a", "A", "I", "i", "s", "t")  # variables that are also English


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame; `nulls` is None where the missing values were not counted exactly.

    `tests` are the conditions that its rows must fulfil, as code and in words; `derived` are
    columns that only the question has: name to code. `values` are texts that columns hold.
    """

    name: str
    columns: dict[str, str]
    rows: int | None
    width: int
    nulls: dict[str, int] | None
    library: str = "pandas"
    note: str = ""
    more: int = 0
    tests: tuple[tuple[str, str], ...] = ()
    derived: dict[str, str] = field(default_factory=dict)
    values: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether all columns are known by name."""
        return len(self.columns) - len(self.derived) == self.width

    @property
    def code(self) -> str:
        """A pandas expression for it, with its conditions."""
        said = self._base
        if self.derived:
            said += f".assign({', '.join(f'{n}={c}' for n, c in self.derived.items())})"
        tests = [test for test, _ in self.tests]
        if len(tests) > 1:
            tests = [" & ".join(f"({test})" for test in tests)]
        return f"{said}[{tests[0]}]" if tests else said

    @property
    def _base(self) -> str:
        if self.library == "polars":
            return f"pd.DataFrame({self.name}.to_dict(as_series=False))"
        if self.library != "pandas":
            raise PuzzledError(f"{code(self.name)} is no pandas frame, and I write pandas only.")
        if any(_NO_TEXT.fullmatch(column) for column in self.columns):
            return f"{self.name}.rename(columns=str)"
        return self.name

    @property
    def plain(self) -> bool:
        """Whether the variable itself is a pandas frame whose labels are known to be texts."""
        return self.library == "pandas" and self._base == self.name

    @property
    def imports(self) -> str:
        """What `code` needs in front of it."""
        return "import pandas as pd\n\n" if "pd." in self.code else ""

    @property
    def label(self) -> str:
        """Return the name for an answer, with the conditions in words."""
        said = " and ".join(words for _, words in self.tests)
        return f"{code(self.name)} (only rows where {said})" if said else code(self.name)

    def only(self, tests: Sequence[tuple[str, str]]) -> Frame:
        """Return the frame with further conditions."""
        return replace(self, tests=(*self.tests, *tests))

    def with_column(self, name: str, source: str) -> Frame:
        """Return the frame with a column of text that is computed for the question."""
        return replace(
            self, columns={**self.columns, name: "str"}, derived={**self.derived, name: source}
        )

    def at(self, column: str) -> str:
        """Return the expression for one column."""
        return f"{self.code}[{column!r}]"

    def dates(self) -> list[str]:
        """Return the columns that hold dates or times, by type or by name."""
        exact = [c for c in self.columns if self.is_time(c)]
        named = [c for c in self.columns if self.is_text(c) and _DATE_NAME.search(c)]
        return exact or [c for c in named if c not in self.derived]

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

    def check(self, text: str) -> None:
        """Raise PuzzledError where nothing can be computed from what `text` names."""
        if not self.width:
            raise PuzzledError(
                f"{code(self.name)} is empty: it has {self.size()}, so there is nothing to compute."
            )
        repeated = self.repeated()
        if self.width > len(self.columns) - len(self.derived) + self.more or any(
            column in repeated for column in self.mentioned(text)
        ):
            which = f" ({listed(sorted(repeated))})" if repeated else ""
            raise PuzzledError(
                f"Several columns of {code(self.name)} have the same label{which}, so the label "
                "does not say which one is meant. Give them different names first, for example "
                f"`{self.name}.columns = […]`."
            )

    def repeated(self) -> set[str]:
        """Return the labels that occur more than once."""
        found = (_REPEATED.match(column) for column in self.columns)
        return {match[1] for match in found if match and match[1] in self.columns}

    def size(self) -> str:
        """Return 200 rows and 6 columns."""
        rows = "an unknown number of rows" if self.rows is None else counted(self.rows, "row")
        return f"{rows} and {counted(self.width, 'column')}"


def frame_of(name: str, summary: dict[str, Any]) -> Frame | None:
    """Return the frame that a summary describes, None if it is none that can be used."""
    columns, shape = summary.get("columns"), summary.get("shape")
    if summary.get("kind") != "dataframe" or not isinstance(columns, dict | None):
        return None
    if not name.isidentifier() or keyword.iskeyword(name):
        return None
    columns = columns or {}
    rows, width = shape if isinstance(shape, list) and len(shape) == 2 else (None, None)
    more = summary.get("more_columns", 0)
    frame = Frame(
        name=name,
        columns={str(c): str(t) for c, t in columns.items()},
        rows=rows,
        width=len(columns) + more if width is None else width,
        nulls=summary.get("nulls"),
        library=summary.get("library") or _library(str(summary.get("type", ""))),
        more=more,
    )
    return replace(frame, values=known_values(frame, summary))


def known_values(frame: Frame, summary: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return the texts that a summary shows of each column of text."""
    found: dict[str, tuple[str, ...]] = {}
    head, top = summary.get("head") or [], summary.get("top") or {}
    for place, column in enumerate(frame.columns):
        if not frame.is_text(column) or column in frame.dates():
            continue
        cells = [row[place] for row in head if isinstance(row, list) and place < len(row)]
        texts = [v for v in (*cells, *(top.get(column) or ())) if isinstance(v, str) and v]
        found[column] = tuple(dict.fromkeys(v for v in texts if not v.endswith("…")))
    return found


def _library(type_name: str) -> str:
    return "R" if type_name in ("data.frame", "tbl_df", "data.table") else "pandas"


def choose(frames: Sequence[Frame], text: str) -> Frame:
    """Return the frame a question is about: the one named, the one whose columns it names,
    else the newest. `frames` are newest first. Raises PuzzledError if there are none.

    A choice among several is noted on the frame, so that the answer can say it.
    """
    if not frames:
        raise PuzzledError("There is no data frame among the variables.")
    pointed = [f for f in frames if is_pointed_at(f.name, text)]
    if pointed:
        return pointed[0]
    most = max(len(f.mentioned(text)) for f in frames)
    best = [f for f in frames if len(f.mentioned(text)) == most]
    why = "the newest frame" if not most else "which has the columns that you named"
    if most and len(best) > 1:
        why = "the newest frame with the columns that you named"
    return _noted(best[0], frames, why)


def is_pointed_at(name: str, text: str) -> bool:
    """Say whether `text` names the variable `name`."""
    escaped = re.escape(name)
    if name not in _NOT_MEANT and re.search(rf"(?<![\w.'’]){escaped}(?!\w)", text):
        return True
    return bool(re.search(_AFTER.format(name=escaped), text, re.IGNORECASE))


def without_frame(text: str, frame: str) -> str:
    """Return text without the words that name the frame."""
    escaped = re.escape(frame)
    said = rf"[`'\"]?\b{escaped}\b[`'\"]?"
    where = rf"\s*\b(?:in|of|from|for|on)\s+(?:the\s+)?(?:(?:data\s?)?frame\s+)?{said}"
    text = re.sub(where, " ", f" {text} ", flags=re.IGNORECASE)
    text = re.sub(rf"^\s*{escaped}(?:'s)?\s+", " ", text)
    return re.sub(r"\b(?:rows?|entries|records|values?)\b", " ", text).strip()


def _noted(frame: Frame, frames: Sequence[Frame], why: str) -> Frame:
    others = listed([f.name for f in frames if f.name != frame.name][:5])
    if not others:
        return frame
    return replace(frame, note=f"I took {code(frame.name)}, {why}; there is also {others}.")
