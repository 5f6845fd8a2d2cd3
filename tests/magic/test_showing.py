"""The guest's own text work: options and harmless Markdown; no kernel is needed."""

from __future__ import annotations

import pytest
from IPython.core.error import UsageError

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
        ("`<b>` and ``a ` <i>`` <u>", "`<b>` and ``a ` <i>`` &lt;u>"),
        ("```\n<b>\n```\n<b>", "```\n<b>\n```\n&lt;b>"),
        ("~~~html\n```\n<b>\n~~~\n<b>", "~~~html\n```\n<b>\n~~~\n&lt;b>"),
        ("```\nnever closed <b>", "```\nnever closed <b>\n```"),
        ("`not closed <b>", "`not closed &lt;b>"),
        ("vec![1] `vec![1]`", "vec[1] `vec![1]`"),
    ],
)
def test_markdown_is_shown_without_html_and_images(written, shown):
    assert harmless(written) == shown


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
