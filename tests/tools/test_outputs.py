"""Outputs as text and images."""

from __future__ import annotations

import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_agent_ext.tools.outputs import MAX_IMAGES, brief, cut, error_text, to_parts
from jupyter_agent_ext.tools.terminal import plain

from .context import Context

PNG = base64.b64encode(b"\x89PNG fake").decode()


def stream(text, name="stdout"):
    return {"output_type": "stream", "name": name, "text": text}


def display(**data):
    named = {k.replace("__", "+").replace("_", "/"): v for k, v in data.items()}
    return {"output_type": "display_data", "metadata": {}, "data": named}


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain\ntext\n", "plain\ntext\n"),
        ("\x1b[31mred\x1b[0m \x1b[1;38;5;12mbold\x1b[m", "red bold"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x07", "link"),
        (" 0%|    |\r 50%|##  |\r100%|####|\n", "100%|####|\n"),
        ("long line\rshort", "shortline"),
        ("a\r\nb\r\n", "a\nb\n"),
        ("wrong\b\b\b\b\bright", "right"),
        ("1%\r2%\r", "2%"),
        ("x\r\b y", " y"),
        ("", ""),
    ],
)
def test_text_is_shown_as_in_a_terminal(raw, shown):
    assert plain(raw) == shown


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]) | st.sampled_from("\n\t")))
def test_text_without_controls_stays_as_it_is(text):
    assert plain(text) == text


@given(st.text(st.sampled_from("ab\r\b\n\x1b[0m\x00\x07")))
def test_no_control_is_left(text):
    shown = plain(text)
    assert not set("\r\b\x1b\x00\x07") & set(shown)
    assert shown.count("\n") == text.count("\n")


@given(st.lists(st.text("abc", max_size=5), min_size=1, max_size=6))
def test_carriage_returns_overwrite_what_stood_there(pieces):
    expected = ""
    for piece in pieces:
        expected = piece + expected[len(piece) :]
    assert plain("\r".join(pieces)) == expected


def test_many_carriage_returns_are_cheap():
    began = time.monotonic()
    assert len(plain("x" * 500_000 + "\r" * 250_000 + "end")) == 500_000
    assert time.monotonic() - began < 5


def test_half_a_surrogate_pair_becomes_a_question_mark():
    (part,) = to_parts([stream("a\ud800b")], Context().keep)
    assert part["text"] == "a?b"


def test_pieces_of_a_progress_bar_are_one_line():
    pieces = [stream(f"\r{n}%", "stderr") for n in range(0, 101, 10)]
    (part,) = to_parts([stream("begin\n"), *pieces, stream("\nend\n")], Context().keep)
    assert part["text"] == "begin\n100%\n\nend"


def test_plain_text_is_preferred_to_html():
    html = {"text/html": "<table>secret layout</table>", "text/plain": ["   a\n", "0  1"]}
    output = {
        "output_type": "execute_result",
        "execution_count": 1,
        "metadata": {},
        "data": html,
    }
    assert to_parts([output], Context().keep) == [{"type": "text", "text": "   a\n0  1"}]


def test_an_image_is_kept_and_its_place_is_told():
    context = Context()
    text, image = to_parts(
        [stream("before\n"), display(image_png=PNG, text_plain="<Figure>"), stream("after\n")],
        context.keep,
    )
    assert text["text"] == "before\n<Figure>\n[image 1: image/png]\nafter"
    assert image == {"type": "image", "mime": "image/png", "blob": image["blob"], "size": 9}
    assert context.blobs[image["blob"]] == b"\x89PNG fake"


def test_images_beyond_the_limit_and_broken_ones_are_named():
    outputs = [display(image_jpeg=PNG) for _ in range(MAX_IMAGES + 1)]
    text, *images = to_parts([display(image_png="%%%"), *outputs], Context().keep)
    assert len(images) == MAX_IMAGES
    assert text["text"].startswith("[image/png that cannot be decoded]\n[image 1: image/jpeg]")
    assert "not shown: 8 images" in text["text"]


def test_other_types_are_named():
    svg = {"output_type": "display_data", "metadata": {}, "data": {"image/svg+xml": "<svg/>"}}
    html = display(text_html="<b>x</b>")
    markdown = display(text_markdown="**x**", text_plain="<Markdown object>")
    (part,) = to_parts([svg, html, markdown], Context().keep)
    assert part["text"] == (
        "[image/svg+xml, 6 characters, not shown]\n[output of type text/html, not shown]\n**x**"
    )


def test_no_output_gives_no_part():
    assert to_parts([], Context().keep) == []
    assert to_parts([stream("\n")], Context().keep) == []


def test_an_error_is_its_name_its_value_and_a_short_traceback():
    traceback = [
        "\x1b[31m---------\x1b[39m",
        "\x1b[31mValueError\x1b[39m   Traceback (most recent call last)",
        *[f"frame {n}" for n in range(100)],
        "\x1b[31mValueError\x1b[39m: bad",
    ]
    lines = error_text("ValueError", "bad", traceback).split("\n")
    assert lines[0] == "ValueError: bad"
    assert lines[-1] == "frame 99"
    assert len(lines) == 32
    assert lines[7] == "[… 71 lines of the traceback left out …]"
    assert error_text("KeyboardInterrupt", "", []) == "KeyboardInterrupt"


def test_long_text_keeps_head_and_tail_and_the_whole_as_a_blob():
    context = Context()
    whole = "".join(f"line {n}\n" for n in range(5_000))
    (part,) = to_parts([stream(whole)], context.keep)
    whole = whole.rstrip("\n")
    assert part["size"] == len(whole)
    assert context.blobs[part["blob"]].decode() == whole
    assert len(part["text"]) < 8_300
    assert part["text"].startswith("line 0\n")
    assert part["text"].endswith("line 4999")
    assert f'read_output(ref="{part["blob"]}", start=5333)' in part["text"]


@given(st.text(max_size=300), st.integers(3, 200))
def test_a_cut_leaves_out_exactly_what_it_says(text, limit):
    context = Context()
    part = cut(text, context.keep, limit=limit)
    if len(text) <= limit:
        assert part == {"type": "text", "text": text}
        assert not context.blobs
        return
    head, tail = limit * 2 // 3, limit - limit * 2 // 3
    assert part["text"].startswith(text[:head] + "\n[…")
    assert part["text"].endswith("…]\n" + text[-tail:])
    assert f" {len(text) - limit} of {len(text)} " in part["text"]


def test_a_brief_text_is_bounded_and_keeps_nothing():
    assert brief([stream("abc\n"), display(image_png=PNG)], 100) == "abc\n[image/png]"
    assert brief([stream("x" * 50)], 10) == "x" * 10 + "[… 40 more characters]"
    assert brief([], 10) == ""
