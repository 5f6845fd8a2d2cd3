"""Errors explained, and what to say where the analyst is out of its depth (floor 1)."""

from __future__ import annotations

import re

from . import names, templates
from .answers import block
from .names import code, listed
from .situation import Situation
from .steps import Outcome, Plan, Words, run_code

_ERROR = re.compile(
    r"^(?:[\w.]+\.)?([A-Z]\w*(?:Error|Exception|Warning|Interrupt|Exit|Iteration))(?::\s*(.*))?$",
    re.MULTILINE,
)
_NO_MEASURE = re.compile(r"(?:^|[\W_])(?:id|index|date|time)$|^unnamed", re.IGNORECASE)
_QUOTED = re.compile(r"['\"]([^'\"]+)['\"]")

_ADVICE = {
    "ModuleNotFoundError": "The package is not installed for this kernel. Run `%pip install {0}` "
    "in a cell, then try again.",
    "ImportError": "A package that this needs is missing or too old. The message names it; "
    "install it with `%pip install …` in a cell.",
    "FileNotFoundError": "There is no such file where the kernel runs. Check the path: it is "
    "relative to the notebook's folder.",
    "PermissionError": "The file may not be read or written by the user that runs the kernel.",
    "NameError": "This name has not been defined in this kernel: the cell that defines it has not "
    "run yet, the kernel was restarted, or the name is misspelt.",
    "KeyError": "There is no such column, key or label. Check its spelling and its case.",
    "IndexError": "A position lies outside the sequence: count its elements first.",
    "AttributeError": "The object has no such attribute or method. Check its type and spelling.",
    "TypeError": "An operation got a type that it does not work with, for example text where a "
    "number is needed. Look at the types of what goes in.",
    "ValueError": "The type is right, but a value is not, for example text that is no number or "
    "lengths that do not match.",
    "ZeroDivisionError": "Something was divided by zero. Check the divisor first.",
    "SyntaxError": "Python could not read the code: look for an unclosed bracket or quote, or a "
    "missing colon, at the line that is marked or just above.",
    "IndentationError": "The lines do not line up: use the same indentation within a block.",
    "MemoryError": "There was not enough memory. Work on fewer rows or columns at a time.",
    "UnicodeDecodeError": "The file is not UTF-8. Try `encoding='latin-1'` when reading it.",
    "ParserError": "The file is not as regular as expected: check its separator and quotes.",
    "EmptyDataError": "The file holds no data.",
    "RecursionError": "A function calls itself without end.",
    "KeyboardInterrupt": "The code was interrupted.",
}

# Modules whose package has another name.
_PACKAGES = {
    "sklearn": "scikit-learn",
    "skimage": "scikit-image",
    "cv2": "opencv-python",
    "PIL": "pillow",
    "yaml": "pyyaml",
    "bs4": "beautifulsoup4",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "docx": "python-docx",
    "pptx": "python-pptx",
    "fitz": "pymupdf",
    "serial": "pyserial",
    "psycopg2": "psycopg2-binary",
    "MySQLdb": "mysqlclient",
    "Crypto": "pycryptodome",
    "OpenSSL": "pyopenssl",
    "git": "gitpython",
    "jwt": "pyjwt",
    "umap": "umap-learn",
}

_HELP = """\
I am the embedded rule-based helper: no language model, nothing leaves this machine. I look at \
the live variables of your kernel and answer everyday questions about tables. Try:

- load {file} · what files are there?
- what variables are there? · what is {frame}?
- what columns are there? · how many rows? · data types · missing values
- show the first 5 rows · describe {frame} · unique values of {text} · value counts of {text}
- mean of {number} · sum of {number} by {text} · top 5 by {number} · rows where {number} > 10
- histogram of {number} · bar chart of {number} by {text} · scatter plot, line plot, box plot
- {number} by month · 90th percentile of {number} · second highest {number} · sample 3 rows
- mean of {number} where {text} is … · … for one value only · … excluding … · … in 2024
- drop rows with missing values · rename column a to b · add a column c = a * b
- correlation between two columns · explain the last error · what changed?

A question with words that I do not understand I refuse, rather than answer another one."""

_REAL_MODEL = (
    "For anything else choose a real model: `PUT agent/models/{provider}/key` keeps its key on "
    'this server, then `PATCH agent/sessions/{id}` with `{"model": "provider/name"}` chooses it '
    "(or set `c.AgentSessionManager.default_model`); `GET agent/models` lists what is there."
)


def helping(s: Situation, found: Words) -> str:
    """Say what the analyst can do."""
    return f"{_HELP.format(**_examples(s))}\n\n{_REAL_MODEL}"


