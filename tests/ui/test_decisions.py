"""Tool calls wait for the person: approve, edit, always, deny, and questions."""

from __future__ import annotations

import pytest

from tests.scripted_model import Call, Text


@pytest.fixture
def person(lab, open_page, script, request):
    person = open_page(lab.notebook(f"{request.node.name}.ipynb", "x = 1"))
    person.use_scripted_model()
    return person


def told(script):
    """What the model was told of its last call."""
    return script.requests[-1].body["messages"][-1]["content"]


def test_approved_code_runs_and_shows_its_output(person, script):
    script.script(Text("Let me look."), Call("run_code", {"code": "print('six', 2 * 3)"}))
    script.script(Text("It is **6**."))
    person.ask("What is 2 * 3?")
    card = person.card("run_code")
    card.get_by_text("Waiting for you").wait_for()
    person.panel.get_by_text("The agent waits for your decision.").wait_for()
    assert "print('six', 2 * 3)" in card.inner_text()
    person.button("Approve").click()
    assert "It is 6." in person.answered()
    assert "six 6" in card.inner_text()
    assert "Done" in card.inner_text()
    assert "six 6" in told(script)


def test_edited_code_runs_instead_and_the_model_is_told(person, script):
    script.script(Call("run_code", {"code": "print('dangerous')"}))
    script.script(Text("Fine."))
    person.ask("Go")
    person.button("Edit").click()
    editor = person.card("run_code").locator(".cm-content")
    editor.click()
    person.page.keyboard.press("Control+A")
    person.page.keyboard.type("print('harm' + 'less')")
    person.button("Approve the edited version").click()
    person.answered()
    assert "harmless" in told(script)
    assert "The person changed the arguments" in told(script)
    assert "dangerous" not in person.card("run_code").inner_text()


def test_denied_with_a_reason(person, script):
    script.script(Call("run_code", {"code": "open('made', 'w')"}))
    script.script(Text("Understood."))
    person.ask("Go")
    person.button("Deny").click()
    person.panel.get_by_label("Why not").fill("not now")
    person.button("Deny").click()
    person.answered()
    assert "not now" in told(script)
    assert "Denied" in person.card("run_code").inner_text()
    assert not (person.lab.root / "made").exists()


def test_always_asks_no_second_time(person, script):
    script.script(Call("run_code", {"code": "a = 1"}))
    script.script(Call("run_code", {"code": "a = 2"}))
    script.script(Text("Done."))
    person.ask("Go")
    person.button("Always").click()
    person.answered()
    assert person.card("run_code").count() == 2
    assert "Done" in person.card("run_code").nth(1).inner_text()


def test_a_question_is_answered_by_an_option_or_in_own_words(person, script):
    question = {"question": "Which column?", "options": ["price", "units"]}
    for said in ("units", "none of them"):
        script.script(Call("ask_user", question))
        script.script(Text(f"You said {said}."))
    person.ask("Plot a column")
    person.button("units").click()
    assert "You said units." in person.answered(1)
    assert "units" in told(script)
    person.ask("Again")
    person.panel.get_by_label("Your answer").fill("none of them")
    person.button("Answer").click()
    person.answered(2)
    assert "none of them" in told(script)


def test_all_arguments_are_there_also_the_long_ones(person, script):
    code = "\n".join(f"value_{n} = {n}" for n in range(500)) + "\nlast_line = 'seen'"
    script.script(Call("run_code", {"code": code}))
    script.script(Text("ok"))
    person.ask("Go")
    card = person.card("run_code")
    card.get_by_text("All arguments").click()
    assert "last_line = 'seen'" in card.locator(".jp-Agent-arguments pre").inner_text()
    assert "last_line = 'seen'" in card.locator(".jp-Agent-block").inner_text()
    person.button("Approve").click()
    person.answered()
