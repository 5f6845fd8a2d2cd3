"""The guest's own text work: options and harmless Markdown; no kernel is needed."""

from __future__ import annotations

from html.parser import HTMLParser

import mistune
import pytest
from IPython.core.error import UsageError
from nbconvert.filters import markdown2html

from jupyter_agent_ext.kernels.probes.python.options import read_options
from jupyter_agent_ext.kernels.probes.python.showing import INTERVAL, Shown, fenced, harmless


@pytest.mark.parametrize(
    ("line", "expected", "text"),
    [
        (" --new what?", {"new": True}, "what?"),
        ("--session=a.b what --new?", {"session": "a.b", "new": False}, "what --new?"),
        ("--session 'two words' --quiet x", {"session": "two words", "quiet": True}, "x"),
        ('--into r --var a --var b "quoted" text', {"into": "r", "var": ["a", "b"]}, None),
        ("-- --new", {"new": False}, "--new"),
        ("--mode read-only\n--new is text here", {"mode": "read-only", "new": False}, None),
        ("-5 is less than -4?", {}, "-5 is less than -4?"),
        ("--model a/b:free {x} 'y", {"model": "a/b:free"}, "{x} 'y"),
    ],
)
def test_options_stand_at_the_front_and_the_text_is_literal(line, expected, text):
    options, found = read_options(line)
    assert {name: getattr(options, name) for name in expected} == expected
    if text is not None:
        assert found == text
    assert line.endswith(found)


@pytest.mark.parametrize("line", ["--sesion a b", "--mode auto", "--into 1a x", "--mode x y"])
def test_wrong_options_are_usage_errors(line):
    with pytest.raises(UsageError):
        read_options(line)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("a < b and c <d", "a < b and c &lt;d"),
        ("<img src=x onerror=y>", "&lt;img src=x onerror=y>"),
        ("![alt](http://x/y.png) ![r][ref]", "[alt](http://x/y.png) [r][ref]"),
        ("<https://example.org> <!-- c -->", "<https://example.org> &lt;!-- c -->"),
        ("`<b>` and ``a ` <i>`` <u>", "`&lt;b>` and ``a ` &lt;i>`` &lt;u>"),
        ("```\n<b> ![x](u)\n```\n<b>", "```text\n<b> ![x](u)\n```\n\n&lt;b>"),
        ("~~~html\n```\n<b>\n~~~\n<b>", "````html\n```\n<b>\n````\n\n&lt;b>"),
        ("a\n```python x=1\n<b>\n```\nc", "a\n\n```python\n<b>\n```\n\nc"),
        ("```\nnever closed <b>", "```text\nnever closed <b>\n```"),
        ("```mermaid\ngraph\n```", "```text\ngraph\n```"),
        ("`not closed <b>", "`not closed &lt;b>"),
        ("vec![1] `vec![1]`", "vec[1] `vec[1]`"),
        ("$$\na < b\n$$\n$$x$$ y", "$$\na < b\n$$\n$$x$$ y"),
        ("[t][r]\n\n[r]: http://e 'T'", "[t][r]\n\n[r]: http://e 'T'"),
    ],
)
def test_markdown_is_shown_without_html_and_images(written, shown):
    assert harmless(written) == shown


IMAGE = "![x](http://e/1) <img src=http://e/2>"


def fetching(html):
    """Return the elements of HTML that no Markdown of ours makes."""
    found = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            found.extend([tag] * (tag in ("img", "script", "iframe", "b", "svg")))

    Reader().feed(html)
    return found


def rendered(markdown):
    plugins = ["table", "url", "footnotes", "strikethrough"]
    return (
        mistune.create_markdown(escape=False, plugins=plugins)(markdown),
        markdown2html(markdown),
    )


