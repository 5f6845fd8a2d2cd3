"""Make the pictures of README.md and docs/panel.md: a real JupyterLab, the embedded model."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from playwright.sync_api import sync_playwright

from tests.scripted_model import ScriptedModelServer
from tests.ui.conftest import TOKEN, Lab, find_browser
from tests.ui.person import Person

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
SIZE = {"width": 1320, "height": 820}
WIDTH = 470


def main() -> None:
    """Write docs/images/*.png."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, ScriptedModelServer() as model:
        lab = Lab(Path(folder), model.url)
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=find_browser(), args=["--disable-dev-shm-usage"]
                )
                person = Person(lab, browser.new_context(viewport=SIZE).new_page())
                person.open("analysis.ipynb", TOKEN)
                widen(person)
                converse(person)
                person.page.screenshot(path=IMAGES / "panel.png")
                decide(person)
                person.page.screenshot(path=IMAGES / "approval-dark.png")
                browser.close()
        finally:
            lab.stop()


def widen(person: Person) -> None:
    """Drag the panel's edge, and close the file browser."""
    person.command("application:toggle-left-area")
    person.page.wait_for_timeout(300)
    box = person.panel.bounding_box()
    person.page.mouse.move(box["x"] - 2, box["y"] + 300)
    person.page.mouse.down()
    person.page.mouse.move(box["x"] + box["width"] - WIDTH, box["y"] + 300, steps=5)
    person.page.mouse.up()


def converse(person: Person) -> None:
    """Load, look at and plot the example data."""
    person.set_mode("auto")
    for number, query in enumerate(("Load sales.csv", "Plot a histogram of price"), start=1):
        person.ask(query)
        person.answered(number)
    person.panel.locator(".jp-Agent-output img, .jp-Agent-image").last.wait_for()
    person.page.wait_for_timeout(500)


def decide(person: Person) -> None:
    """Ask for something that waits for a decision, in the dark."""
    theme = "JupyterLab Dark"
    person.page.evaluate(
        "theme => window.jupyterapp.commands.execute('apputils:change-theme', { theme })", theme
    )
    person.page.wait_for_function("t => document.body.dataset.jpThemeName === t", arg=theme)
    person.set_mode("ask")
    person.ask("Which region has the highest revenue?")
    person.button("Approve").wait_for()
    person.page.wait_for_timeout(500)


if __name__ == "__main__":
    main()