def thanks(s: Situation, found: Words) -> str:
    """Answer thanks."""
    return "You are welcome."


def not_understood(s: Situation) -> str:
    """Say plainly that the question was not understood, and what would be."""
    e = _examples(s)
    return (
        "I am the embedded rule-based helper, not a language model, and I do not understand that "
        f'question. I can answer, for example: "load {e["file"]}", "what columns are there?", '
        f'"mean of {e["number"]} by {e["text"]}", "histogram of {e["number"]}", "missing values", '
        f'"explain the last error". Say "help" for more.\n\n{_REAL_MODEL}'
    )


def last_error(s: Situation, found: Words) -> str | Plan:
    """Explain the error of the turn before, else the last one that the kernel has seen."""
    for message in reversed(s.past):
        if message.role == "user":
            break
        for part in message.parts:
            if part["type"] == "tool_result" and part["status"] == "error":
                text = "\n".join(c["text"] for c in part["content"] if c["type"] == "text")
                return _explained(s, re.sub(r"^</?data.*$", "", text, flags=re.MULTILINE))
    return _from_kernel(s)


def failed(s: Situation, outcome: Outcome) -> str:
    """Say why the turn ends after a call that did not end well."""
    if outcome.status == "denied":
        return _denied(outcome)
    if outcome.status == "interrupted":
        said = _first_line(outcome.text) or "It was interrupted."
        return f"That step did not come to its end, and I do not repeat it by myself. {said}"
    gone = re.search(r"no kernel is running|kernel.{0,40}(?:died|is dead|dead)", outcome.text, re.I)
    if gone and not _ERROR.match(outcome.text.lstrip()):
        return (
            "The kernel is not running any more, so that was not done. Restart it from the "
            "notebook's Kernel menu, or run a cell; its variables are gone."
        )
    return f"That did not work. {_explained(s, outcome.text)}"


def _denied(outcome: Outcome) -> str:
    """Say for a person why a step was not run: the mode forbids it, or somebody said no."""
    if re.search(r"\bread-only\b", outcome.text):
        return (
            "This session is in read-only mode, so I ran nothing and changed nothing. To let me "
            "run code, choose another mode: in the panel, or by `PATCH agent/sessions/{id}` with "
            '`{"mode": "ask"}` (I then ask before each step). Then ask again.'
        )
    reason = re.match(r"The person denied this call: (.+)", outcome.text, re.DOTALL)
    said = f" Your reason: {_first_line(reason[1])}" if reason else ""
    return f"You did not allow that step, so it was not run.{said}"


def _from_kernel(s: Situation) -> Plan:
    outcome = yield run_code(templates.LAST_ERROR)
    if outcome.text.strip() == "no error":
        return "No error has been raised in this kernel so far."
    return f"{_explained(s, outcome.text)}\n\n{block(outcome.text)}"


def _explained(s: Situation, text: str) -> str:
    errors = _ERROR.findall(text)
    if not errors:
        return _first_line(text)
    # Our tools put the error first, Python's tracebacks put it last.
    first = _ERROR.match(text.lstrip())
    name, value = (first[1], first[2] or "") if first else errors[-1]
    quoted = _QUOTED.search(value)
    thing = quoted[1] if quoted else value
    module = thing.split(".")[0]
    advice = _ADVICE.get(name, "").format(_PACKAGES.get(module, module))
    said = f"{name}: {value}" if value else name
    return f"The error is {code(said, 300)}. {advice}{_meant(s, name, thing)}".rstrip()


def _meant(s: Situation, name: str, thing: str) -> str:
    known: list[str] = []
    if name == "NameError":
        known = list(s.variables)
    elif name == "KeyError":
        known = [column for frame in s.frames for column in frame.columns]
    near = [n for n in names.close(thing, known) if n != thing]
    return f" Did you mean {listed(near, 'or')}?" if near else ""


def _first_line(text: str) -> str:
    return next((line.strip()[:500] for line in text.splitlines() if line.strip()), "")


def _examples(s: Situation) -> dict[str, str]:
    examples = {"file": "sales.csv", "frame": "df", "number": "price", "text": "region"}
    if s.frames:
        frame = s.frames[0]
        numeric = [c for c in frame.numeric() if not _NO_MEASURE.search(c)]
        texts = [c for c in frame.columns if frame.is_text(c) and not _NO_MEASURE.search(c)]
        examples["frame"] = frame.name
        examples["number"] = numeric[0] if numeric else examples["number"]
        examples["text"] = texts[0] if texts else examples["text"]
    return examples