@pytest.mark.parametrize(
    "written",
    [
        f"!{IMAGE}",
        f"!!!{IMAGE}",
        f"\\!\\{IMAGE} \\\\{IMAGE}",
        "![x][r]\n\n[r]: http://e/1",
        "[![x](http://e/1)](http://e)",
        f"<http://e/1.png> <!-- --> {IMAGE}",
        f"\\`{IMAGE}\\`",
        f"a ` b\nc ` {IMAGE} `",
        f"```py`thon\n{IMAGE}\n```",
        f"- item\n\n  ```\n\nout {IMAGE}",
        f"- ```\n```\n{IMAGE}\n```\n{IMAGE}",
        f"> ```\n```\n{IMAGE}\n```\n{IMAGE}",
        f"   ````\n```\n{IMAGE}\n```\n{IMAGE}\n   ````\n{IMAGE}",
        f"```\n{IMAGE}\n   ```\n{IMAGE}",
        f"```\n{IMAGE}\n``` \n{IMAGE}\n~~~\n{IMAGE}",
        f"```\r{IMAGE}\r```\r{IMAGE}",
        f"<!--\n```\n-->\n{IMAGE}\n```",
        f'[a]: u "\n```\n"\n{IMAGE}\n```',
        f'[a]: u\n"\n```\n"\n{IMAGE}\n```',
        f"[a\n```\n]: u\n{IMAGE}\n```",
        f"$$\n```\n$$\n{IMAGE}\n```",
        f"a $$ b\n$$\n```\n$$\n{IMAGE}\n```",
        f"\\begin{{a}}\n```\n\\end{{a}}\n{IMAGE}\n```",
        f"\\\\[\n```\n\\\\]\n{IMAGE}\n```",
    ],
)
def test_what_a_reader_of_markdown_makes_of_an_answer_fetches_nothing(written):
    assert any(fetching(html) for html in rendered(written)), "the attack is none"
    for html in rendered(harmless(written)):
        assert fetching(html) == []


@pytest.mark.parametrize("text", [IMAGE, f"x** {IMAGE}", f"`{IMAGE}`", f"\n\n{IMAGE}\n\n# a"])
def test_names_and_notices_are_plain_text(text):
    shown = Shown(None, quiet=False)
    shown.texts["m"], shown.notice = "$$ [a", text
    shown.calls["c"] = {"name": text, "status": text, "arguments": {"a": text}, "result": text}
    for html in rendered(shown.markdown()):
        assert fetching(html) == []
        assert "<h1" not in html
    assert text in shown.plain()


def test_a_notice_reads_as_it_was_written():
    text = "Which of *these*, a_b or _c_: `x < 1` & [d]? $5!"
    shown = Shown(None, quiet=False)
    shown.notice = text
    read = []
    reader = HTMLParser()
    reader.handle_data = read.append
    reader.feed(mistune.html(shown.markdown()))
    assert "".join(read).strip() == text


def test_code_that_is_asked_about_is_shown_whole():
    shown = Shown(None, quiet=False)
    shown.code = "\n".join(f"line_{n} = '<b>'" for n in range(5_000))
    assert shown.code in shown.markdown()
    assert shown.code in shown.plain()


def test_a_block_of_code_cannot_be_left():
    text = "```\n</details><script>\n````"
    block = fenced(text, "text")
    assert block.startswith("`````text\n")
    assert block.endswith("\n`````")
    assert len(fenced("x" * 10_000, "text")) < 2_000


class Display:
    """A display publisher that keeps what it is given."""

    def __init__(self):
        self.display_pub, self.published = self, []

    def publish(self, **kwargs):
        self.published.append(kwargs)


def test_one_display_is_updated_and_never_twice_with_the_same():
    display = Display()
    shown = Shown(display, quiet=False)
    for text in ("a", "ab", "abc"):
        shown.texts["m"] = text
        shown.change()
        shown.draw()
    assert len(display.published) == 1  # the others are not due yet
    assert 0 < shown.wait() <= INTERVAL
    shown.draw(now=True)
    shown.change()
    shown.draw(now=True)
    assert [one["update"] for one in display.published] == [False, True]
    assert display.published[0]["transient"] == display.published[1]["transient"]


def test_long_answers_are_sent_less_often():
    display = Display()
    shown = Shown(display, quiet=False)
    shown.texts["m"] = "x" * 150_000
    shown.change()
    shown.draw(now=True)
    shown.change()
    assert shown.wait() > 0.5
