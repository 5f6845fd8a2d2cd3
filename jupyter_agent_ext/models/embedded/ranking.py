"""Questions for rows: the first, the highest, those that fulfil the conditions (floor 1)."""

from __future__ import annotations

import re

from .answers import noted, number
from .computing import LOW, check_numbers, count_of, one_column, table
from .frames import without_frame
from .names import code, counted, listed
from .situation import Situation
from .steps import NotMineError, Plan, PuzzledError, Words, run_code

_DOWN = re.compile(r"\b(?:desc\w*|highest|largest|biggest|decreasing|down)\b", re.IGNORECASE)
_PRICE = re.compile(r"price|cost", re.IGNORECASE)


def head(s: Situation, found: Words) -> str | Plan:
    """Show the first or last rows."""
    frame = s.table()
    last = re.search(r"\b(?:last|tail|bottom)\b", found["all"], re.IGNORECASE) is not None
    count = count_of(found.get("n", ""), 5)
    which = f"The {'last' if last else 'first'} rows of {frame.label}:"
    return table(frame, f"{frame.code}.{'tail' if last else 'head'}({count})", which)


def sample(s: Situation, found: Words) -> str | Plan:
    """Show some rows by chance."""
    frame = s.table()
    count = count_of(found.get("n", ""), 5)
    value = f"{frame.code}.sample(frac=1).head({count})"
    if not frame.tests and frame.rows is not None and frame.rows >= count:
        value = f"{frame.code}.sample({count})"
    return table(frame, value, f"Rows of {frame.label}, chosen at random:")


def top(s: Situation, found: Words) -> str | Plan:
    """Show the rows with the largest or smallest values."""
    frame, column = one_column(s, found.get("what", ""))
    many = count_of(found.get("n", ""), 5)
    low = LOW.search(found["all"]) is not None
    value = f"{frame.code}.sort_values({column!r}, ascending={low}).head({many})"
    which = "lowest" if low else "highest"
    words = f"The {counted(many, 'row')} of {frame.label} with the {which} {code(column)}:"
    return table(frame, value, words)


def nth(s: Situation, found: Words) -> Plan:
    """Return the second highest value and the like; equal values count once."""
    frame, column = one_column(s, found.get("what", ""))
    check_numbers(frame, [column], "median", "order")
    place = count_of(re.sub(r"(?:st|nd|rd|th)$", "", found["n"].lower()), 2)
    low = LOW.search(found["which"]) is not None
    few = "nsmallest" if low else "nlargest"
    source = f"{frame.at(column)}.drop_duplicates().{few}({place}).iloc[-1:].tolist()"
    outcome = yield run_code(f"{frame.imports}print(*{source})")
    said = f"The {found['n']} {found['which'].lower()} {code(column)} in {frame.label}"
    return noted(f"{said} is {number(outcome.text) or 'not there'} (equal values once).", frame)


def superlative(s: Situation, found: Words) -> str | Plan:
    """Show the cheapest or most expensive row: that of the frame's one column of prices."""
    frame = s.table()
    prices = [c for c in frame.numeric() if _PRICE.search(c)]
    by = frame.mentioned(without_frame(found.get("by", ""), frame.name))
    if len(prices) != 1 or not by:
        raise PuzzledError(
            'Name the column to compare, for example "which product has the lowest unit_price?".'
        )
    low = LOW.search(found["which"]) is not None
    shown = [*dict.fromkeys([*by, prices[0]])]
    value = f"{frame.code}.sort_values({prices[0]!r}, ascending={low})[{shown!r}]"
    value += ".drop_duplicates().head(5)"
    which = "lowest" if low else "highest"
    words = f"{listed(by)} with the {which} {code(prices[0])} of a row in {frame.label}"
    return table(frame, value, f"{words} (five, {which} first):")


def sort(s: Situation, found: Words) -> str | Plan:
    """Show the rows in order; the frame itself stays as it is."""
    frame = s.table()
    columns = frame.mentioned(found.get("what", "")) or [
        frame.column(without_frame(found.get("what", ""), frame.name))
    ]
    down = _DOWN.search(found.get("what", "")) is not None
    value = f"{frame.code}.sort_values({columns!r}, ascending={not down}).head(20)"
    words = f"{frame.label} sorted by {listed(columns)}{', highest first' if down else ''}"
    return table(frame, value, f"{words} (first 20 rows; {code(frame.name)} itself is unchanged):")


def matching(s: Situation, found: Words) -> str | Plan:
    """Show the rows that fulfil the question's conditions."""
    frame = s.frame()
    if not frame.tests:
        raise NotMineError("There is no condition.")
    return table(frame, f"{frame.code}.head(20)", f"{frame.label}, at most 20 rows:")


def count_matching(s: Situation, found: Words) -> Plan:
    """Count the rows that fulfil the question's conditions."""
    frame = s.frame()
    if not frame.tests or frame.mentioned(without_frame(found.get("what", ""), frame.name)):
        raise NotMineError("There is no condition, or a column is to be counted.")
    outcome = yield run_code(f"{frame.imports}print(len({frame.code}))")
    rows = f" of {frame.rows:,}" if frame.rows is not None else ""
    said = " and ".join(words for _, words in frame.tests)
    return noted(f"{number(outcome.text)}{rows} rows of {code(frame.name)} fulfil {said}.", frame)
