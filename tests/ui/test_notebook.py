"""The agent and the notebook in front of the person: edits, runs, undo, several notebooks."""

from __future__ import annotations

import hashlib

import pytest

from tests.scripted_model import Call, Text


def digest(source):
    return hashlib.sha256(source.encode()).hexdigest()[:16]


@pytest.fixture
def write(lab, request):
    def write(*sources, name=""):
        return lab.notebook(f"{request.node.name}{name}.ipynb", *sources)

    return write


def test_an_edit_is_shown_as_a_difference_and_undone_by_the_notebook(open_page, write, script):
    person = open_page(write("a = 1\nb = 2\nc = 3", "mine"))
    person.use_scripted_model()
    old, new = "a = 1\nb = 2\nc = 3", "a = 1\nb = 20\nc = 3"
    script.script(Call("edit_cell", {"cell_id": "cell1", "hash": digest(old), "source": new}))
    script.script(Text("Changed."))
    # the person is typing in another cell
    person.page.locator(".jp-Cell .cm-content").nth(1).click()
    person.page.keyboard.press("End")
    person.page.evaluate("window.jupyterapp.shell.activateById('jupyter-agent-ext-panel')")
    person.ask("Make b twenty")
    card = person.card("edit_cell")
    card.locator(".cm-changedLine, .cm-insertedLine").first.wait_for()
    assert person.sources()[0] == old
    person.button("Approve").click()
    person.answered()
    assert person.sources() == [new, "mine"]
    assert person.notebook("panel.content.activeCellIndex") == 1
    assert person.page.locator(".jp-Agent-changedCell").count() == 1
    person.page.locator(".jp-Cell .cm-content").first.click()
    person.page.wait_for_function("!document.querySelector('.jp-Agent-changedCell')")
    person.page.keyboard.type("# typed later ")
    person.page.keyboard.press("Escape")
    person.command("jupyter-agent-ext:undo-last-edit")
    person.page.wait_for_function(
        "window.jupyterapp.shell.currentWidget.model.sharedModel.cells[0].getSource()"
        ".includes('b = 20') === false"
    )
    assert "# typed later" in person.sources()[0]


def test_a_new_cell_is_inserted_and_run_in_the_page(open_page, write, script):
    person = open_page(write("x = 20"))
    person.run_all()
    person.use_scripted_model()
    person.set_mode("auto")
    script.script(Call("insert_cell", {"source": "print('made by the agent', x + 1)"}))
    script.respond(lambda asked: run_last(asked))
    person.ask("Add a cell and run it")
    person.answered()
    outputs = person.notebook("JSON.stringify(panel.model.sharedModel.cells.at(-1).toJSON())")
    assert "made by the agent 21" in outputs
    assert "made by the agent 21" in person.page.locator(".jp-OutputArea").last.inner_text()


def run_last(asked):
    """Run the cell that was inserted, then say so."""
    results = [m["content"] for m in asked.body["messages"] if m["role"] == "tool"]
    if len(results) == 1:
        cell_id = results[0].split('"inserted":"', 1)[1].split('"', 1)[0]
        return [Call("run_cell", {"cell_id": cell_id})]
    return [Text("It ran.")]


def test_an_edit_on_a_stale_cell_leaves_what_the_person_typed(open_page, write, script):
    person = open_page(write("a = 1"))
    person.use_scripted_model()
    args = {"cell_id": "cell1", "hash": digest("a = 1"), "source": "a = 2"}
    script.script(Call("edit_cell", args))
    script.script(Text("It has changed."))
    person.ask("Change it")
    person.card("edit_cell").get_by_text("Waiting for you").wait_for()
    person.page.evaluate(
        "window.jupyterapp.shell.currentWidget.model.sharedModel.cells[0].setSource('mine = 3')"
    )
    person.button("Approve").click()
    person.answered()
    assert person.sources() == ["mine = 3"]
    assert "mine = 3" in script.requests[-1].body["messages"][-1]["content"]


def test_what_was_typed_and_not_saved_is_what_the_agent_reads(open_page, write, script):
    person = open_page(write("saved = 1"))
    person.use_scripted_model()
    person.page.evaluate(
        "window.jupyterapp.shell.currentWidget.model.sharedModel.cells[0].setSource('unsaved = 2')"
    )
    script.script(Call("read_notebook", {}))
    script.script(Text("I see."))
    person.ask("Look")
    person.answered()
    assert "unsaved = 2" in script.requests[-1].body["messages"][-1]["content"]


