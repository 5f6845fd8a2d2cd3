"""Questions that are computed in the kernel (floor 1)."""

from __future__ import annotations

import re

from . import looking, names
from .answers import noted, number, shown
from .frames import Frame, without_frame
from .names import code, listed
from .situation import Situation
from .steps import NotMineError, Plan, PuzzledError, Words, run_code

# What people say, pandas' name, and how the answer says it.
_MEASURES = (
    ("mean|average|avg", "mean", "mean"),
    ("sum|total", "sum", "sum"),
    ("min|minimum|lowest|smallest|least|earliest", "min", "minimum"),
    ("max|maximum|highest|largest|biggest|greatest|latest", "max", "maximum"),
    ("median", "median", "median"),
    ("std|stddev|standard deviation", "std", "standard deviation"),
    ("var|variance", "var", "variance"),
    ("count|number|count of", "count", "count"),
)
MEASURE = "|".join(words for words, _, _ in _MEASURES if "count" not in words)
COUNTABLE = f"{MEASURE}|count|number"
MEASURES = rf"(?:{MEASURE})(?:(?:\s*,\s*|\s+and\s+|\s*,\s*and\s+)(?:the\s+)?(?:{MEASURE}))*"
_NEEDS_NUMBERS = frozenset({"mean", "sum", "median", "std", "var"})
SERIES = frozenset({"series", "array", "list", "tuple", "sequence"})
LOW = re.compile(r"bottom|smallest|lowest|least|cheapest|fewest|rarest|worst", re.IGNORECASE)
_WORD_NUMBERS = {
    "couple": 2, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "two": 2, "three": 3,
    "four": 4, "few": 5, "five": 5, "ten": 10, "twenty": 20,
}  # fmt: skip
_MAX_ROWS = 100
_JOIN = re.compile(r"\s*,\s*(?:and\s+)?|\s+and\s+", re.IGNORECASE)
_BY = re.compile(r"\b(?:by|per|for each|for every|across|against|and)\b", re.IGNORECASE)


def measure(s: Situation, found: Words) -> str | Plan:
    """Compute the mean, sum … of columns, or of a series or list."""
    chosen = [method_of(said) for said in _JOIN.split(found.get("how", ""))]
    method, label = chosen[0]
    what = found.get("what", "")
    variable = _series(s, what) if len(chosen) == 1 else None
    if variable:
        return _one(
            f"import pandas as pd\n\nprint(pd.Series({variable}).{method}())", label, variable
        )
    frame = s.table()
    text = without_frame(what, frame.name)
    columns = frame.mentioned(text)
    if not columns and names.phrase(text):
        columns = [frame.column(text)]
    if not columns and len(frame.numeric()) == 1:
        columns = frame.numeric()
    for method, label in chosen:
        check_numbers(frame, columns, method, label)
    if len(chosen) > 1:
        return _agreed(frame, columns or frame.numeric(), chosen)
    if len(columns) == 1:
        return _one(
            f"{frame.imports}print({frame.at(columns[0])}.{method}())", label, columns[0], frame
        )
    return _several(frame, columns, method, label)


def group(s: Situation, found: Words) -> str | Plan:
    """Compute a measure of a column for each value of another."""
    frame, key = s.table(), found.get("by", "")
    by = frame.mentioned(without_frame(key, frame.name)) or [
        frame.column(without_frame(key, frame.name))
    ]
    method, label = method_of(found.get("how", "count"))
    text = without_frame(found.get("what", ""), frame.name)
    columns = [c for c in frame.mentioned(text) if c not in by]
    grouped = f"{frame.code}.groupby({_keys(by)}{_observed(frame, by)})"
    if "which" in found:
        return _ranked(frame, by, text, found)
    if (method == "count" and "how" in found) or not (columns or "how" in found):
        return table(
            frame, f"{grouped}.size()", f"Number of rows of {frame.label} by {listed(by)}:"
        )
    if "how" not in found:
        method, label = "sum", "sum"
    if not columns and re.search(r"\w", re.sub(r"\b(?:everything|all|each|of|the)\b", "", text)):
        columns = [frame.column(text)]
    check_numbers(frame, columns, method, label)
    if len(columns) == 1:
        order = "" if set(by) & set(frame.derived) else ".sort_values(ascending=False)"
        value = f"{grouped}[{columns[0]!r}].{method}(){order}"
    elif columns:
        value = f"{grouped}[{columns!r}].{method}()"
    else:
        value = f"{grouped}.{method}(numeric_only=True)"
    of = listed(columns) if columns else "the numeric columns"
    return table(frame, value, f"The {label} of {of} in {frame.label} by {listed(by)}:")


