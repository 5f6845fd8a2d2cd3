"""Answers that stream: stop, queue, reload, a second page, a lost connection."""

from __future__ import annotations

import threading

import pytest

from tests.scripted_model import Call, Endless, Text, Until

DOT = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg"
    "=="
)


@pytest.fixture
def person(lab, open_page, script, request):
    person = open_page(lab.notebook(f"{request.node.name}.ipynb", "x = 1"))
    person.use_scripted_model()
    return person


@pytest.fixture
def gate():
    event = threading.Event()
    yield event
    event.set()


def test_stop_ends_the_answer_and_keeps_what_was_said(person, script):
    script.script(Text("It goes "), Endless("on", 0.01))
    person.ask("Tell me everything")
    person.hears("It goes on")
    person.button("Stop").click()
    person.panel.get_by_text("Stopped.").wait_for()
    assert person.button("Stop").count() == 0


def test_questions_in_the_meantime_are_queued_and_shown_as_queued(person, script, gate):
    script.script(Text("First "), Until(gate), Text("answer."))
    script.script(Text("Second answer."))
    person.ask("One")
    person.hears("First")
    person.ask("Two")
    person.panel.get_by_text("Queued: it is asked when the agent has finished.").wait_for()
    gate.set()
    assert "Second answer." in person.answered(2)
    assert "First answer." in person.turns.nth(0).inner_text()


def test_a_reload_in_mid_turn_shows_the_same_conversation_still_running(person, script, gate):
    script.script(Call("list_files", {}))
    script.script(Text("Before the reload, "), Until(gate), Text("and after."))
    person.ask("Talk")
    person.hears("Before the reload,")
    person.reload()
    person.hears("Before the reload,")
    assert person.turns.count() == 1
    assert person.card("list_files").count() == 1
    gate.set()
    assert "Before the reload, and after." in person.answered()


def test_a_second_browser_shows_the_same_conversation(person, script, open_page, gate):
    script.script(Text("Seen by "), Until(gate), Text("both."))
    person.ask("Talk")
    person.hears("Seen by")
    other = open_page(f"{person.notebook('panel.context.path')}")
    other.hears("Seen by")
    gate.set()
    assert "Seen by both." in person.answered()
    assert "Seen by both." in other.answered()


def test_a_lost_connection_is_told_and_mended(lab, open_page, script, gate):
    wires = []

    def wire(route):
        wires.append(route)
        route.connect_to_server()

    person = open_page(
        lab.notebook("lost.ipynb", "x = 1"),
        before=lambda page: page.route_web_socket(lambda url: url.endswith("/agent/ws"), wire),
    )
    person.use_scripted_model()
    script.script(Text("One "), Until(gate), Text("two."))
    person.ask("Count")
    person.hears("One")
    wires[-1].close()
    person.panel.get_by_text("Connecting to the server").wait_for()
    person.panel.get_by_text("Connecting to the server").wait_for(state="detached")
    assert len(wires) == 2
    person.hears("One")
    gate.set()
    assert "One two." in person.answered()
    assert person.turns.count() == 1


def test_a_pasted_picture_and_a_dropped_text_go_along(person, script):
    script.script(Text("Seen."))
    transfer = """data => {
        const files = new DataTransfer();
        const bytes = Uint8Array.from(atob(data), c => c.charCodeAt(0));
        files.items.add(new File([bytes], 'dot.png', { type: 'image/png' }));
        files.items.add(new File(['some words'], 'note.txt', { type: 'text/plain' }));
        return files;
    }"""
    person.composer.evaluate(
        "(box, data) => box.dispatchEvent(new DragEvent('drop', "
        f"{{ bubbles: true, cancelable: true, dataTransfer: ({transfer})(data) }}))",
        DOT,
    )
    person.panel.get_by_role("list", name="Attachments").get_by_text("note.txt").wait_for()
    person.ask("What is this?")
    person.answered()
    asked = str(script.requests[-1].body["messages"])
    assert "some words" in asked
    person.turns.nth(0).locator(".jp-Agent-asked img").wait_for()
    assert person.panel.get_by_role("list", name="Attachments").count() == 0


def test_markdown_math_and_code_are_rendered_while_they_stream(person, script, gate):
    script.script(
        Text("# Title\n\nThe mean is $\\bar x$.\n\n", "| a | b |\n|---|---|\n| 1 | 2 |\n\n"),
        Text("```python\nvalue = 42\n"),
        Until(gate),
        Text("print(value)\n```\n\nDone."),
    )
    person.ask("Show")
    person.panel.locator(".jp-Agent-openFence", has_text="value = 42").wait_for()
    person.panel.locator("td", has_text="2").wait_for()
    gate.set()
    person.answered()
    assert person.panel.locator("mjx-container").count() == 1
    assert person.panel.locator(".jp-Agent-openFence").count() == 0
    person.panel.get_by_role("button", name="Insert as a cell below and run it").click()
    person.page.wait_for_function(
        "window.jupyterapp.shell.currentWidget.model.sharedModel.cells.at(-1)"
        ".toJSON().execution_count"
    )
    assert person.sources() == ["x = 1", "value = 42\nprint(value)"]
    person.panel.get_by_role("button", name="Replace the active cell").click()
    assert person.sources()[-1] == "value = 42\nprint(value)"


def test_the_end_stays_in_view_until_the_person_scrolls_away(person, script, gate):
    lines = [f"Line {n}.\n\n" for n in range(60)]
    script.script(Text(*lines), Until(gate), Text(*lines, "The very end."))
    person.ask("Talk")
    person.hears("Line 59.")
    log = person.panel.get_by_role("log")
    at_end = "node => node.scrollHeight - node.scrollTop - node.clientHeight < 40"
    person.page.wait_for_function(at_end, arg=log.element_handle())
    log.hover()
    person.page.mouse.wheel(0, -400)
    person.button("To the end").wait_for()
    top = log.evaluate("node => node.scrollTop")
    gate.set()
    person.answered()
    assert log.evaluate("node => node.scrollTop") == top
    person.button("To the end").click()
    person.page.wait_for_function(at_end, arg=log.element_handle())


def test_an_output_is_shown_as_it_arrives(person, script):
    code = "import time\nfor i in range(3):\n    print('step', i, flush=True)\n    time.sleep(0.4)"
    script.script(Call("run_code", {"code": code}))
    script.script(Text("Done."))
    person.ask("Run")
    person.button("Approve").click()
    card = person.card("run_code")
    card.locator(".jp-Agent-output", has_text="step 0").wait_for()
    assert "Running" in card.inner_text()
    person.answered()
    assert "step 2" in card.inner_text()
