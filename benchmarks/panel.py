"""What the side panel costs: its size, the start of JupyterLab, streaming, a long session.

Needs Chromium and Playwright (`make test` brings both). Prints one line a figure.
"""

from __future__ import annotations

import gzip
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from playwright.sync_api import sync_playwright

from tests.scripted_model import ScriptedModelServer, Text, Wait
from tests.ui.conftest import BUILT, TOKEN, Lab, find_browser
from tests.ui.person import Person

TURNS = 500
CHUNKS = 400
WATCH = """() => {
    window.longest = 0;
    new PerformanceObserver(list => {
        for (const entry of list.getEntries()) {
            window.longest = Math.max(window.longest, entry.duration);
        }
    }).observe({ type: 'longtask' });
}"""
FRAMES = """async distance => {
    const log = document.querySelector('#jupyter-agent-ext-panel .jp-Agent-log');
    const times = [];
    let last = performance.now();
    for (let i = 0; i < 120; i++) {
        log.scrollTop -= distance;
        await new Promise(requestAnimationFrame);
        const now = performance.now();
        times.push(now - last);
        last = now;
    }
    return times;
}"""


def main() -> None:
    """Measure and print."""
    size()
    with tempfile.TemporaryDirectory() as folder, ScriptedModelServer() as model:
        lab = Lab(Path(folder), model.url)
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=find_browser(),
                    args=["--disable-dev-shm-usage", "--disable-gpu"],
                )
                start(lab, browser)
                streaming(lab, browser, model)
                long_session(lab, browser)
                browser.close()
        finally:
            lab.stop()


def size() -> None:
    """Print the size of what the browser loads."""
    files = sorted((BUILT / "static").glob("*.js"))
    packed = sum(len(gzip.compress(file.read_bytes())) for file in files)
    raw = sum(file.stat().st_size for file in files)
    print(f"JavaScript: {raw / 1000:.0f} kB, gzip {packed / 1000:.1f} kB in {len(files)} files")


def visit(lab: Lab, browser: Any, path: str) -> Person:
    """Open a notebook with the panel."""
    person = Person(lab, browser.new_context(viewport={"width": 1400, "height": 900}).new_page())
    person.open(path, TOKEN)
    return person


def start(lab: Lab, browser: Any, times: int = 5) -> None:
    """Print how long JupyterLab takes to its restored state, with and without the extension."""
    found: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(times):
        for enabled in (True, False):
            disable(lab, disabled=not enabled)
            page = browser.new_page()
            page.goto(f"{lab.url}lab?token={TOKEN}&reset")
            page.wait_for_function("window.jupyterapp")
            found[enabled].append(
                page.evaluate("window.jupyterapp.restored.then(() => performance.now())")
            )
            page.close()
    disable(lab, disabled=False)
    for name, choose in (("median", statistics.median), ("least", min)):
        with_it, without = (choose(found[key]) for key in (True, False))
        print(f"start of JupyterLab, {name} of {times}: {with_it:.0f} ms with the panel, "
              f"{without:.0f} ms without it")  # fmt: skip


def disable(lab: Lab, *, disabled: bool) -> None:
    """Switch the extension off or on for the pages that are opened from now on."""
    file = lab.folder / "config" / "labconfig" / "page_config.json"
    config = json.loads(file.read_text())
    config["disabledExtensions"]["jupyter-agent-ext"] = disabled
    file.write_text(json.dumps(config))


def streaming(lab: Lab, browser: Any, model: ScriptedModelServer) -> None:
    """Print the longest task of the page while 100 chunks a second arrive."""
    person = visit(lab, browser, lab.notebook("streaming.ipynb", "1"))
    person.use_scripted_model()
    for warm in (True, False):
        steps: list[Any] = []
        for n in range(CHUNKS // 10 if warm else CHUNKS):
            steps += [Text(piece(n)), Wait(0.009)]
        model.script(*steps)
        if not warm:
            person.page.evaluate(WATCH)
        person.ask("Stream")
        person.answered(1 if warm else 2, timeout=60_000)
    length = len(person.turns.nth(1).inner_text())
    print(f"streaming {CHUNKS} chunks, {length} characters: longest task "
          f"{person.page.evaluate('window.longest'):.0f} ms")  # fmt: skip
    person.page.context.close()


def piece(n: int) -> str:
    """Return a piece of an answer with paragraphs, lists, math, tables and code."""
    kind = n % 40
    if kind == 10:
        return "\n\n```python\n"
    if 10 < kind < 20:
        return f"value_{n} = compute({n})\n"
    if kind == 20:
        return "```\n\n"
    if kind == 30:
        return f"\n\n$x_{{{n}}}$ and\n\n| a | b |\n|---|---|\n| {n} | 2 |\n\n"
    return f"word{n} **bold** `code` "


def long_session(lab: Lab, browser: Any) -> None:
    """Print how long a session of 500 turns takes to open, and how it scrolls."""
    path = lab.notebook("long.ipynb", "1")
    context = {"notebook_id": path}
    session = ""
    for n in range(TURNS):
        body = {"query": f"What variables are there ({n})?", "context": context, "mode": "auto"}
        session = lab.api("POST", "agent/quick", body)["session_id"]
    seq = lab.api("GET", f"agent/sessions/{session}")["seq"]
    person = visit(lab, browser, path)
    person.answered(1)
    person.panel.get_by_role("button", name="New session").click()
    person.panel.get_by_text("Ask about this notebook. The agent").wait_for()
    person.panel.get_by_role("button", name="Sessions of this notebook").click()
    person.panel.locator(".jp-Agent-sessionLine").wait_for()
    person.page.evaluate(WATCH)
    took = person.page.evaluate(
        """async () => {
            const began = performance.now();
            document.querySelector('.jp-Agent-sessionLine').click();
            const shown = () => document.querySelectorAll('.jp-Agent-far').length > 400
                && document.querySelectorAll('.jp-Agent-ending').length > 0;
            while (!shown()) {
                await new Promise(requestAnimationFrame);
            }
            return performance.now() - began;
        }"""
    )
    longest = person.page.evaluate("window.longest")
    print(f"opening {TURNS} turns ({seq} events): {took:.0f} ms, longest task {longest:.0f} ms")
    times = sorted(person.page.evaluate(FRAMES, 120))
    print(f"scrolling: median frame {statistics.median(times):.1f} ms, p95 {times[113]:.1f} ms")
    person.page.context.close()


if __name__ == "__main__":
    main()
