"""What the model is told of the notebook: within its budget, and what changed since."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_agent_ext.agent.notebook_map import (
    CHARS_PER_TOKEN,
    MAP_TOKENS,
    by_interest,
    notebook_map,
    reading,
    seen_changes,
)
from jupyter_agent_ext.operations import source_hash
from jupyter_agent_ext.records import Cell
from tests.scripted_model import Call, Text

from .conftest import user_text
from .page import digest


def cell(index, source, count=None):
    return Cell(f"cell-{index:04}", "code", source, source_hash(source), index, count)


def cells_of(count, lines=1):
    return [cell(i, "\n".join(f"v{i}_{n} = {n}" for n in range(lines))) for i in range(count)]


def told(cells, **options):
    text = notebook_map("nb.ipynb", cells, **options)
    return text, json.loads(text)


def test_a_short_notebook_is_told_whole():
    _, body = told(cells_of(10, 5))
    assert [c["id"] for c in body["cells"]] == [f"cell-{i:04}" for i in range(10)]
    assert all("source" in c and "hash" in c for c in body["cells"])
    assert (body["left_out"], body["total"]) == (0, 10)
    assert "others" not in body


@pytest.mark.parametrize(("count", "lines"), [(500, 100), (10_000, 3), (3, 50_000), (0, 0)])
def test_any_notebook_stays_within_the_budget(count, lines):
    text, body = told(cells_of(count, lines), active="cell-0002")
    assert len(text) <= MAP_TOKENS * CHARS_PER_TOKEN
    named = len(body["cells"]) + len(body.get("others", ()))
    assert named + body["left_out"] == count
    if body["left_out"]:
        assert body["left_out_indices"]


def test_five_hundred_long_cells_have_a_line_each():
    _, body = told(cells_of(500, 100))
    assert body["left_out"] == 0
    assert body["others"][0].startswith("cell-0000 code 100 v0_0 = 0")


def test_the_sources_around_the_active_cell_come_first_then_the_newest():
    cells = [cell(i, "x" * 2900, count=i if i < 400 else None) for i in range(500)]
    _, body = told(cells, active="cell-0100")
    with_source = {c["id"] for c in body["cells"] if "source" in c}
    assert {"cell-0099", "cell-0100", "cell-0101"} <= with_source
    _, body = told(cells)
    with_source = [c["id"] for c in body["cells"] if "source" in c]
    assert with_source[-1] == "cell-0399", "the cell that ran last"


def test_a_cut_source_says_how_much_is_missing():
    _, body = told([cell(0, "x" * 5000)])
    assert body["cells"][0]["source_left_out"] == 2000


@given(
    st.lists(st.tuples(st.text(max_size=300), st.none() | st.integers(0, 99)), max_size=60),
    st.integers(200, 3000),
    st.integers(0, 80),
)
def test_the_map_is_bounded_and_counts_right_for_any_cells(made, tokens, active):
    cells = [cell(i, source, count) for i, (source, count) in enumerate(made)]
    text, body = told(cells, active=f"cell-{active:04}", tokens=tokens)
    assert len(text) <= tokens * CHARS_PER_TOKEN
    assert len(body["cells"]) + len(body.get("others", ())) + body["left_out"] == len(cells)
    assert sorted(by_interest(cells, f"cell-{active:04}")) == list(range(len(cells)))


def test_what_changed_since_is_named_and_the_reading_is_a_difference():
    seen = {"cell-0000": source_hash("a"), "cell-0001": source_hash("b"), "gone": "0" * 16}
    cells = [cell(0, "a"), cell(1, "b2"), cell(2, "c")]
    changed = {"new": ["cell-0002"], "edited": ["cell-0001"], "deleted": ["gone"]}
    assert seen_changes(seen, cells) == changed
    data = reading(seen, cells)
    assert set(data["set"]) == {"cell-0001", "cell-0002"}
    assert data["gone"] == ["gone"]
    assert reading({c.cell_id: c.hash for c in cells}, cells) is None
    assert seen_changes({}, cells) == {}, "nothing was looked at before"


async def test_the_agent_is_told_which_cells_the_person_changed_but_not_its_own(
    api, book, attach, scripted_model
):
    path, cells = book
    page, session = await attach(path)
    (first, source), (second, _), (third, _) = cells
    scripted_model.script(
        Call("edit_cell", {"cell_id": first, "hash": digest(source), "source": "a = 'mine'"})
    )
    scripted_model.script(Text("done"))
    await api.quick("Edit", notebook=path)
    page.cell(path, second)["source"] = "b = 'the person was here'"
    page.notebooks[path] = [c for c in page.notebooks[path] if c["id"] != third]
    page.tell(path, active_cell=second)
    scripted_model.script(Text("I see"))
    await api.quick("And now?", notebook=path)
    text = user_text(scripted_model.requests[-1])
    envelope = text[text.index('<data kind="notebook">') :]
    body = json.loads(envelope[envelope.index("{") : envelope.index("\n</data>")])
    assert body["changed_since_you_looked"] == {"edited": [second], "deleted": [third]}
    assert body["active"] == second
    kinds = page.kinds(session)
    assert kinds.count("notebook.read") == 2
    scripted_model.script(Text("same"))
    await api.quick("Again?", notebook=path)
    assert "changed_since_you_looked" not in user_text(scripted_model.requests[-1])