def value_counts(s: Situation, found: Words) -> Plan:
    """Count how often each value occurs."""
    frame, column = one_column(s, found.get("what", ""))
    rare = found.get("which", "").lower() == "least"
    counts = f"{frame.at(column)}.value_counts({'ascending=True' if rare else ''}).head(30)"
    outcome = yield run_code(f"{frame.imports}{counts}")
    order = ", the rarest first" if rare else ""
    words = f"How often each value of {code(column)} occurs in {frame.label}{order}:"
    return shown(words, outcome, frame)


def unique(s: Situation, found: Words) -> Plan:
    """List the different values, or count them."""
    frame, column = one_column(s, found.get("what", ""))
    at = frame.at(column)
    if re.search(r"\bhow many\b|\bcount\b|\bnumber of\b", s.query, re.IGNORECASE):
        outcome = yield run_code(f"{frame.imports}print({at}.nunique())")
        many = number(outcome.text)
        return noted(f"{code(column)} in {frame.label} has {many} different values.", frame)
    outcome = yield run_code(f"{frame.imports}{at}.drop_duplicates().head(100).tolist()")
    return shown(f"The different values of {code(column)} in {frame.label}:", outcome, frame)


def how_many(s: Situation, found: Words) -> Plan:
    """Count the different values of the column that the question names."""
    frame = s.table()
    if names.find(found["what"], list(frame.columns)) is None:
        raise NotMineError(f"{code(frame.name)} has no column {code(found['what'])}.")
    return unique(s, found)


def describe(s: Situation, found: Words) -> str | Plan:
    """Give the usual statistics."""
    what = found.get("what", "")
    name = names.find(what, list(s.variables))
    if name is not None and s.variables[name].get("kind") != "dataframe":
        return looking.what_is(s, {"name": name})
    frame = s.table()
    columns = frame.mentioned(without_frame(what, frame.name))
    chosen = f"{frame.code}[{columns!r}]" if columns else frame.code
    of = f"{listed(columns)} in {frame.label}" if columns else code(frame.name)
    mixed = not set(columns or frame.columns) <= set(frame.numeric())
    every = "include='all'" if mixed and (columns or not frame.numeric()) else ""
    return table(frame, f"{chosen}.describe({every})", f"Statistics of {of}:")


def correlation(s: Situation, found: Words) -> str | Plan:
    """Correlate two columns, or all numeric ones."""
    frame = s.table()
    text = without_frame(found.get("what", ""), frame.name)
    columns = frame.mentioned(text) or frame.mentioned(without_frame(s.query, frame.name))
    if len(columns) < 2 and " and " in text:
        columns = [
            frame.column(part) for part in re.sub(r"^.*\bbetween\b", "", text).split(" and ")
        ]
    check_numbers(frame, columns, "mean", "correlation")
    if len(columns) == 2:
        return _correlated(frame, *columns)
    if len(columns) == 1:
        value = f"{frame.code}.corr(numeric_only=True)[{columns[0]!r}].drop({columns[0]!r})"
        return table(frame, value, f"Correlation of {code(columns[0])} with the others:")
    chosen = f"{frame.code}[{columns!r}]" if columns else frame.code
    value = f"{chosen}.corr(numeric_only=True).round(3)"
    return table(frame, value, f"Correlations in {frame.label} (Pearson):")


