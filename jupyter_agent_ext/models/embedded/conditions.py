"""From "price is above 10 and region is North" to a pandas condition (floor 1)."""

from __future__ import annotations

import re

from . import names
from .frames import Frame
from .names import code
from .steps import PuzzledError

# Symbols, words, meaning; in the order in which they are tried.
_OPERATORS: tuple[tuple[str, str, str], ...] = (
    (">=|=>|≥", "(?:is |are )?(?:at least|not less than|greater than or equal to)", ">="),
    ("<=|=<|≤", "(?:is |are )?(?:at most|not more than|less than or equal to|up to)", "<="),
    ("!=|<>|≠", "(?:is|are) not equal to|does not equal|differs from", "!="),
    (">", "(?:is |are )?(?:greater|more|higher|larger|bigger|later) than", ">"),
    ("<", "(?:is |are )?(?:less|lower|smaller|fewer|earlier) than", "<"),
    ("", "(?:is |are )?(?:above|over|exceeds|after)", ">"),
    ("", "(?:is |are )?(?:below|under|before)", "<"),
    ("", "(?:is|are)(?: not|n't) (?:missing|null|na|nan|empty|none)", "notna"),
    ("", "(?:is |are )(?:missing|null|na|nan|empty|none)", "isna"),
    ("", "(?:does not|doesn't) contain", "excludes"),
    ("", "contains?|includes?", "contains"),
    ("", "(?:starts?|begins?) with", "startswith"),
    ("", "ends? with", "endswith"),
    ("", "(?:is |are |lies )?between", "between"),
    ("", "(?:is|are)(?: not|n't)", "!="),
    ("==?", "equals|(?:is|are) equal to|is|are", "=="),
)


def _either(symbols: str, words: str) -> str:
    bounded = rf"(?<![a-z])(?:{words})(?![a-z])"  # "is" is no part of "this" or "island"
    return f"{symbols}|{bounded}" if symbols else bounded


OPERATOR = "|".join(_either(symbols, words) for symbols, words, _ in _OPERATORS)
COMPARISON = "|".join(
    _either(symbols, words)
    for symbols, words, meaning in _OPERATORS
    if meaning in (">", ">=", "<", "<=", "between")
)
_ANY = re.compile(
    r"\s*(?:"
    + "|".join(f"(?P<o{i}>{_either(s, w)})" for i, (s, w, _) in enumerate(_OPERATORS))
    + r")\s*",
    re.IGNORECASE,
)
_BETWEEN = re.compile(r"^(.+?)\s+and\s+(\S+)(?:\s+(and|or)\s+(.+))?$", re.IGNORECASE)
_JOIN = re.compile(r"\s+(and|or|&&?|\|\|?)\s+", re.IGNORECASE)
NUMBER = r"[+-]?(?:\d[\d_,]*(?:\.\d+)?|\.\d+)(?:e[+-]?\d+)?%?"
_NUMBER = re.compile(NUMBER, re.IGNORECASE)
_BOOLEANS = {"true": True, "yes": True, "false": False, "no": False}
_ORDERED = (">", ">=", "<", "<=")


def condition(frame: Frame, text: str) -> str:
    """Return a pandas expression for the rows that `text` describes. Raises PuzzledError."""
    text = re.sub(r"^(?:the|its|their)\s+", "", text.strip().rstrip("?!. "), flags=re.IGNORECASE)
    column, operator, rest = _split(frame, text)
    further: tuple[str, str] | None = None
    if operator == "between":
        low, high, further = _bounds(rest)
        said = f"{frame.at(column)}.between({_value(frame, column, low)}, "
        said += f"{_value(frame, column, high)})"
    else:
        join = _JOIN.search(rest)
        if join and _ANY.search(rest, join.end()):
            further, rest = (join[1], rest[join.end() :]), rest[: join.start()]
        said = _compare(frame, column, operator, rest)
    if further is None:
        return said
    sign = "|" if further[0].lower() in ("or", "|", "||") else "&"
    return f"({said}) {sign} ({condition(frame, further[1])})"


def _split(frame: Frame, text: str) -> tuple[str, str, str]:
    """Return column, operator and the text after it; the first operator whose left is a column."""
    first = None
    for match in _ANY.finditer(text):
        left = text[: match.start()]
        column = names.find(left, list(frame.columns))
        if column is not None:
            return column, _meaning(match), text[match.end() :]
        first = first or match
    if first is None:
        raise PuzzledError(
            f'I cannot read the condition {code(text)}. Write it like "price > 10" or '
            '"region is North".'
        )
    column = frame.column(text[: first.start()])
    return column, _meaning(first), text[first.end() :]


def _meaning(match: re.Match[str]) -> str:
    return _OPERATORS[int(str(match.lastgroup)[1:])][2]


def _bounds(text: str) -> tuple[str, str, tuple[str, str] | None]:
    match = _BETWEEN.match(text)
    if not match:
        raise PuzzledError('Write a range like "price between 10 and 20".')
    return match[1], match[2], (match[3], match[4]) if match[3] else None


def _compare(frame: Frame, column: str, operator: str, text: str) -> str:
    at = frame.at(column)
    if operator in ("isna", "notna"):
        return f"{at}.{operator}()"
    word = names.phrase(text)
    if operator in ("contains", "excludes"):
        found = f"{at}.astype(str).str.contains({word!r}, case=False, regex=False)"
        return f"~{found}" if operator == "excludes" else found
    if operator in ("startswith", "endswith"):
        return f"{at}.astype(str).str.{operator}({word!r})"
    value = _value(frame, column, text)
    is_text = not frame.is_number(column) and not frame.is_time(column)
    if is_text and operator in _ORDERED and _NUMBER.fullmatch(word):
        return f"pd.to_numeric({at}, errors='coerce') {operator} {_number(word)!r}"
    several = re.split(r"\s*,\s*(?:or\s+)?|\s+or\s+", word)
    if (
        is_text
        and operator in ("==", "!=")
        and len(several) > 1
        and text.strip()[:1] not in "`'\"“"
    ):
        held = f"{at}.astype(str).str.lower().isin({[names.phrase(v).lower() for v in several]!r})"
        return held if operator == "==" else f"~{held}"
    if is_text and operator not in _ORDERED and text.strip()[:1] not in "`'\"“":
        # Without quotes nobody means the case.
        return f"{at}.astype(str).str.lower() {operator} {word.lower()!r}"
    return f"{at} {operator} {value}"


def _value(frame: Frame, column: str, text: str) -> str:
    word = names.phrase(text)
    if not word:
        raise PuzzledError(f"With what shall I compare {code(column)}?")
    if frame.columns.get(column) in ("bool", "boolean") and word.lower() in _BOOLEANS:
        return repr(_BOOLEANS[word.lower()])
    if frame.is_number(column):
        if not _NUMBER.fullmatch(word):
            raise PuzzledError(
                f"{code(column)} holds numbers ({frame.columns[column]}), and {code(word)} is none."
            )
        return repr(_number(word))
    return repr(word)


def _number(text: str) -> int | float:
    text = text.replace(",", "").replace("_", "")
    share = text.endswith("%")
    value = float(text.rstrip("%"))
    if share:
        return value / 100
    return int(value) if value.is_integer() and abs(value) < 2**53 else value
