"""Questions that are computed in the kernel (floor 1)."""

from __future__ import annotations

import re

from . import looking, names
from .answers import noted, number, shown
from .conditions import condition
from .frames import Frame
from .names import code, counted, listed
from .situation import Situation
from .steps import NotMineError, Plan, PuzzledError, Words, run_code

# What people say, pandas' name, and how the answer says it.
_MEASURES = (
    ("mean|average|avg", "mean", "mean"),
    ("sum|total", "sum", "sum"),
    ("min|minimum|lowest|smallest|least|earliest|cheapest", "min", "minimum"),
    ("max|maximum|highest|largest|biggest|greatest|latest|most expensive", "max", "maximum"),
    ("median", "median", "median"),
    ("std|stddev|standard deviation", "std", "standard deviation"),
    ("var|variance", "var", "variance"),
    ("count|number|count of", "count", "count"),
)
MEASURE = "|".join(words for words, _, _ in _MEASURES if "count" not in words)
COUNTABLE = f"{MEASURE}|count|number"
_NEEDS_NUMBERS = frozenset({"mean", "sum", "median", "std", "var"})
_SERIES = frozenset({"series", "array", "list", "tuple", "sequence"})
_DOWN = re.compile(r"\b(?:desc\w*|highest|largest|biggest|decreasing|down)\b", re.IGNORECASE)
_LOW = re.compile(r"bottom|smallest|lowest|least|cheapest|fewest", re.IGNORECASE)
_WORD_NUMBERS = {"few": 5, "couple": 2, "three": 3, "five": 5, "ten": 10, "twenty": 20}
_MAX_ROWS = 100


def measure(s: Situation, found: Words) -> str | Plan:
    """Compute the mean, sum … of columns, or of a series or list."""
    method, label = method_of(found.get("how", ""))
    what = found.get("what", "")
    variable = _series(s, what)
    if variable:
        return _one(
            f"import pandas as pd\n\nprint(pd.Series({variable}).{method}())", label, variable
        )
    frame = s.frame()
    text = without_frame(what, frame.name)
    columns = frame.mentioned(text)
    if not columns and names.phrase(text):
        columns = [frame.column(text)]
    if not columns and len(frame.numeric()) == 1:
        columns = frame.numeric()
    _check_numbers(frame, columns, method, label)
    if len(columns) == 1:
        return _one(
            f"{frame.imports}print({frame.at(columns[0])}.{method}())", label, columns[0], frame
        )
    return _several(frame, columns, method, label)


def group(s: Situation, found: Words) -> str | Plan:
    """Compute a measure of a column for each value of another."""
    frame, key = s.frame(), found.get("by", "")
    by = frame.mentioned(without_frame(key, frame.name)) or [
        frame.column(without_frame(key, frame.name))
    ]
    method, label = method_of(found.get("how", "count"))
    text = without_frame(found.get("what", ""), frame.name)
    columns = [c for c in frame.mentioned(text) if c not in by]
    grouped = f"{frame.code}.groupby({_keys(by)}{_observed(frame, by)})"
    if (method == "count" and "how" in found) or not (columns or "how" in found):
        return _table(
            frame, f"{grouped}.size()", f"Number of rows of {code(frame.name)} by {listed(by)}:"
        )
    if "how" not in found:
        method, label = "sum", "sum"
    if not columns and re.search(r"\w", re.sub(r"\b(?:everything|all|each|of|the)\b", "", text)):
        columns = [frame.column(text)]
    _check_numbers(frame, columns, method, label)
    if len(columns) == 1:
        value = f"{grouped}[{columns[0]!r}].{method}().sort_values(ascending=False)"
    elif columns:
        value = f"{grouped}[{columns!r}].{method}()"
    else:
        value = f"{grouped}.{method}(numeric_only=True)"
    of = listed(columns) if columns else "the numeric columns"
    return _table(frame, value, f"The {label} of {of} in {code(frame.name)} by {listed(by)}:")


def value_counts(s: Situation, found: Words) -> Plan:
    """Count how often each value occurs."""
    frame, column = _one_column(s, found.get("what", ""))
    outcome = yield run_code(f"{frame.imports}{frame.at(column)}.value_counts().head(30)")
    return shown(
        f"How often each value of {code(column)} occurs in {code(frame.name)}:", outcome, frame
    )


