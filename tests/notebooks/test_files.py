"""Files under the root, and nothing else."""

from __future__ import annotations

import pytest

from jupyter_agent_ext.errors import BadRequestError, ForbiddenError, NotFoundError, ToolError
from jupyter_agent_ext.notebooks.files import ContentsFiles


@pytest.fixture
def files(contents, root):
    (root / "data").mkdir()
    (root / "data" / "sales.csv").write_text("a,b\n1,2\n")
    (root / "notes.md").write_text("# Größe\n")
    (root / ".secret").write_text("key")
    (root / ".hidden").mkdir()
    (root / ".hidden" / "key.txt").write_text("key")
    (root.parent / "outside.txt").write_text("outside")
    (root.parent / "rootless").mkdir()
    (root.parent / "rootless" / "x.txt").write_text("outside")
    return ContentsFiles(contents)


async def test_a_folder_is_listed_by_name(files):
    entries = await files.list("")
    assert [e["name"] for e in entries] == ["data", "notes.md"]
    assert entries[0]["type"] == "directory"
    assert entries[1]["size"] == len("# Größe\n".encode())
    assert set(entries[1]) == {"name", "path", "type", "size", "modified"}
    assert entries[1]["modified"].startswith("20")
    assert [e["path"] for e in await files.list("data/")] == ["data/sales.csv"]
    assert await files.list("./data") == await files.list("data")


async def test_a_text_file_is_read(files):
    assert await files.read("data/sales.csv") == "a,b\n1,2\n"
    assert await files.read("notes.md") == "# Größe\n"


async def test_the_text_of_a_notebook_file_is_read_as_it_is(files, root):
    (root / "nb.ipynb").write_text('{"cells": [], "nbformat": 4}')
    assert await files.read("nb.ipynb") == '{"cells": [], "nbformat": 4}'


@pytest.mark.parametrize(
    "path",
    [
        "../outside.txt",
        "data/../../outside.txt",
        "..",
        "/etc/passwd",
        "~/x",
        "..\\outside.txt",
        "C:\\x",
        "c:/x",
        "a\0b",
    ],
)
async def test_a_path_out_of_the_root_is_forbidden(files, path):
    with pytest.raises(ForbiddenError):
        await files.read(path)
    with pytest.raises(ForbiddenError):
        await files.list(path)


async def test_links_out_of_the_root_are_forbidden(files, root):
    (root / "link.txt").symlink_to(root.parent / "outside.txt")
    (root / "up").symlink_to(root.parent)
    (root / "twin").symlink_to(root.parent / "rootless")
    for path in ("link.txt", "up/outside.txt", "twin/x.txt"):
        with pytest.raises(ForbiddenError, match="link that leads out"):
            await files.read(path)
    with pytest.raises(ForbiddenError):
        await files.list("up")


async def test_links_inside_the_root_are_followed(files, root):
    (root / "alias.csv").symlink_to(root / "data" / "sales.csv")
    assert await files.read("alias.csv") == "a,b\n1,2\n"


async def test_a_root_that_is_itself_a_link_is_no_escape(files, contents, root):
    link = root.parent / "root_link"
    link.symlink_to(root)
    contents.root_dir = str(link)
    assert await files.read("notes.md") == "# Größe\n"


async def test_hidden_files_are_not_there(files):
    for path in (".secret", ".hidden/key.txt"):
        with pytest.raises(NotFoundError):
            await files.read(path)
    with pytest.raises(NotFoundError):
        await files.list(".hidden")


async def test_hidden_files_are_there_where_the_server_allows_them(files, contents):
    contents.allow_hidden = True
    assert await files.read(".secret") == "key"
    assert ".secret" in [e["name"] for e in await files.list("")]


async def test_a_missing_file_is_not_found(files, root):
    for path in ("nope.csv", "data/nope/x", "notes.md/x", "n" * 300, "a/" * 3000):
        with pytest.raises(NotFoundError) as caught:
            await files.read(path)
        assert str(root) not in str(caught.value)
    (root / "loop").symlink_to(root / "loop")
    for path in ("nope", "loop", "loop/x"):
        with pytest.raises(NotFoundError):
            await files.list(path)
        with pytest.raises(NotFoundError):
            await files.read(path)


async def test_a_folder_is_not_read_and_a_file_is_not_listed(files):
    with pytest.raises(ToolError, match="folder"):
        await files.read("data")
    with pytest.raises(ToolError, match="folder"):
        await files.read("")
    with pytest.raises(BadRequestError):
        await files.list("notes.md")


@pytest.mark.parametrize("body", [b"\x89PNG\r\n\xff\xfe", b"text\0more"])
async def test_a_binary_file_is_refused_with_its_size(files, root, body):
    (root / "x.bin").write_bytes(body)
    with pytest.raises(ToolError, match=rf"not a text file \({len(body)} bytes\)"):
        await files.read("x.bin")


async def test_a_large_file_is_refused_with_its_size(files, root):
    (root / "big.csv").write_bytes(b"x" * 2_000_001)
    with pytest.raises(ToolError, match="2000001 bytes"):
        await files.read("big.csv")
    (root / "big.csv").write_bytes(b"x" * 2_000_000)
    assert len(await files.read("big.csv")) == 2_000_000


async def test_the_limit_is_configurable(contents, root):
    (root / "a.txt").write_text("12345")
    with pytest.raises(ToolError, match="5 bytes"):
        await ContentsFiles(contents, max_bytes=4).read("a.txt")
