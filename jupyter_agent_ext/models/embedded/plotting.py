"""Plots: an image that comes back whatever backend the kernel uses (floor 1)."""

from __future__ import annotations

import re
from collections.abc import Callable

from . import names, templates
from .answers import block, noted
from .computing import MEASURE, check_numbers, method_of
from .frames import Frame, without_frame
from .names import code, counted, listed
from .situation import Situation
from .steps import Plan, PuzzledError, Words, run_code

_DATE_NAME = re.compile(r"date|time|day|month|year|week", re.IGNORECASE)
_SPLIT = re.compile(r"\s+(?:by|per|for each|against|versus|vs\.?|over|across)\s+", re.IGNORECASE)
_HOW = re.compile(rf"\b({MEASURE})\b", re.IGNORECASE)
_NO_COLUMNS = ("it", "this", "that", "them", "time", "data")
_MAX_BARS = 30
_MAX_BOXES = 12
_MAX_BINS = 1000

Drawing = tuple[str, str]


def histogram(s: Situation, found: Words) -> Plan:
    """Draw how a column's values are distributed."""
    frame, columns = _columns(s, found.get("what", ""))
    _at_most(1, columns)
    column = columns[0] if columns else _only_numeric(frame)
    if not frame.is_number(column) and not frame.is_time(column):
        drawn = f"{code(column)} holds no numbers, so these are counts: the bar chart"
        return _draw(frame, _counts(column), drawn, [column])
    bins = max(1, min(int(found.get("n", "20")), _MAX_BINS))
    drawing = (
        f"axes.hist(data[{column!r}].dropna(), bins={bins}, edgecolor='white')\n"
        f"axes.set(title={f'Histogram of {column}'!r}, xlabel={column!r}, ylabel='rows')"
    )
    return _draw(frame, drawing, "the histogram", [column])


def bar(s: Situation, found: Words) -> Plan:
    """Draw a bar for each value of a column: its rows, or a measure of another column."""
    frame, columns = _columns(s, found.get("what", ""))
    if not columns:
        raise _which(frame, "bar chart of sales by region")
    _at_most(2, columns)
    if len(columns) == 1:
        return _draw(frame, _counts(columns[0]), "the bar chart of the counts", columns)
    value, by = _value_and_key(frame, found.get("what", ""), columns)
    said = _HOW.search(s.query)
    method, label = method_of(said[1]) if said else ("sum", "sum")
    order = "" if by in frame.derived else ".sort_values(ascending=False)"
    drawing = (
        f"heights = data.groupby({by!r})[{value!r}].{method}()"
        f"{order}.head({_MAX_BARS})\n"
        "axes.bar(heights.index.astype(str), heights.to_numpy())\n"
        "axes.tick_params(axis='x', labelrotation=45 if len(heights) > 6 else 0)\n"
        f"axes.set(title={f'{label} of {value} by {by}'!r}, xlabel={by!r}, ylabel={value!r})"
    )
    return _draw(frame, drawing, f"the bar chart of the {label}", [value, by], " by ")


def line(s: Situation, found: Words) -> Plan:
    """Draw a column over another, or over the rows."""
    frame, columns = _columns(s, found.get("what", ""))
    times = [c for c in frame.columns if frame.is_time(c) or _DATE_NAME.search(c)]
    if not columns or columns == times[:1]:
        columns = [*[c for c in frame.numeric() if c not in times][:1], *columns]
    if not columns:
        raise _which(frame, "line plot of price over date")
    if len(columns) == 1 and times and re.search(r"\btime\b|\btrend\b", s.query, re.IGNORECASE):
        columns.append(times[0])
    if len(columns) == 1:
        drawing = (
            f"axes.plot(data.index, data[{columns[0]!r}])\n"
            f"axes.set(title={columns[0]!r}, xlabel='row', ylabel={columns[0]!r})"
        )
        return _draw(frame, drawing, "the line plot", columns)
    _at_most(2, columns)
    value, over = _value_and_key(frame, found.get("what", ""), columns)
    said = _HOW.search(s.query)
    method, label = (
        method_of(said[1])
        if said
        else ("sum", "sum")
        if over in frame.derived
        else ("mean", "mean")
    )
    text_time = not frame.is_number(over) and not frame.is_time(over) and over in times
    key = f"pd.to_datetime(data[{over!r}], errors='coerce')" if text_time else repr(over)
    drawing = (
        f"points = data.groupby({key})[{value!r}].{method}()\n"
        "axes.plot(points.index, points.to_numpy(), marker='o' if len(points) < 40 else None)\n"
        "axes.tick_params(axis='x', labelrotation=45)\n"
        f"axes.set(title={f'{label} of {value} over {over}'!r}, xlabel={over!r}, ylabel={value!r})"
    )
    return _draw(frame, drawing, f"the line plot of the {label}", [value, over], " over ")


def scatter(s: Situation, found: Words) -> Plan:
    """Draw one column against another."""
    frame, columns = _columns(s, found.get("what", ""))
    if len(columns) < 2:
        raise _which(frame, "scatter plot of price against quantity")
    _at_most(2, columns)
    a, b = columns[:2]
    x, y = (b, a) if re.search(r"\bagainst\b|\bvs\b|\bversus\b|\bover\b", s.query) else (a, b)
    drawing = (
        f"axes.scatter(data[{x!r}], data[{y!r}], s=16, alpha=0.7)\n"
        f"axes.set(title={f'{y} against {x}'!r}, xlabel={x!r}, ylabel={y!r})"
    )
    return _draw(frame, drawing, "the scatter plot", [y, x], " against ")