def revenue_by(s: Situation, found: Words) -> str | Plan:
    """Sum a column for each value of another where no measure is named: "revenue by month"."""
    frame = s.table()
    what = without_frame(found["what"], frame.name)
    numbers = [c for c in frame.mentioned(what) if frame.is_number(c)]
    if not numbers or not frame.mentioned(found["by"]):
        raise NotMineError("No columns on both sides.")
    return group(s, {**found, "how": "sum"})


def pivot(s: Situation, found: Words) -> str | Plan:
    """Compute a measure for each pair of values of two columns, as a table."""
    frame = s.table()
    said = re.search(rf"\b(?:{MEASURE})\b", found["all"], re.IGNORECASE)
    method, label = method_of(said[0]) if said else ("", "")
    what, *keys = _BY.split(without_frame(found["all"], frame.name))
    by = list(dict.fromkeys(c for key in keys for c in frame.mentioned(key)))
    columns = [c for c in frame.mentioned(what) if c not in by]
    if len(by) != 2 or len(columns) > 1 or (columns and not method):
        raise PuzzledError('Say it like "mean of price by region and product as a table".')
    a, b = by
    if not columns:
        value = f"pd.crosstab({frame.at(a)}, {frame.at(b)})"
        imports = "import pandas as pd\n\n"
        return table(frame, value, f"Number of rows of {frame.label} by {listed(by)}:", imports)
    check_numbers(frame, columns, method, label)
    value = f"{frame.code}.pivot_table(\n    values={columns[0]!r}, index={a!r}, columns={b!r}, "
    value += f"aggfunc={method!r}, observed=True\n)"
    return table(
        frame, value, f"The {label} of {listed(columns)} in {frame.label} by {listed(by)}:"
    )


def quantile(s: Situation, found: Words) -> str | Plan:
    """Compute a percentile, a quantile, or the quartiles."""
    frame, column = one_column(s, found.get("what", ""))
    check_numbers(frame, [column], "median", "quantile")
    if "n" not in found:
        value = f"{frame.at(column)}.quantile([0.25, 0.5, 0.75])"
        return table(frame, value, f"The quartiles of {code(column)} in {frame.label}:")
    share = float(re.sub(r"[^\d.]", "", found["n"]) or "nan")
    share = share / 100 if "percentile" in found["all"].lower() else share
    if not 0 <= share <= 1:
        raise PuzzledError("A quantile lies between 0 and 1, a percentile between 0 and 100.")
    source = f"{frame.imports}print({frame.at(column)}.quantile({share:g}))"
    return _one(source, f"{found['n'].strip()} {found['kind'].lower()}", column, frame)


def bare_word(s: Situation, found: Words) -> Plan:
    """Summarise the column that a single word comes near to."""
    word, frame = found["name"], s.frame()
    columns = list(frame.columns)
    near = names.close(word, columns)
    if not near or names.find(word, [*columns, *s.variables, *s.lost]) is not None:
        raise NotMineError("A single word that is a name, or comes near to none.")
    if len(near) > 1:
        raise PuzzledError(f"Did you mean {listed(near, 'or')}? Say what you want of it.")
    frame.check(near[0])
    said = f"I took {code(word)} for the column {code(near[0])} of {frame.label}. Its statistics:"
    return table(frame, f"{frame.at(near[0])}.describe()", said)


def duplicates(s: Situation, found: Words) -> Plan:
    """Count the rows that repeat an earlier one."""
    frame = s.table()
    outcome = yield run_code(f"{frame.imports}print(int({frame.code}.duplicated().sum()))")
    return noted(f"{frame.label} has {number(outcome.text)} duplicate rows.", frame)


def _one(source: str, label: str, of: str, frame: Frame | None = None) -> Plan:
    outcome = yield run_code(source)
    where = f" in {frame.label}" if frame else ""
    return noted(f"The {label} of {code(of)}{where} is {number(outcome.text)}.", frame)


def _agreed(frame: Frame, columns: list[str], chosen: list[tuple[str, str]]) -> Plan:
    methods = [method for method, _ in chosen]
    value = f"{frame.code}[{columns[0] if len(columns) == 1 else columns!r}].agg({methods!r})"
    if len(columns) == 1:
        value = f"{frame.at(columns[0])}.agg({methods!r})"
    of = f"{' and '.join(label for _, label in chosen)} of {listed(columns)}"
    return table(frame, value, f"The {of} in {frame.label}:")


