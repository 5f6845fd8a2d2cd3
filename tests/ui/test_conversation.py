"""The first conversation, with the embedded model and a real kernel."""

from __future__ import annotations

import shutil

from tests.ui.conftest import ROOT


def test_a_first_visit_needs_no_key(lab, open_page):
    """Load, look, plot, change by hand, look again: the agent sees what is there now."""
    shutil.copy(ROOT / "examples" / "analysis.ipynb", lab.root / "visit.ipynb")
    person = open_page("visit.ipynb")
    person.panel.get_by_text("Answers come from built-in rules").wait_for()
    person.set_mode("auto")
    person.ask("Load sales.csv")
    assert "1,000" in person.answered(1)
    person.panel.locator(".jp-Agent-variable", has_text="df").get_by_text("1000 × 8").wait_for()

    person.ask("What columns does the data have?")
    assert "revenue" in person.answered(2)

    person.ask("Plot a histogram of revenue")
    person.answered(3)
    picture = person.turns.nth(2).locator("img").first
    picture.wait_for()
    assert picture.evaluate("img => img.complete && img.naturalWidth > 100")

    person.page.evaluate(
        """() => {
            const { content, model } = window.jupyterapp.shell.currentWidget;
            content.activeCellIndex = content.widgets.length - 1;
            model.sharedModel.cells.at(-1).setSource("df = df.drop(columns=['discount'])");
            return window.jupyterapp.commands.execute('notebook:run-cell');
        }"""
    )
    changed = person.panel.locator(".jp-Agent-variable", has_text="df")
    changed.get_by_text("1000 × 7").wait_for()
    changed.get_by_text("changed", exact=True).wait_for()
    person.ask("What columns does the data have?")
    assert "7 columns" in person.answered(4)


def test_a_clicked_variable_and_an_example_go_into_the_composer(lab, open_page):
    person = open_page(lab.notebook("click.ipynb", "numbers = [1, 2, 3]"))
    person.run_all()
    person.panel.locator(".jp-Agent-variable", has_text="numbers").click()
    assert person.composer.input_value() == "@numbers "
    person.panel.get_by_role("button", name="What variables are there?").click()
    assert person.composer.input_value() == "@numbers What variables are there?"


def test_mentions_and_commands_are_completed_by_keyboard(lab, open_page):
    person = open_page(lab.notebook("keys.ipynb", "weights = {'a': 1}"))
    person.run_all()
    person.panel.locator(".jp-Agent-variable", has_text="weights").wait_for()
    person.composer.press_sequentially("look at @wei")
    person.suggestions.get_by_role("option", name="weights dict").wait_for()
    person.composer.press("Enter")
    assert person.composer.input_value() == "look at @weights "
    person.composer.press_sequentially("and @file:sal")
    person.suggestions.get_by_role("option", name="sales.csv").wait_for()
    person.composer.press("Tab")
    assert person.composer.input_value() == "look at @weights and @file:sales.csv "
    person.composer.fill("")
    person.composer.press_sequentially("/mo")
    person.suggestions.get_by_text("/mode", exact=True).wait_for()
    assert person.suggestions.get_by_role("option").count() == 2
    person.composer.press("ArrowDown")
    person.composer.press("Enter")
    person.suggestions.get_by_role("option", name="auto").click()
    assert person.composer.input_value() == "/mode auto"
    person.composer.press("Enter")
    person.page.wait_for_function(
        "document.querySelector('#jupyter-agent-ext-panel select[aria-label=Mode]').value"
        " === 'auto'"
    )
    assert person.composer.input_value() == ""
    person.composer.fill("/nonsense")
    person.composer.press("Enter")
    person.panel.get_by_text("There is no command /nonsense").wait_for()


def test_a_shortcut_opens_the_panel_and_puts_the_cursor_there(lab, open_page):
    person = open_page(lab.notebook("shortcut.ipynb", "1"))
    person.command("application:toggle-right-area")
    person.composer.wait_for(state="hidden")
    person.page.locator(".jp-NotebookPanel:visible .jp-Cell").first.click()
    person.page.keyboard.press("Control+Shift+A")
    person.composer.wait_for()
    person.page.wait_for_function(
        "document.activeElement.matches('#jupyter-agent-ext-panel textarea')"
    )