def box(s: Situation, found: Words) -> Plan:
    """Draw boxes of columns, or of one column for each value of another."""
    frame, columns = _columns(s, found.get("what", ""))
    if _SPLIT.search(found.get("what", "")) and len(columns) == 2:
        value, by = _value_and_key(frame, found.get("what", ""), columns)
        drawing = (
            f"groups = list(data.groupby({by!r})[{value!r}])[:{_MAX_BOXES}]\n"
            "axes.boxplot([values.dropna() for _, values in groups])\n"
            "axes.set_xticks(range(1, len(groups) + 1), [str(name) for name, _ in groups])\n"
            f"axes.set(title={f'{value} by {by}'!r}, xlabel={by!r}, ylabel={value!r})"
        )
        return _draw(frame, drawing, "the box plot", [value, by], " by ")
    columns = [c for c in columns if frame.is_number(c)] or frame.numeric()[:_MAX_BOXES]
    if not columns:
        raise PuzzledError(f"{code(frame.name)} has no columns with numbers to draw boxes of.")
    title = f"Box plot of {', '.join(columns[:4])}"
    drawing = (
        f"columns = {columns!r}\n"
        "axes.boxplot([data[column].dropna() for column in columns])\n"
        "axes.set_xticks(range(1, len(columns) + 1), columns)\n"
        f"axes.set(title={title!r})"
    )
    return _draw(frame, drawing, "the box plot", columns)


def heatmap(s: Situation, found: Words) -> Plan:
    """Draw the correlations of the columns with numbers."""
    frame, columns = _columns(s, re.sub(r"\bcorrelat\w*", " ", found.get("what", ""), flags=re.I))
    columns = columns or frame.numeric()
    check_numbers(frame, columns, "mean", "correlation")
    if len(columns) < 2:
        raise _which(frame, "heatmap of the correlations")
    drawing = (
        f"table = data[{columns!r}].corr()\n"
        "colours = axes.imshow(table, vmin=-1, vmax=1, cmap='coolwarm')\n"
        "axes.figure.colorbar(colours)\n"
        "axes.set_xticks(range(len(table)), table.columns, rotation=45, ha='right')\n"
        "axes.set_yticks(range(len(table)), table.columns)\n"
        "axes.set(title='Correlations (Pearson)')"
    )
    return _draw(frame, drawing, "the heatmap of the correlations", columns)


def plot(s: Situation, found: Words) -> Plan:
    """Draw what suits the columns."""
    frame, columns = _columns(s, found.get("what", ""))
    numbers = [c for c in columns if frame.is_number(c)]
    if len(columns) >= 2:
        over = [c for c in columns if frame.is_time(c) or _DATE_NAME.search(c)]
        rule: Callable[[Situation, Words], Plan] = line if over and numbers else bar
        return (scatter if len(numbers) >= 2 and not over else rule)(s, found)
    if len(columns) == 1:
        return (line if numbers else bar)(s, found)
    raise _which(frame, "histogram of price")


def _draw(
    frame: Frame, drawing: str, what: str, columns: list[str], between: str | None = None
) -> Plan:
    outcome = yield run_code(templates.plot(frame.code, drawing))
    of = between.join(code(c) for c in columns) if between else listed(columns)
    if not outcome.images and "[image" not in outcome.text:
        return f"The code ran, but no image came back.\n\n{block(outcome.text or '(no output)')}"
    start = "Here is " if what.startswith("the ") else ""
    return noted(f"{start}{what} of {of} in {frame.label}.", frame)


def _counts(column: str) -> str:
    return (
        f"heights = data[{column!r}].value_counts().head({_MAX_BARS})\n"
        "axes.bar(heights.index.astype(str), heights.to_numpy())\n"
        "axes.tick_params(axis='x', labelrotation=45 if len(heights) > 6 else 0)\n"
        f"axes.set(title={f'Rows by {column}'!r}, xlabel={column!r}, ylabel='rows')"
    )


def _columns(s: Situation, text: str) -> tuple[Frame, list[str]]:
    """Return the frame and the columns to draw. Raises PuzzledError for what is no column."""
    frame = s.table()
    text = without_frame(text, frame.name)
    found: list[str] = []
    for piece in _SPLIT.split(f" {text} "):
        mentioned = frame.mentioned(piece)
        rest = names.phrase(_HOW.sub(" ", piece))
        if not mentioned and re.search(r"\w", rest) and names.plain(rest) not in _NO_COLUMNS:
            mentioned = [frame.column(rest)]
        found += [column for column in mentioned if column not in found]
    return frame, found


def _value_and_key(frame: Frame, text: str, columns: list[str]) -> tuple[str, str]:
    """Return which column is measured and which one groups: "a by b", else by their types."""
    if not _SPLIT.search(text) and frame.is_number(columns[1]) and not frame.is_number(columns[0]):
        return columns[1], columns[0]
    return columns[0], columns[1]


def _at_most(count: int, columns: list[str]) -> None:
    if len(columns) > count:
        raise PuzzledError(
            f"I draw at most {counted(count, 'column')} in such a plot, and you named "
            f"{listed(columns)}. Choose {'one' if count == 1 else 'two'} of them."
        )


def _only_numeric(frame: Frame) -> str:
    if len(frame.numeric()) == 1:
        return frame.numeric()[0]
    raise _which(frame, "histogram of price")


def _which(frame: Frame, example: str) -> PuzzledError:
    columns = listed(list(frame.columns)[:20])
    return PuzzledError(
        f'Which columns shall I draw? {code(frame.name)} has {columns}. For example: "{example}".'
    )