def unique(s: Situation, found: Words) -> Plan:
    """List the different values, or count them."""
    frame, column = _one_column(s, found.get("what", ""))
    at = frame.at(column)
    if re.search(r"\bhow many\b|\bcount\b|\bnumber of\b", s.query, re.IGNORECASE):
        outcome = yield run_code(f"{frame.imports}print({at}.nunique())")
        many = number(outcome.text)
        return noted(f"{code(column)} in {code(frame.name)} has {many} different values.", frame)
    outcome = yield run_code(f"{frame.imports}{at}.drop_duplicates().head(100).tolist()")
    return shown(f"The different values of {code(column)} in {code(frame.name)}:", outcome, frame)


def how_many(s: Situation, found: Words) -> Plan:
    """Count the different values of the column that the question names."""
    frame = s.frame()
    if names.find(found["what"], list(frame.columns)) is None:
        raise NotMineError(f"{code(frame.name)} has no column {code(found['what'])}.")
    return unique(s, found)


def describe(s: Situation, found: Words) -> str | Plan:
    """Give the usual statistics."""
    what = found.get("what", "")
    name = names.find(what, list(s.variables))
    if name is not None and s.variables[name].get("kind") != "dataframe":
        return looking.what_is(s, {"name": name})
    frame = s.frame()
    columns = frame.mentioned(without_frame(what, frame.name))
    chosen = f"{frame.code}[{columns!r}]" if columns else frame.code
    of = f"{listed(columns)} in {code(frame.name)}" if columns else code(frame.name)
    mixed = not set(columns or frame.columns) <= set(frame.numeric())
    every = "include='all'" if mixed and (columns or not frame.numeric()) else ""
    return _table(frame, f"{chosen}.describe({every})", f"Statistics of {of}:")


def head(s: Situation, found: Words) -> str | Plan:
    """Show the first or last rows."""
    frame = s.frame()
    last = re.search(r"\b(?:last|tail|bottom)\b", found["all"], re.IGNORECASE) is not None
    count = _count(found.get("n", ""), 5)
    which = f"The {'last' if last else 'first'} rows of {code(frame.name)}:"
    return _table(frame, f"{frame.code}.{'tail' if last else 'head'}({count})", which)


def top(s: Situation, found: Words) -> str | Plan:
    """Show the rows with the largest or smallest values."""
    frame, column = _one_column(s, found.get("what", ""))
    many = _count(found.get("n", ""), 5)
    low = _LOW.search(found["all"]) is not None
    value = f"{frame.code}.sort_values({column!r}, ascending={low}).head({many})"
    which = "lowest" if low else "highest"
    words = f"The {counted(many, 'row')} of {code(frame.name)} with the {which} {code(column)}:"
    return _table(frame, value, words)


def sort(s: Situation, found: Words) -> str | Plan:
    """Show the rows in order; the frame itself stays as it is."""
    frame = s.frame()
    columns = frame.mentioned(found.get("what", "")) or [
        frame.column(without_frame(found.get("what", ""), frame.name))
    ]
    down = _DOWN.search(found.get("what", "")) is not None
    value = f"{frame.code}.sort_values({columns!r}, ascending={not down}).head(20)"
    words = f"{code(frame.name)} sorted by {listed(columns)}{', highest first' if down else ''}"
    return _table(frame, value, f"{words} (first 20 rows; {code(frame.name)} itself is unchanged):")


def where(s: Situation, found: Words) -> Plan:
    """Count or show the rows that fulfil a condition."""
    frame = s.frame()
    text = found.get("condition", "")
    test = condition(frame, re.sub(rf"\s+(?:in|of|from)\s+{re.escape(frame.name)}\W*$", "", text))
    imports = "import pandas as pd\n\n" if "pd." in test else ""
    said = code(text.strip().rstrip("?!. "))
    if re.search(r"\bhow many\b|\bcount\b|\bnumber of\b", s.query, re.IGNORECASE):
        outcome = yield run_code(f"{imports}print(int(({test}).sum()))")
        rows = f" of {frame.rows:,}" if frame.rows is not None else ""
        return noted(f"{number(outcome.text)}{rows} rows of {code(frame.name)} have {said}.", frame)
    outcome = yield run_code(f"{imports}{frame.code}[{test}].head(20)")
    return shown(f"The rows of {code(frame.name)} with {said} (at most 20):", outcome, frame)


