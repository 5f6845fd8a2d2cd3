"""A person at a page of JupyterLab: what they see and do, in a few words."""

from __future__ import annotations

from typing import Any

MODEL = "openai/scripted"


class Person:
    """Wraps a Playwright page; `errors` are the errors that the page threw."""

    def __init__(self, lab: Any, page: Any) -> None:
        self.lab, self.page = lab, page
        self.errors: list[str] = []
        page.set_default_timeout(12_000)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    # ---------------------------------------------------------------- JupyterLab

    def open(self, path: str, token: str, *, ready: bool = True) -> None:
        """Open a notebook and the agent's panel; wait for the kernel if `ready`."""
        self.page.goto(f"{self.lab.url}lab/tree/{path}?token={token}&reset")
        self.page.locator(".jp-NotebookPanel:visible .jp-Cell").first.wait_for(timeout=60_000)
        if ready:
            self.until_idle()
        self.command("jupyter-agent-ext:open")
        self.composer.wait_for()

    def reload(self) -> None:
        """Reload the page and open the panel again."""
        self.page.reload()
        self.page.locator(".jp-NotebookPanel:visible .jp-Cell").first.wait_for(timeout=60_000)
        self.command("jupyter-agent-ext:open")
        self.composer.wait_for()

    def command(self, name: str, **args: Any) -> None:
        """Execute a command of JupyterLab."""
        self.page.evaluate(
            "([name, args]) => { void window.jupyterapp.commands.execute(name, args); }",
            [name, args],
        )

    def notebook(self, expression: str) -> Any:
        """Evaluate JavaScript with `panel`, the current notebook's."""
        return self.page.evaluate(
            f"() => {{ const panel = window.jupyterapp.shell.currentWidget; return {expression}; }}"
        )

    def sources(self) -> list[str]:
        """Return the sources of the current notebook's cells."""
        return self.notebook("panel.model.sharedModel.cells.map(c => c.getSource())")

    def until_idle(self) -> None:
        """Wait until the current notebook's kernel is idle."""
        self.page.wait_for_function(
            "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status "
            "=== 'idle'",
            timeout=60_000,
        )

    def run_all(self) -> None:
        """Run all cells of the current notebook and wait for the end."""
        self.page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
        self.until_idle()

    # ---------------------------------------------------------------- the panel

    @property
    def panel(self) -> Any:
        return self.page.locator("#jupyter-agent-ext-panel")

    @property
    def composer(self) -> Any:
        return self.panel.get_by_label("Message to the agent")

    @property
    def suggestions(self) -> Any:
        return self.panel.get_by_role("listbox", name="Suggestions")

    @property
    def turns(self) -> Any:
        return self.panel.locator(".jp-Agent-turn")

    def hears(self, text: str, timeout: float = 12_000) -> None:
        """Wait until an answer contains the text."""
        self.panel.locator(".jp-Agent-answer", has_text=text).first.wait_for(timeout=timeout)

    def ask(self, query: str) -> None:
        """Type a question and send it."""
        self.composer.fill(query)
        self.panel.get_by_role("button", name="Send").or_(
            self.panel.get_by_role("button", name="Queue")
        ).click()

    def answered(self, count: int = 1, timeout: float = 20_000) -> str:
        """Wait until so many turns have ended; return the last one's text."""
        self.panel.locator(".jp-Agent-ending").nth(count - 1).wait_for(timeout=timeout)
        turn = self.turns.nth(count - 1)
        # Markdown is rendered a moment after its text is there
        self.page.wait_for_function(
            "turn => [...turn.querySelectorAll('.jp-Agent-block')].every(b => b.firstChild)",
            arg=turn.element_handle(),
        )
        return turn.inner_text()

    def button(self, name: str) -> Any:
        """Return a button of the panel."""
        return self.panel.get_by_role("button", name=name, exact=True)

    def card(self, tool: str) -> Any:
        """Return the cards of a tool."""
        return self.panel.locator(
            ".jp-Agent-card", has=self.page.locator(f"code:text-is('{tool}')")
        )

    def set_mode(self, mode: str) -> None:
        """Choose the session's mode and wait until the server has it."""
        self.panel.get_by_label("Mode", exact=True).select_option(mode)
        self.page.wait_for_function(
            "mode => document.querySelector('#jupyter-agent-ext-panel select[aria-label=Mode]')"
            ".value === mode",
            arg=mode,
        )

    def use_scripted_model(self) -> None:
        """Choose the scripted model; it is no local one, so the panel asks first."""
        self.composer.fill(f"/model {MODEL}")
        self.composer.press("Escape")
        self.composer.press("Enter")
        dialog = self.page.locator(".jp-Dialog")
        dialog.get_by_role("button", name="Use it").click()
        self.page.wait_for_function(
            "model => document.querySelector('#jupyter-agent-ext-panel select[aria-label=Model]')"
            ".value === model",
            arg=MODEL,
        )
