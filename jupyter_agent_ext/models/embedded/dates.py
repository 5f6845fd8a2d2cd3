"""Periods of time: "in March 2024", "since 2024-02-01", "monthly" (floor 1)."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable

from .frames import Frame
from .names import code, listed
from .steps import PuzzledError

_MONTHS = {name.lower(): n for n, name in enumerate(calendar.month_name) if name}
_SHORT = {name.lower(): n for n, name in enumerate(calendar.month_abbr) if name}
MONTH = "|".join([*_MONTHS, *(s for s in _SHORT if s != "may")])
_DAY = r"\d{4}-\d\d-\d\d"
_IN = r"\b(?:only\s+)?(?:in|during|for|of|from|within)\s+(?:the\s+)?(?:(?:year|month|quarter)\s+)?"
_END = r"(?![\w-])(?:\s+only)?"
_PERIODS = {  # what people say, and the code that follows a column of dates
    "day": ("day|daily", ".dt.strftime('%Y-%m-%d')"),
    "week": ("week|weekly", ".dt.strftime('%G-W%V')"),
    "month": ("month|monthly", ".dt.strftime('%Y-%m')"),
    "quarter": ("quarter|quarterly", ".dt.to_period('Q').astype(str)"),
    "year": ("year|yearly|annual|annually", ".dt.strftime('%Y')"),
    "weekday": ("weekday|day of (?:the )?week", ".dt.day_name()"),
}
_BY = r"\b(?:by|per|for each|for every|each|every|in each|across)\s+(?:the\s+)?(?:calendar\s+)?"

Found = tuple[str, list[tuple[str, str]]]


def _range(frame: Frame, text: str) -> Found:
    pattern = rf"\b(?:between|from)\s+({_DAY})\s+(?:and|to|until|till|through)\s+({_DAY}){_END}"
    match = re.search(pattern, text, re.IGNORECASE)
    if not match:
        return text, []
    column = _column(frame)
    test = f"{_days(frame, column)}.between({match[1]!r}, {match[2]!r})"
    return _cut(text, match), [(test, f"{code(column)} is from {match[1]} to {match[2]}")]


def _side(frame: Frame, text: str) -> Found:
    """Read "since 2024-02-01", "before 2024"."""
    signs = {"since": ">=", "from": ">=", "after": ">", "before": "<", "until": "<=", "till": "<="}
    pattern = rf"\b({'|'.join(signs)})\s+({_DAY}|\d{{4}}){_END}(?:\s+(?:on|onwards?))?"
    match = re.search(pattern, text, re.IGNORECASE)
    if not match or (match[1].lower() == "from" and "onward" not in match[0]):
        return text, []
    column, sign = _column(frame), signs[match[1].lower()]
    if len(match[2]) == 4:
        test = f"{_times(frame, column)}.dt.year {sign} {match[2]}"
    else:
        test = f"{_days(frame, column)} {sign} {match[2]!r}"
    return _cut(text, match), [(test, f"{code(column)} is {match[1].lower()} {match[2]}")]


def _inside(frame: Frame, text: str) -> Found:
    """Read "in 2024", "in March", "in March 2024", "in 2024-03", "in Q1 2024"."""
    when = (
        rf"(?:(?P<day>{_DAY})|(?P<exact>\d{{4}}-\d\d)|(?:(?P<month>{MONTH})\.?,?\s*)?"
        rf"(?:q(?P<quarter>[1-4])\s*(?:of\s+)?)?(?P<year>(?:19|20)\d\d)?)"
    )
    for match in re.finditer(rf"{_IN}{when}{_END}", text, re.IGNORECASE):
        said = {key: value for key, value in match.groupdict().items() if value}
        if said:
            column = _column(frame, year=list(said) == ["year"])
            tests = [_part(frame, column, key, value) for key, value in said.items()]
            words = " ".join(match[0].split()[1:])
            test = " & ".join(f"({t})" for t in tests) if len(tests) > 1 else tests[0]
            return _cut(text, match), [(test, f"{code(column)} is in {words}")]
    return text, []


DATE_RULES: tuple[Callable[[Frame, str], Found], ...] = (_range, _side, _inside)


def with_periods(text: str, frame: Frame) -> tuple[str, Frame]:
    """Give the frame a column for each period that the question groups by.

    "monthly sum of x" becomes "sum of x by month".
    """
    for period, (said, source) in _PERIODS.items():
        grouped = re.search(rf"(?:{_BY})(?:{said})\b", text, re.IGNORECASE)
        alone = re.search(rf"\b(?:{said})(?<=ly|al)\b", text, re.IGNORECASE)
        also = re.search(rf"\b(?:by|per)\s.*?\band\s+{period}\b", text, re.IGNORECASE)
        if also and not grouped and not frame.mentioned(period):
            frame = frame.with_column(period, f"{_times(frame, _column(frame))}{source}")
            continue
        match = grouped or alone
        if not match or frame.mentioned(match[0]):
            continue
        if not frame.dates() and not grouped:
            continue  # what is left over will be noticed
        column = _column(frame)
        frame = frame.with_column(period, f"{_times(frame, column)}{source}")
        lead = f"by {period}"
        text = _cut(text, match, f" {lead} ") if grouped else f"{_cut(text, match)} {lead}"
    return text, frame


def _part(frame: Frame, column: str, key: str, value: str) -> str:
    if key == "year" and frame.is_number(column):
        return f"{frame.at(column)} == {value}"
    times = f"{_times(frame, column)}.dt"
    if key == "day":
        return f"{times}.strftime('%Y-%m-%d') == {value!r}"
    if key == "exact":
        return f"{times}.strftime('%Y-%m') == {value!r}"
    number = _MONTHS.get(value.lower()) or _SHORT.get(value.lower()) if key == "month" else value
    return f"{times}.{key} == {number}"


def _column(frame: Frame, *, year: bool = False) -> str:
    """Return the frame's one column of dates. Raises PuzzledError."""
    if year:
        for column in frame.numeric():
            if column.lower() == "year":
                return column
    dates = frame.dates()
    if len(dates) == 1:
        return dates[0]
    if not dates:
        raise PuzzledError(f"{code(frame.name)} has no column of dates that I can see.")
    raise PuzzledError(
        f"{code(frame.name)} has several columns of dates: {listed(dates[:10])}. Say which one "
        f'is meant, for example "… where {dates[0]} > 2024-01-01".'
    )


def _times(frame: Frame, column: str) -> str:
    at = frame.at(column)
    return at if frame.is_time(column) else f"pd.to_datetime({at})"


def _days(frame: Frame, column: str) -> str:
    return f"{_times(frame, column)}.dt.normalize()"


def _cut(text: str, match: re.Match[str], gap: str = " ") -> str:
    return f"{text[: match.start()]}{gap}{text[match.end() :]}"
