"""The rows that a question is about: its conditions, taken out before a rule reads it (floor 1)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from . import names
from .conditions import COMPARISON, NUMBER, OPERATOR, condition
from .dates import DATE_RULES, MONTH, with_periods
from .frames import Frame
from .leftover import is_ordinary
from .names import code, listed
from .steps import PuzzledError

Test = tuple[str, str]
Found = tuple[str, list[Test]]

STOP = (
    r"(?=\s+(?:by|per|for each|for every|grouped by|sorted by|ordered by|as an?|in each"
    rf"|with \d+ bins|excluding|except|without|but|ignoring|since|until|during"
    rf"|(?:in|for) (?:\d{{4}}|q[1-4]|{MONTH}))\b|\s*,?\s+(?:please|only)\b|[?!.;]*\s*$)"
)
_STRICT = r"where|whose|having|in which|for which|such that|when|if"
_CLAUSE = re.compile(
    rf"(?:,\s*)?\b(?P<how>{_STRICT}|with|that have|which have|who have|have|has)\s+"
    rf"(?P<said>\S.*?){STOP}",
    re.IGNORECASE,
)
_WITHOUT = re.compile(
    r"(?:,\s*)?\b(?:excluding|exclude|except(?: for| from)?|without|but not|other than|ignoring"
    r"|not counting|apart from|leaving out|besides|(?:(?:that|which|who)\s+)?(?:is|are|was|were)"
    r"(?:n't|\s+not)(?: (?:in|from))?|not (?:in|from|for))\s+(?:the\s+)?(?P<said>\S.*?)" + STOP,
    re.IGNORECASE,
)
_ASKED = re.compile(r"\b(?:how many|count|number of)\b", re.IGNORECASE)
_LEAD = r"(?:\b(?:for|in|of|from|on|at|within|among|only|where|is|are|was|were|just|the|with)\s+)*"
_TAIL = r"(?:\s+(?:only|alone))?"
_JOINED = re.compile(r"^[\s,;/&]*(?:(?:and|or|the|for|in|from|nor)\b[\s,;/&]*)*$", re.IGNORECASE)
_NAMED_VALUE = (
    r"(?:[`'\"“](?P<quoted>[^`'\"”]+)[`'\"”]|(?P<bare>[A-Z]\w*(?:\s+[A-Z]\w*)*|\d[\w.]*))"
)
_MOST_COLUMNS = 200


@dataclass(frozen=True, slots=True)
class Scope:
    """A question without its conditions, and the frame with them."""

    core: str
    frame: Frame


def scoped(question: str, frame: Frame) -> Scope:
    """Take the conditions and the periods of time out of a question.

    What is not understood stays in the text, where it is noticed as left over.
    Raises PuzzledError for a condition that is plainly one and cannot be read.
    """
    plain, tests = frame, []
    text = question
    for rule in _RULES:
        text, found = rule(plain, text)
        tests += found
    text, frame = with_periods(text, frame)
    return Scope(" ".join(text.split()), frame.only(tests))


def _clauses(frame: Frame, text: str) -> Found:
    """Read "where price > 3", "with units at least 2"."""
    for match in _CLAUSE.finditer(text):
        said = re.sub(
            rf"\s+(?:in|of|from)\s+{re.escape(frame.name)}\W*$", "", match["said"].strip()
        )
        strict = re.fullmatch(_STRICT, match["how"], re.IGNORECASE)
        if not re.search(OPERATOR, said, re.IGNORECASE) and not strict:
            continue
        frame.check(said)
        try:
            test = condition(frame, said)
        except PuzzledError:
            if strict:
                raise
            continue
        return _cut(text, match), [(test, code(said.rstrip("?!. ")))]
    return text, []


def _compared(frame: Frame, text: str) -> Found:
    """Read "price above 10", "price between 3 and 5", "more than 10 units"."""
    columns = _columns(frame, frame.numeric() + frame.dates())
    if not columns:
        return text, []
    value = rf"(?:{NUMBER}|\d{{4}}-\d\d-\d\d)"
    after = (
        rf"(?P<column>{columns})\s+(?:(?:of|is|are)\s+)?(?P<op>{COMPARISON})\s*(?P<value>{value}"
    )
    after += rf"(?:\s+and\s+{value})?)(?!\S*\w)"
    before = rf"(?P<op>{COMPARISON})\s*(?P<value>{value})\s+(?P<column>{columns})\b"
    for pattern in (after, before):
        match = re.search(rf"\b{pattern}", text, re.IGNORECASE)
        if match:
            said = f"{match['column']} {match['op']} {match['value']}"
            try:
                test = condition(frame, said)
            except PuzzledError:
                continue  # a date where a number is needed: noticed as left over
            kept = match["column"] if pattern == after and not _ASKED.search(text) else ""
            rest = f"{text[: match.start()]} {kept} {text[match.end() :]}"
            return rest, [(test, code(said))]
    return text, []


def _excluded(frame: Frame, text: str) -> Found:
    """Read "excluding Pen and Desk", "that are not West", "without price > 100"."""
    match = _WITHOUT.search(text)
    if not match:
        return text, []
    hits, rest = _hits(frame, match["said"])
    if hits and _JOINED.match(rest):
        return _cut(text, match), [_held(frame, c, v, not_=True) for c, v in _grouped(hits)]
    column, value = _named_value(frame, match["said"])
    if column and value:
        test = f"{frame.at(column)}.astype(str).str.lower() != {value.lower()!r}"
        return _cut(text, match), [(test, f"{code(column)} is not {code(value)}")]
    try:
        test = condition(frame, match["said"])
    except PuzzledError:
        return text, []
    return _cut(text, match), [(f"~({test})", f"not {code(match['said'])}")]


def _named(frame: Frame, text: str) -> Found:
    """Read "for product Pen", "for region 'West'" where the value itself is not known."""
    columns = _columns(frame, [c for c in frame.values if c in frame.columns])
    if not columns:
        return text, []
    lead = r"\b(?i:for|in|only|of|from)\s+(?i:the\s+)?"
    pattern = rf"{lead}(?P<column>(?i:{columns}))\s+(?i:is\s+|=\s*)?{_NAMED_VALUE}{_TAIL}"
    match = re.search(pattern, text)
    if not match:
        return text, []
    column, value = frame.column(match["column"]), match["quoted"] or match["bare"]
    known = [v for v in frame.values.get(column, ()) if v.casefold() == value.casefold()]
    if known:
        return _cut(text, match), [_held(frame, column, known)]
    test = f"{frame.at(column)}.astype(str).str.lower() == {value.lower()!r}"
    return _cut(text, match), [(test, f"{code(column)} is {code(value)}")]


def _known(frame: Frame, text: str) -> Found:
    """Read "for West only", "in North and East": values that the columns are known to hold."""
    hits, rest = _hits(frame, text)
    tests = [_held(frame, column, values) for column, values in _grouped(hits)]
    if len(tests) > 0 and hits:
        rest = re.sub(r"\s+(?:and|or)\s+(?=\x00|$)", " ", rest)
    return rest.replace("\0", " "), tests


_RULES: tuple[Callable[[Frame, str], Found], ...] = (
    _clauses,
    _excluded,
    *DATE_RULES,
    _compared,
    _named,
    _known,
)


def _hits(frame: Frame, text: str) -> tuple[list[tuple[str, str]], str]:
    """Return the known values in `text` with their columns, and the text without them."""
    hits: list[tuple[str, str]] = []
    taken = {names.plain(name) for name in (*frame.columns, frame.name)}
    pairs = [(column, v) for column, values in frame.values.items() for v in values]
    for column, value in sorted(pairs, key=lambda pair: -len(pair[1])):
        if len(value) < 2 or names.plain(value) in taken:
            continue
        if not re.search(r"[^\W\d_]", value):
            continue
        name, said = _columns(frame, [column]), re.escape(value).replace(r"\ ", r"\s+")
        if is_ordinary(value):  # "Notebook" may be a product, "this notebook" is none
            said = f"(?-i:{said})"
        pattern = (
            rf"{_LEAD}(?:{name}\s+(?:is\s+|=+\s*)?)?[`'\"]?(?<!\w){said}(?!\w)[`'\"]?"
            rf"(?:\s+{name}(?!\w))?{_TAIL}"
        )
        if match := re.search(pattern, text, re.IGNORECASE):
            hits.append((column, value))
            text = _cut(text, match, "\0" if not text[: match.start()].strip() else " ")
    return hits, text.replace("\0", " ")


def _grouped(hits: list[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    found: dict[str, list[str]] = {}
    for column, value in hits:
        found.setdefault(column, []).append(value)
    return list(found.items())


def _held(frame: Frame, column: str, values: list[str], *, not_: bool = False) -> Test:
    """Return the test whether a column holds one of the values."""
    said = f"{code(column)} is {'not ' if not_ else ''}{listed(values, 'or')}"
    if len(values) == 1:
        return f"{frame.at(column)} {'!=' if not_ else '=='} {values[0]!r}", said
    return f"{'~' if not_ else ''}{frame.at(column)}.isin({values!r})", said


def _named_value(frame: Frame, text: str) -> tuple[str, str]:
    """Return the column of text that `text` names and the value beside it, else empty texts."""
    columns = _columns(frame, list(frame.values))
    value = r"[`'\"“]?([^`'\"”\s]+)[`'\"”]?"
    if columns and (match := re.fullmatch(rf"({columns})\s+{value}", text.strip(), re.IGNORECASE)):
        return frame.column(match[1]), match[2]
    if columns and (match := re.fullmatch(rf"{value}\s+({columns})", text.strip(), re.IGNORECASE)):
        return frame.column(match[2]), match[1]
    return "", ""


def _columns(frame: Frame, columns: list[str]) -> str:
    """Return a pattern for the names of columns, the longest first; empty if there are none."""
    said = []
    for column in sorted(columns[:_MOST_COLUMNS], key=len, reverse=True):
        words = [re.escape(word) for word in re.split(r"[\s_.-]+", column) if word]
        if words:
            said.append(r"[\s_.-]+".join(words) + "s?")
    return f"(?:{'|'.join(said)})" if said else ""


def _cut(text: str, match: re.Match[str], gap: str = " ") -> str:
    return f"{text[: match.start()]}{gap}{text[match.end() :]}"
