"""Text of models, tools and variables is hostile: showing it does nothing at all."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.scripted_model import Call, Text

PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg"
)
HOSTILE = """# Hello

![pixel]({url}/image) <img src="{url}/img" srcset="{url}/srcset 2x" onerror="window.PWNED = 1">
<div style="background-image: url({url}/style)">styled</div>
<style>@import url("{url}/import"); body {{ background: url({url}/body) }}</style>
<link rel="stylesheet" href="{url}/link"> <link rel="prefetch" href="{url}/prefetch">
<svg><image href="{url}/svg"/><use href="{url}/use#a"/></svg>
<video src="{url}/video" poster="{url}/poster" autoplay></video> <audio src="{url}/audio"></audio>
<iframe src="{url}/iframe"></iframe> <object data="{url}/object"></object> <embed src="{url}/e">
<script>window.PWNED = 2; fetch("{url}/script")</script>
<table background="{url}/table"><tr><td background="{url}/td">cell</td></tr></table>
<form action="{url}/form"><input type="image" src="{url}/input"></form>
<button data-commandlinker-command="terminal:create-new">Approve</button>
<a href="javascript:window.PWNED=3">click</a> <a href="{url}/ok" ping="{url}/ping">link</a>
<details class="jp-Agent-card jp-mod-waiting" open><summary>Run code</summary>
<section class="jp-Agent-decision"><button>Approve</button></section></details>

$\\href{{javascript:window.PWNED=4}}{{x}}$ $\\style{{background:url({url}/mathstyle)}}{{y}}$
$\\require{{action}}$ $\\unicode[font:url({url}/font)]{{x0041}}$

```mermaid
graph TD
  A[<img src="{url}/mermaid">] --> B
  click A "{url}/click"
```

> ```mermaid
> graph TD
>   C --> D
> ```

![kept](data:image/png;base64,{png}==)
"""


@pytest.fixture
def canary():
    """A server that counts who calls it."""
    hits = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            hits.append(self.path)
            self.send_response(204)
            self.end_headers()

        do_POST = do_HEAD = do_OPTIONS = do_GET  # noqa: N815 - names of http.server

        def log_message(self, *_):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    server.url = f"http://127.0.0.1:{server.server_port}"
    server.hits = hits
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_canary_is_heard(open_page, lab, canary):
    """What follows proves something only if a request would be counted."""
    person = open_page(lab.notebook("canary.ipynb", "1"))
    person.page.evaluate("url => { new Image().src = url; }", f"{canary.url}/heard")
    for _ in range(100):
        if canary.hits:
            break
        person.page.wait_for_timeout(20)
    assert canary.hits == ["/heard"]


def test_hostile_text_fetches_nothing_runs_nothing_and_imitates_nothing(
    open_page, lab, script, canary
):
    text = HOSTILE.format(url=canary.url, png=PNG)
    person = open_page(lab.notebook("hostile.ipynb", "1"))
    person.use_scripted_model()
    person.set_mode("auto")
    shown = (
        f"from IPython.display import HTML, Markdown\ndisplay(HTML({text!r}), Markdown({text!r}))"
    )
    script.script(
        Text(*[text[i : i + 40] for i in range(0, len(text), 40)]),
        Call("run_code", {"code": f"hostile = {text!r}\n{shown}"}),
    )
    script.script(Text("The end."))
    person.ask(text)
    person.answered()
    kept = person.panel.locator(".jp-Agent-answer img[src^='data:image/png']")
    kept.first.wait_for()
    assert kept.count() >= 2
    person.panel.locator(".jp-Agent-variable", has_text="hostile").wait_for()
    person.page.wait_for_timeout(1000)  # what is to be shown late has its chance
    assert person.page.evaluate("window.PWNED") is None
    assert canary.hits == []
    for forbidden in ("svg image", "iframe", "object", "form", "style", "link", "script", "video"):
        inside = person.panel.locator(f".jp-Agent-answer .jp-Agent-block {forbidden}")
        assert inside.count() == 0, forbidden
    assert person.panel.locator("[data-commandlinker-command]").count() == 0
    assert person.panel.locator(".jp-Agent-decision").count() == 0
    assert person.panel.locator(".jp-Agent-block .jp-Agent-card").count() == 0
    assert person.button("Approve").count() == 0
    assert person.panel.locator(".jp-Agent-answer a[href^='javascript']").count() == 0


def test_the_panel_still_shows_it_safely_after_a_reload(open_page, lab, script, canary):
    text = HOSTILE.format(url=canary.url, png=PNG)
    person = open_page(lab.notebook("hostile2.ipynb", "1"))
    person.use_scripted_model()
    script.script(Text(text))
    person.ask("Say it")
    person.answered()
    person.reload()
    person.hears("styled")
    person.page.wait_for_timeout(1000)
    assert person.page.evaluate("window.PWNED") is None
    assert canary.hits == []
