"""list_files, read_file, ask_user and read_output."""

from __future__ import annotations

import json

import pytest

from jupyter_agent_ext.errors import ForbiddenError, NotFoundError, ToolError
from jupyter_agent_ext.tools.ask import ask_user
from jupyter_agent_ext.tools.files import list_files, read_file
from jupyter_agent_ext.tools.output import read_output
from jupyter_agent_ext.tools.outputs import cut

from .context import Context


async def call(tool, context, **arguments):
    result = await tool.run(context, tool.validate(arguments))
    return "\n".join(part["text"] for part in result.content)


async def test_files_are_listed(files, root):
    (root / "a.csv").write_text("x")
    (root / "sub").mkdir()
    (root / "sub" / "b.csv").write_text("yy")
    context = Context(files=files)
    body = json.loads(await call(list_files, context))
    assert [(f["name"], f["type"], f["size"]) for f in body["files"]] == [
        ("a.csv", "file", 1),
        ("sub", "directory", None),
    ]
    assert body["left_out"] == 0
    body = json.loads(await call(list_files, context, path="sub"))
    assert [f["path"] for f in body["files"]] == ["sub/b.csv"]
    with pytest.raises(ForbiddenError):
        await call(list_files, context, path="..")


async def test_a_large_folder_is_bounded(files, root):
    for n in range(505):
        (root / f"f{n:03}").touch()
    body = json.loads(await call(list_files, Context(files=files)))
    assert (len(body["files"]), body["left_out"]) == (500, 5)


async def test_a_range_of_lines_is_read(files, root):
    (root / "a.txt").write_text("one\ntwo\nthree\n")
    (root / "empty.txt").write_text("")
    context = Context(files=files)
    assert await call(read_file, context, path="a.txt") == "a.txt: lines 1-3 of 3\none\ntwo\nthree"
    assert await call(read_file, context, path="a.txt", start_line=2, limit=1) == (
        "a.txt: lines 2-2 of 3\ntwo"
    )
    assert await call(read_file, context, path="empty.txt") == "empty.txt: lines 0-0 of 0"
    with pytest.raises(ToolError, match="only 3 lines"):
        await call(read_file, context, path="a.txt", start_line=4)
    with pytest.raises(NotFoundError):
        await call(read_file, context, path="b.txt")


async def test_a_long_file_is_cut_and_can_be_read_on(files, root):
    (root / "a.txt").write_text("x" * 50_000)
    context = Context(files=files)
    shown = await call(read_file, context, path="a.txt")
    assert len(shown) < 17_000
    (digest,) = context.blobs
    assert f'read_output(ref="{digest}"' in shown


async def test_the_persons_answer_is_the_result():
    assert await call(ask_user, Context(answer="the blue one"), question="Which?") == "the blue one"
    assert ask_user.validate({"question": "Which?", "options": ["a"]})["options"] == ["a"]
    with pytest.raises(ToolError, match="no answer"):
        await call(ask_user, Context(), question="Which?")


async def test_a_cut_output_can_be_read_to_its_end():
    context = Context()
    whole = "".join(chr(97 + n % 26) for n in range(30_000))
    part = cut(whole, context.keep)
    read, start = "", 0
    while start < len(whole):
        head, _, piece = (
            await call(read_output, context, ref=part["blob"], start=start, length=9_000)
        ).partition("\n")
        assert head == f"characters {start}-{start + len(piece)} of 30000"
        read += piece
        start += len(piece)
    assert read == whole
    with pytest.raises(ToolError, match="only 30000 characters"):
        await call(read_output, context, ref=part["blob"], start=30_000)


async def test_a_reference_is_exact():
    context = Context()
    digest = context.keep(b"text")
    with pytest.raises(ToolError, match="argument `ref`"):
        read_output.validate({"ref": digest[:12]})
    with pytest.raises(ToolError, match="no such blob"):
        await call(read_output, context, ref="0" * 64)
    image = context.keep(b"\x89PNG\xff")
    with pytest.raises(ToolError, match="not a text"):
        await call(read_output, context, ref=image)
