"""Themes, widths, keyboard and screen readers."""

from __future__ import annotations

import pytest

from tests.scripted_model import Call, Reasoning, Text
from tests.ui.conftest import ROOT, SHOTS

AXE = ROOT / "labextension" / "node_modules" / "axe-core" / "axe.min.js"
ANSWER = """The **mean** is $\\bar x = \\frac{1}{n}\\sum_i x_i$.

| region | revenue | a long column of words |
|---|---|---|
| North | 1200.50 | something that does not fit |

```python
def mean(values):
    return sum(values) / len(values)  # a line that is longer than the panel is wide
```

1. First a step
2. then another one: `values`
"""
PLOT = """import matplotlib.pyplot as plt
fig, ax = plt.subplots(figsize=(5, 3))
ax.plot([1, 3, 2])
plt.show()
print('\\x1b[31mred\\x1b[0m and a long line ' + 'x' * 200)"""


def busy_panel(person, script):
    """Fill the panel with one of everything; a decision is left open."""
    person.use_scripted_model()
    script.script(
        Reasoning("First look at it."), Text("Let me see."), Call("run_code", {"code": PLOT})
    )
    script.script(Text(ANSWER))
    person.ask("What is the mean?")
    person.button("Approve").click()
    person.answered(1)
    old = "values = [1, 2]"
    edit = {"cell_id": "cell1", "hash": "0" * 16, "source": "values = [1, 2, 3]\n"}
    script.script(Call("edit_cell", edit), Call("read_file", {"path": "sales.csv"}))
    person.ask("Make it three")
    person.card("edit_cell").get_by_text("Waiting for you").wait_for()
    person.panel.locator(".cm-changedLine, .cm-insertedLine").first.wait_for()
    assert old in person.sources()[0]


def findings(person):
    """What axe finds in the panel, the serious and the critical."""
    person.page.add_script_tag(path=str(AXE))
    found = person.page.evaluate("axe.run('#jupyter-agent-ext-panel')")
    return [
        f"{v['impact']} {v['id']}: {v['nodes'][0]['html'][:200]}"
        for v in found["violations"]
        if v["impact"] in ("serious", "critical")
    ]


def resize(person, width):
    """Give the panel a width; JupyterLab itself stops at 250 px."""
    if width < 250:
        person.panel.evaluate(
            "(node, width) => { for (const name of ['width', 'min-width', 'max-width']) {"
            " node.style.setProperty(name, `${width}px`, 'important'); } }",
            width,
        )
        return
    box = person.panel.bounding_box()
    y = box["y"] + box["height"] / 2
    person.page.mouse.move(box["x"] - 3, y)
    person.page.mouse.down()
    person.page.mouse.move(box["x"] + box["width"] - width, y, steps=4)
    person.page.mouse.up()
    person.page.wait_for_timeout(200)


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_axe_finds_nothing_serious_and_nothing_sticks_out(lab, open_page, script, theme):
    name = theme.split()[-1].lower()
    person = open_page(lab.notebook(f"looks-{name}.ipynb", "values = [1, 2]"))
    person.page.evaluate(
        "theme => window.jupyterapp.commands.execute('apputils:change-theme', { theme })", theme
    )
    person.page.wait_for_function("t => document.body.dataset.jpThemeName === t", arg=theme)
    person.run_all()
    busy_panel(person, script)
    SHOTS.mkdir(parents=True, exist_ok=True)
    for width in (300, 600, 200):
        resize(person, width)
        person.page.screenshot(path=SHOTS / f"looks-{name}-{width}.png")
        assert person.panel.evaluate("node => node.scrollWidth <= node.clientWidth")
        assert person.panel.locator(".jp-Agent-log").evaluate(
            "node => node.scrollWidth <= node.clientWidth"
        )
    assert findings(person) == []
    person.panel.get_by_role("button", name="Sessions of this notebook").click()
    person.panel.locator(".jp-Agent-sessionLine").first.wait_for()
    assert findings(person) == []


def test_a_decision_is_made_by_keyboard_alone(lab, open_page, script):
    person = open_page(lab.notebook("keyboard.ipynb", "1"))
    person.use_scripted_model()
    script.script(Call("run_code", {"code": "print('by keyboard')"}))
    script.script(Text("Done."))
    person.composer.focus()
    person.page.keyboard.type("Run it")
    person.page.keyboard.press("Enter")
    person.panel.get_by_text("The agent waits for your decision.").wait_for()
    for _ in range(6):  # back from the composer to "Show"
        person.page.keyboard.press("Shift+Tab")
        if person.page.evaluate("document.activeElement.textContent") == "Show":
            break
    person.page.keyboard.press("Enter")
    assert person.page.evaluate("document.activeElement.textContent") == "Approve"
    person.page.keyboard.press("Enter")
    person.answered()
    assert "by keyboard" in person.card("run_code").inner_text()


def test_the_conversation_is_a_polite_log_that_is_busy_while_the_agent_works(lab, open_page):
    person = open_page(lab.notebook("log.ipynb", "1"))
    log = person.panel.get_by_role("log", name="Conversation")
    assert log.get_attribute("aria-live") == "polite"
    assert log.get_attribute("aria-busy") == "false"
    assert person.page.get_by_role("region", name="Agent").count() == 1