def _ranked(frame: Frame, by: list[str], text: str, found: Words) -> Plan:
    """Answer "which region has the highest price": nothing says if sum, mean or one row's."""
    columns = [c for c in frame.mentioned(text) if c not in by] or [frame.column(text)]
    check_numbers(frame, columns, "sum", "sum")
    low = LOW.search(found["which"]) is not None
    first = f".head({count_of(found['n'], 5)})" if "n" in found else ""
    said = re.search(rf"\b(?:{MEASURE})\b", text, re.IGNORECASE)
    grouped = f"{frame.code}.groupby({_keys(by)}{_observed(frame, by)})[{columns[0]!r}]"
    order = "lowest first" if low else "highest first"
    of = f"{code(columns[0])} in {frame.label} by {listed(by)}"
    if said:
        method, label = method_of(said[0])
        value = f"{grouped}.{method}().sort_values(ascending={low}){first}"
        return table(frame, value, f"The {label} of {of}, {order}:")
    chosen = ["sum", "mean", "min" if low else "max"]
    value = f"{grouped}.agg({chosen!r}).sort_values('sum', ascending={low}){first}"
    words = f"Sum, mean and single {'lowest' if low else 'highest'} row of {of} (by sum, {order}):"
    return table(frame, value, words)


def _several(frame: Frame, columns: list[str], method: str, label: str) -> Plan:
    of = listed(columns) if columns else "the numeric columns"
    value = (
        f"{frame.code}[{columns!r}].{method}()"
        if columns
        else (f"{frame.code}.{method}(numeric_only=True)")
    )
    return table(frame, value, f"The {label} of {of} in {frame.label}:")


def table(frame: Frame, value: str, headline: str, imports: str | None = None) -> Plan:
    """Show a table that is computed from a frame."""
    outcome = yield run_code(f"{frame.imports if imports is None else imports}{value}")
    return shown(headline, outcome, frame)


def _correlated(frame: Frame, a: str, b: str) -> Plan:
    outcome = yield run_code(f"{frame.imports}print({frame.code}[{[a, b]!r}].corr().iloc[0, 1])")
    said = f"The correlation (Pearson) of {code(a)} and {code(b)} in {frame.label}"
    return noted(f"{said} is {number(outcome.text)}.", frame)


def one_column(s: Situation, text: str) -> tuple[Frame, str]:
    """Return the frame and the one column that `text` names. Raises PuzzledError."""
    frame = s.table()
    text = without_frame(text, frame.name)
    mentioned = frame.mentioned(text)
    if len(mentioned) > 1:
        raise PuzzledError(
            f"I take one column for this, and you named {listed(mentioned)}. Which one is meant?"
        )
    return frame, mentioned[0] if mentioned else frame.column(text)


def method_of(words: str) -> tuple[str, str]:
    """Return pandas' name of a measure, and how an answer says it. Raises PuzzledError."""
    simple = " ".join(words.lower().split())
    for said, method, label in _MEASURES:
        if simple in said.split("|"):
            return method, label
    raise PuzzledError(f"I do not know the measure {code(words)}.")


def check_numbers(frame: Frame, columns: list[str], method: str, label: str) -> None:
    """Raise PuzzledError where a measure needs numbers and a column holds text."""
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
    if name is None or s.variables[name].get("kind") not in SERIES or not name.isidentifier():
        return None
    return name


def _keys(by: list[str]) -> str:
    return repr(by[0]) if len(by) == 1 else repr(by)


def _observed(frame: Frame, by: list[str]) -> str:
    return ", observed=True" if any(frame.columns[c] == "category" for c in by) else ""


def count_of(text: str, default: int) -> int:
    """Return the number that `text` says, at least 1, at most 100 rows."""
    text = text.lower().strip()
    count = int(text) if text.isdigit() else _WORD_NUMBERS.get(text.split(" ")[0], default)
    return max(1, min(count, _MAX_ROWS))
