"""Orders to change a frame: what is everyday is done in the kernel, the rest refused (floor 1)."""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable

from .answers import block
from .conditions import NUMBER
from .frames import Frame
from .names import code, listed, phrase
from .situation import Situation
from .steps import Plan, PuzzledError, Words, run_code

_SIGNS = {"plus": "+", "minus": "-", "times": "*", "multiplied by": "*", "divided by": "/"}
_CAN = (
    'I can do these: "drop rows with missing values", "fill missing price with 0", "remove '
    'duplicates", "rename column a to b", "drop column a", "add a column total = price * units", '
    '"convert date to datetime".'
)


def refuse(s: Situation, found: Words) -> str:
    """Say that the change was not made."""
    return (
        f"I am rule-based, not a language model, and I do not know how to make that change, so "
        f"nothing was changed. {_CAN}"
    )


def drop_missing(s: Situation, found: Words) -> Plan:
    """Drop the rows without a value, in all columns or in those named."""

    def source(frame: Frame) -> str:
        columns = _only_columns(frame, found.get("what", ""))
        return f"{frame.name}.dropna({f'subset={columns!r}' if columns else ''})"

    return _assign(s, source)


def fill_missing(s: Situation, found: Words) -> Plan:
    """Fill the missing values of columns with a number, a text, or a column's mean or median."""

    def source(frame: Frame) -> str:
        columns = _only_columns(frame, found.get("what", ""))
        value = found["value"].strip().strip("`'\"“”")
        measure = re.fullmatch(r"(?:the |its |their )*(mean|average|median)", value, re.IGNORECASE)
        if measure:
            method = "median" if measure[1].lower() == "median" else "mean"
            chosen = columns or frame.numeric()
            _numbers(frame, chosen, f"a {method}")
            pairs = (f"{c!r}: {frame.name}[{c!r}].{method}()" for c in chosen)
            return f"{frame.name}.fillna({{{', '.join(pairs)}}})"
        number = re.fullmatch(NUMBER, value) is not None
        if number != all(frame.is_number(c) for c in columns or frame.columns):
            kind = "a number" if number else "a text"
            raise PuzzledError(
                f"{code(value)} is {kind}, and not all of {listed(columns or frame.columns)} hold "
                f"{kind[2:]}s. Name the columns to fill."
            )
        shown = value.replace(",", "").replace("_", "") if number else repr(value)
        if number and value.endswith("%"):
            shown = f"{float(value[:-1]) / 100:g}"
        if not columns:
            return f"{frame.name}.fillna({shown})"
        return f"{frame.name}.fillna({{{', '.join(f'{c!r}: {shown}' for c in columns)}}})"

    return _assign(s, source)


def drop_duplicates(s: Situation, found: Words) -> Plan:
    """Drop the rows that repeat an earlier one."""
    return _assign(s, lambda frame: f"{frame.name}.drop_duplicates()")


def drop_columns(s: Situation, found: Words) -> Plan:
    """Drop columns."""

    def source(frame: Frame) -> str:
        columns = _only_columns(frame, found["what"])
        return f"{frame.name}.drop(columns={columns or [frame.column(found['what'])]!r})"

    return _assign(s, source)


def rename(s: Situation, found: Words) -> Plan:
    """Give a column another name."""

    def source(frame: Frame) -> str:
        old, new = frame.column(found["what"]), phrase(found["name"])
        if not new or new in frame.columns:
            raise PuzzledError(f"{code(frame.name)} already has a column {code(new)}.")
        return f"{frame.name}.rename(columns={{{old!r}: {new!r}}})"

    return _assign(s, source)


def to_datetime(s: Situation, found: Words) -> Plan:
    """Read a column of text as dates."""

    def source(frame: Frame) -> str:
        column = frame.column(found["what"])
        return _with(frame, column, f"pd.to_datetime({frame.name}[{column!r}])")

    return _assign(s, source)


def add_column(s: Situation, found: Words) -> Plan:
    """Add a column that is computed from others by + - * / and brackets."""

    def source(frame: Frame) -> str:
        name = phrase(found["name"])
        if not name or name in frame.columns:
            raise PuzzledError(f"{code(frame.name)} already has a column {code(name)}.")
        return _with(frame, name, _expression(frame, found["what"]))

    return _assign(s, source)


def _assign(s: Situation, source: Callable[[Frame], str]) -> Plan:
    """Assign the changed frame to its own name, and say what it is now.

    Once the code has run the variables are others: then what ran says what was done.
    """
    if s.outcomes:
        ran = str(s.outcomes[0].arguments.get("code", ""))
    else:
        frame = s.table()
        if not frame.plain:
            raise PuzzledError(
                f"I change only pandas frames whose labels are texts, and {code(frame.name)} is "
                "another; nothing was changed."
            )
        ran = _code(frame, source(frame))
    outcome = yield run_code(ran)
    lines = [line for line in ran.splitlines() if " = " in line and not line.startswith("import")]
    return (
        f"Done in the kernel, not in any file: {code(lines[0] if lines else ran, 300)}\n\n"
        f"{block(outcome.text)}"
    )


def _code(frame: Frame, value: str) -> str:
    imports = "import pandas as pd\n\n" if "pd." in value else ""
    name = frame.name
    return (
        f"{imports}{name} = {value}\n"
        f'print({name!r}, "now has", len({name}), "rows and", len({name}.columns), '
        f'"columns:", {name}.columns.tolist())'
    )


def _with(frame: Frame, column: str, value: str) -> str:
    if column.isidentifier() and not keyword.iskeyword(column):
        return f"{frame.name}.assign({column}={value})"
    return f"{frame.name}.assign(**{{{column!r}: {value}}})"


def _only_columns(frame: Frame, text: str) -> list[str]:
    """Return the columns that `text` lists; all of its words must be columns."""
    columns = frame.mentioned(text)
    if not columns and phrase(text):
        columns = [frame.column(text)]
    return columns


def _numbers(frame: Frame, columns: list[str], what: str) -> None:
    texts = [c for c in columns if not frame.is_number(c)]
    if texts:
        raise PuzzledError(f"{listed(texts)} holds no numbers, so there is no {what[2:]} of it.")


def _expression(frame: Frame, text: str) -> str:
    """Return Python for simple arithmetic on columns and numbers. Raises PuzzledError."""
    text = text.strip().rstrip("?!. ")
    for words, sign in _SIGNS.items():
        text = re.sub(rf"\b{words}\b", sign, text, flags=re.IGNORECASE)
    pieces = [p.strip() for p in re.split(r"([-+*/()])", text)]
    said = []
    for piece in filter(None, pieces):
        if piece in "+-*/()" or re.fullmatch(r"\d+(?:\.\d+)?", piece):
            said.append(piece)
        else:
            column = frame.column(piece)
            _numbers(frame, [column], "a result")
            said.append(f"{frame.name}[{column!r}]")
    source = " ".join(said).replace("( ", "(").replace(" )", ")")
    try:
        compile(source, "<column>", "eval")
    except SyntaxError:
        raise PuzzledError(
            f"I cannot read {code(text)}. Use columns, numbers and + - * / only."
        ) from None
    return source
