"""What the user dictates word for word: code to run, a cell to add (floor 1)."""

from __future__ import annotations

import re

from .answers import block
from .names import code
from .situation import Situation
from .steps import Call, Plan, PuzzledError, Words, run_code


def run(s: Situation, found: Words) -> Plan:
    """Run the code in the question, as it is."""
    source = (found.get("block", "") or found.get("inline", "") or found.get("bare", "")).strip()
    outcome = yield run_code(source)
    images = " An image came back, too." if outcome.images else ""
    return f"Done.{images}\n\n{block(outcome.text)}" if outcome.text else f"Done.{images}"


def add_cell(s: Situation, found: Words) -> Plan:
    """Add a cell at the notebook's end with the given source."""
    source = found.get("source", "").strip()
    fenced = re.fullmatch(r"```(?:\w*\n)?(.+?)```|`([^`]+)`", source, re.DOTALL)
    if fenced:
        source = (fenced[1] or fenced[2]).strip("\n")
    if not source:
        raise PuzzledError('What shall be in the cell? Say, for example, "add a cell: df.head()".')
    said = (found.get("type", "")).lower()
    arguments = {
        "source": source,
        "cell_type": "markdown" if said in ("markdown", "text") else "code",
    }
    cells = s.notebook.get("cells") or []
    if cells and cells[-1].get("id"):
        arguments["after"] = cells[-1]["id"]
    yield Call("insert_cell", arguments)
    return f"I added a {arguments['cell_type']} cell: {code(source.splitlines()[0])}."