def test_an_edit_reaches_a_notebook_whose_panel_is_hidden_and_that_others_asked_for(
    lab, open_page, write, script
):
    path = write("a = 1")
    person = open_page(path)
    person.command("application:toggle-right-area")
    script.script(Call("insert_cell", {"source": "asked = 'over REST'"}))
    script.script(Text("Done."))
    body = {
        "query": "Insert it",
        "context": {"notebook_id": path},
        "mode": "auto",
        "model": "openai/scripted",
    }
    answer = lab.api("POST", "agent/quick", body)
    assert answer["status"] == "completed", answer
    assert person.sources() == ["a = 1", "asked = 'over REST'"]


def test_two_notebooks_keep_their_conversations_apart(lab, open_page, write):
    first, second = write("one = 1", name="-1"), write("two = 2", name="-2")
    person = open_page(first)
    person.run_all()
    person.ask("What variables are there?")
    assert "one" in person.answered(1)
    person.command("docmanager:open", path=second)
    person.page.wait_for_function(
        "path => window.jupyterapp.shell.currentWidget?.context?.path === path", arg=second
    )
    person.panel.get_by_text("Ask about this notebook. The agent").wait_for()
    person.until_idle()
    person.run_all()
    person.ask("What variables are there?")
    answer = person.answered(1)
    assert "two" in answer
    assert "one" not in answer.replace("None", "")
    person.command("docmanager:open", path=first)
    person.panel.get_by_text("one", exact=True).first.wait_for()
    assert person.turns.count() == 1


def test_a_restarted_kernel_has_no_variables_and_the_agent_knows(open_page, write):
    person = open_page(write("before = 1"))
    person.run_all()
    variable = person.panel.locator(".jp-Agent-variable", has_text="before")
    variable.wait_for()
    person.page.evaluate(
        "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()"
    )
    variable.wait_for(state="detached")
    person.until_idle()
    person.ask("What variables are there?")
    assert (
        "before" not in person.answered(1).split("What variables are there?")[-1].split("lost")[0]
    )


def test_a_renamed_notebook_keeps_its_conversation(lab, open_page, write):
    path = write("x = 1")
    person = open_page(path)
    person.ask("What variables are there?")
    person.answered(1)
    new = path.replace(".ipynb", "-renamed.ipynb")
    person.page.evaluate(
        "([path, to]) => window.jupyterapp.serviceManager.contents.rename(path, to)", [path, new]
    )
    person.panel.get_by_role("heading", name=new).wait_for()
    person.ask("What variables are there?")
    person.answered(2)
    sessions = lab.api("GET", f"agent/sessions?notebook={new}")["sessions"]
    assert [line["turn_count"] for line in sessions] == [2]


def test_fix_with_agent_asks_about_the_failed_cell(open_page, write, script):
    person = open_page(write("x = 1", "1 / 0"))
    person.use_scripted_model()
    person.run_all()
    script.script(Text("Do not divide by zero."))
    person.page.get_by_role("button", name="Fix with agent").click()
    person.answered()
    asked = script.requests[-1].last_user_text
    assert "@cell:2" in asked
    assert "ZeroDivisionError" not in asked  # an output is no word of the person's
    assert "1 / 0" in str(script.requests[-1].body["messages"])
    assert person.notebook("panel.content.activeCellIndex") == 1


def test_sessions_are_listed_searched_renamed_and_deleted(open_page, write):
    person = open_page(write("x = 1"))
    person.ask("Is there a quokka?")
    person.answered(1)
    person.panel.get_by_role("button", name="New session").click()
    person.panel.get_by_text("Ask about this notebook. The agent").wait_for()
    person.ask("What files are here?")
    person.answered(1)
    person.panel.get_by_role("button", name="Sessions of this notebook").click()
    lines = person.panel.locator(".jp-Agent-sessionLine")
    lines.nth(1).wait_for()
    person.panel.get_by_label("Search the sessions").fill("quokka")
    person.page.wait_for_function("document.querySelectorAll('.jp-Agent-sessionLine').length === 1")
    person.panel.get_by_role("button", name="Rename “Is there a quokka?”").click()
    person.page.locator(".jp-Dialog input").fill("The first one")
    person.page.locator(".jp-Dialog").get_by_role("button", name="Ok").click()
    person.panel.get_by_label("Search the sessions").fill("")
    lines.filter(has_text="The first one").wait_for()
    person.panel.get_by_role("button", name="Delete “What files are here?”").click()
    person.page.locator(".jp-Dialog").get_by_role("button", name="Delete").click()
    person.page.wait_for_function("document.querySelectorAll('.jp-Agent-sessionLine').length === 1")
    lines.first.click()
    person.panel.locator(".jp-Agent-asked", has_text="Is there a quokka?").wait_for()