def correlation(s: Situation, found: Words) -> str | Plan:
    """Correlate two columns, or all numeric ones."""
    frame = s.frame()
    text = without_frame(found.get("what", ""), frame.name)
    columns = frame.mentioned(text) or frame.mentioned(without_frame(s.query, frame.name))
    if len(columns) < 2 and " and " in text:
        columns = [
            frame.column(part) for part in re.sub(r"^.*\bbetween\b", "", text).split(" and ")
        ]
    _check_numbers(frame, columns, "mean", "correlation")
    if len(columns) == 2:
        return _correlated(frame, *columns)
    if len(columns) == 1:
        value = f"{frame.code}.corr(numeric_only=True)[{columns[0]!r}].drop({columns[0]!r})"
        return _table(frame, value, f"Correlation of {code(columns[0])} with the others:")
    chosen = f"{frame.code}[{columns!r}]" if columns else frame.code
    value = f"{chosen}.corr(numeric_only=True).round(3)"
    return _table(frame, value, f"Correlations in {code(frame.name)} (Pearson):")


def duplicates(s: Situation, found: Words) -> Plan:
    """Count the rows that repeat an earlier one."""
    frame = s.frame()
    outcome = yield run_code(f"{frame.imports}print(int({frame.code}.duplicated().sum()))")
    return noted(f"{code(frame.name)} has {number(outcome.text)} duplicate rows.", frame)


def _one(source: str, label: str, of: str, frame: Frame | None = None) -> Plan:
    outcome = yield run_code(source)
    where = f" in {code(frame.name)}" if frame else ""
    return noted(f"The {label} of {code(of)}{where} is {number(outcome.text)}.", frame)


def _several(frame: Frame, columns: list[str], method: str, label: str) -> Plan:
    of = listed(columns) if columns else "the numeric columns"
    value = (
        f"{frame.code}[{columns!r}].{method}()"
        if columns
        else (f"{frame.code}.{method}(numeric_only=True)")
    )
    return _table(frame, value, f"The {label} of {of} in {code(frame.name)}:")


def _table(frame: Frame, value: str, headline: str) -> Plan:
    outcome = yield run_code(f"{frame.imports}{value}")
    return shown(headline, outcome, frame)


def _correlated(frame: Frame, a: str, b: str) -> Plan:
    outcome = yield run_code(f"{frame.imports}print({frame.at(a)}.corr({frame.at(b)}))")
    said = f"The correlation (Pearson) of {code(a)} and {code(b)} in {code(frame.name)}"
    return noted(f"{said} is {number(outcome.text)}.", frame)


def _one_column(s: Situation, text: str) -> tuple[Frame, str]:
    frame = s.frame()
    text = without_frame(text, frame.name)
    mentioned = frame.mentioned(text)
    return frame, mentioned[0] if mentioned else frame.column(text)


def method_of(words: str) -> tuple[str, str]:
    """Return pandas' name of a measure, and how an answer says it. Raises PuzzledError."""
    simple = " ".join(words.lower().split())
    for said, method, label in _MEASURES:
        if simple in said.split("|"):
            return method, label
    raise PuzzledError(f"I do not know the measure {code(words)}.")


def _check_numbers(frame: Frame, columns: list[str], method: str, label: str) -> None:
    for column in columns:
        if method in _NEEDS_NUMBERS and frame.is_text(column) and frame.columns[column] != "object":
            numeric = frame.numeric()
            have = f" Columns with numbers: {listed(numeric[:20])}." if numeric else ""
            raise PuzzledError(
                f"{code(column)} holds text ({frame.columns[column]}), which has no {label}.{have}"
            )


def _series(s: Situation, text: str) -> str | None:
    """Return the series, array or list that `text` names, if no frame has such a column."""
    name = names.find(re.sub(r"^(?:of|in)\s+", "", text.strip()), list(s.variables))
    if name is None or s.variables[name].get("kind") not in _SERIES or not name.isidentifier():
        return None
    return name


def without_frame(text: str, frame: str) -> str:
    """Return text without the words that name the frame."""
    escaped = re.escape(frame)
    said = rf"[`'\"]?\b{escaped}\b[`'\"]?"
    where = rf"\s*\b(?:in|of|from|for|on)\s+(?:the\s+)?(?:(?:data\s?)?frame\s+)?{said}"
    text = re.sub(where, " ", f" {text} ", flags=re.IGNORECASE)
    text = re.sub(rf"^\s*{escaped}(?:'s)?\s+", " ", text)
    return re.sub(r"\b(?:rows?|entries|records|values?)\b", " ", text).strip()


def _keys(by: list[str]) -> str:
    return repr(by[0]) if len(by) == 1 else repr(by)


def _observed(frame: Frame, by: list[str]) -> str:
    return ", observed=True" if any(frame.columns[c] == "category" for c in by) else ""


def _count(text: str, default: int) -> int:
    text = text.lower().strip()
    count = int(text) if text.isdigit() else _WORD_NUMBERS.get(text.split(" ")[0], default)
    return max(1, min(count, _MAX_ROWS))
