"""The open notebook as a shared document, while a second person edits it."""

from __future__ import annotations

import asyncio
import random
import re

import nbformat
import pytest
from pycrdt._transaction import hash_origin

from jupyter_agent_ext.errors import ConflictError, NotFoundError, StaleCellError
from jupyter_agent_ext.notebooks.mirror import Mirror
from jupyter_agent_ext.notebooks.shared import ORIGIN
from tests.scripted_model import LITELLM_WARNINGS, Call, Text
from tests.server.conftest import eventually

from .collaborator import Collaborator
from .conftest import file_sources, hostile, result_text, user_text
from .page import digest

pytestmark = LITELLM_WARNINGS
ROUNDS = 220
TOKEN = re.compile(r"<([ua]\d+(?:_\d+)?)>")


@pytest.fixture
def jp_server_config(jp_server_config, tmp_path):
    extensions = jp_server_config["ServerApp"]["jpserver_extensions"]
    extensions |= {"jupyter_server_ydoc": True, "jupyter_server_fileid": True}
    return {
        **jp_server_config,
        "SQLiteYStore": {"db_path": str(tmp_path / "rtc.db")},
        "BaseFileIdManager": {"db_path": str(tmp_path / "ids.db"), "db_journal_mode": "OFF"},
        "YDocExtension": {
            "document_save_delay": 0.2,
            "document_cleanup_delay": 1.0,
            "file_poll_interval": 0.2,
        },
    }


@pytest.fixture
def join(jp_asyncio_loop, jp_fetch, jp_serverapp, jp_http_port, jp_base_url, jp_auth_header):
    people = []
    url = f"ws://localhost:{jp_http_port}{jp_base_url}"

    async def join_it(path):
        people.append(await Collaborator.join(jp_fetch, url, jp_auth_header, path))
        return people[-1]

    yield join_it
    for person in people:
        jp_asyncio_loop.run_until_complete(person.leave())


@pytest.fixture
def notebooks(jp_serverapp):
    return jp_serverapp.web_app.settings["jupyter_agent_ext"].services.notebooks


def saved(root, path):
    """What lies in the file, None while it is being written."""
    try:
        return file_sources(root, path)
    except nbformat.reader.NotJSONError:
        return None


async def agree(person, book):
    """Wait until the server's document and the person's are the same."""

    async def same():
        cells = await book.cells()
        return [(c.cell_id, c.source) for c in cells] == list(person.sources().items())

    await eventually(same)


async def test_the_agent_reads_and_edits_what_the_person_sees(
    api, book, join, scripted_model, jp_root_dir
):
    path, cells = book
    person = await join(path)
    (first, _), (second, source2), (third, source3) = cells
    person.type(0, 0, "typed = 0; ")
    await asyncio.sleep(0.2)
    scripted_model.script(
        Call("edit_cell", {"cell_id": second, "hash": digest(source2), "source": "b = a + 100"}),
        Call("insert_cell", {"source": "# héllo ✓", "cell_type": "markdown", "after": first}),
        Call("delete_cell", {"cell_id": third, "hash": digest(source3)}),
    )
    scripted_model.script(Text("done"))
    _, answer = await api.quick("Change it", notebook=path)
    assert "typed = 0; a = 1" in user_text(scripted_model.requests[0])
    calls = answer["steps"][0]["calls"]
    assert [c["status"] for c in calls] == ["ok"] * 3, calls
    expected = ["typed = 0; a = 1", "# héllo ✓", "b = a + 100"]
    await eventually(lambda: list(person.sources().values()) == expected)
    await eventually(lambda: saved(jp_root_dir, path) == expected)
    edit = calls[0]["changes"][0]
    assert edit["before"]["cell"]["source"] == "b = a + 1"
    assert edit["after"]["cell"]["source"] == "b = a + 100"


async def test_an_edit_of_stale_text_is_refused_and_tells_the_present_one(
    api, book, join, scripted_model
):
    path, cells = book
    person = await join(path)
    first, source = cells[0]
    person.type(0, 0, "typed = 0; ")
    await asyncio.sleep(0.2)
    call = {"cell_id": first, "hash": digest(source), "source": "gone"}
    scripted_model.script(Call("edit_cell", call))
    scripted_model.script(Text("I see"))
    _, answer = await api.quick("Change it", notebook=path)
    assert answer["steps"][0]["calls"][0]["status"] == "error"
    assert "typed = 0; a = 1" in result_text(scripted_model.requests[1])
    assert person.sources()[first] == "typed = 0; a = 1"


async def test_a_run_writes_its_outputs_into_the_document(
    api, book, join, open_notebook, scripted_model
):
    path, cells = book
    await open_notebook(path)
    person = await join(path)
    scripted_model.script(Call("run_cell", {"cell_id": cells[0][0]}))
    scripted_model.script(Call("insert_cell", {"source": "print('é'); 5", "after": cells[0][0]}))
    scripted_model.script(Text("done"))
    _, answer = await api.quick("Run", notebook=path)
    inserted = answer["steps"][1]["calls"][0]["changes"][0]["cell_id"]
    scripted_model.script(Call("run_cell", {"cell_id": inserted}))
    scripted_model.script(Text("done"))
    await api.quick("Run it", notebook=path)

    def shown():
        cell = person.document.get_cell(1)
        return cell["outputs"] and cell

    cell = await eventually(shown)
    assert [o["output_type"] for o in cell["outputs"]] == ["stream", "execute_result"]
    assert cell["outputs"][0]["text"] == "é\n"
    assert cell["outputs"][1]["data"]["text/plain"] == "5"
    assert cell["execution_count"] == 2


async def test_our_edits_are_one_transaction_of_our_own_origin(book, join, notebooks, jp_serverapp):
    path, cells = book
    await join(path)
    extension = jp_serverapp.web_app.settings["jupyter_server_ydoc"]
    document = await extension.get_document(
        path=path, content_type="notebook", file_format="json", copy=False
    )
    assert any(document.awareness.states.values()), "the person has said hello"
    origins = []
    subscription = document.ydoc.observe(lambda event: origins.append(event.transaction.origin()))
    opened = await notebooks.open(path)
    await opened.edit(cells[0][0], digest(cells[0][1]), "a = 'x'; aa = 2")
    document.ydoc.unobserve(subscription)
    assert origins == [hash_origin(ORIGIN)]


async def test_the_document_that_is_opened_in_the_middle_is_used_from_then_on(
    book, join, notebooks, jp_root_dir
):
    path, cells = book
    opened = await notebooks.open(path)
    change = await opened.edit(cells[0][0], digest(cells[0][1]), "a = 2")
    assert file_sources(jp_root_dir, path)[0] == "a = 2"
    person = await join(path)
    await opened.edit(cells[0][0], change["hash"], "a = 3")
    await eventually(lambda: person.sources()[cells[0][0]] == "a = 3")
    assert next(c.source for c in await opened.cells()) == "a = 3"


async def test_a_document_that_is_dropped_in_the_middle_loses_nothing(
    book, join, notebooks, jp_root_dir
):
    path, cells = book
    person = await join(path)
    opened = await notebooks.open(path)
    await person.leave()
    expected, cell_id = digest(cells[0][1]), cells[0][0]
    number, rest = 0, 3  # before, while and after the server drops the document
    while rest:
        change = await opened.edit(cell_id, expected, f"a = {number}")
        await opened.insert(f"# {number}", cell_type="markdown", after=cell_id)
        expected, number = change["hash"], number + 1
        rest -= await opened._documents.mirror(path) is None
        assert number < 200, "the document is never dropped"
        await asyncio.sleep(0.02)
    sources = file_sources(jp_root_dir, path)
    assert sources[: number + 1] == [
        f"a = {number - 1}",
        *(f"# {n}" for n in reversed(range(number))),
    ]


async def test_random_edits_of_two_lose_nothing_and_hit_no_wrong_cell(
    make_notebook, join, notebooks
):
    """ROUNDS interleavings: typing, inserting and deleting against the agent's own edits."""
    await play("wild.ipynb", 20260101, make_notebook, join, notebooks)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
async def test_random_edits_of_two_with_other_dice(seed, make_notebook, join, notebooks):
    await play(f"wild{seed}.ipynb", seed, make_notebook, join, notebooks)


async def play(name, seed, make_notebook, join, notebooks):
    path = make_notebook(name, *(f"v{i} = {i}\nw = 0" for i in range(6)))
    person = await join(path)
    book = await notebooks.open(path)
    game = _Game(person, book, random.Random(seed))
    for number in range(ROUNDS):
        await game.round(number)
    await agree(person, book)
    game.check({c.cell_id: c.source for c in await book.cells()})
    assert game.applied > ROUNDS / 3
    assert game.refused, "the rounds must collide"  # how often depends on the machine


class _Game:
    """Tokens that the two have typed, and in which cell each must be in the end."""

    def __init__(self, person, book, dice):
        self.person, self.book, self.dice = person, book, dice
        self.typed, self.made, self.deleted = {}, {}, set()
        self.applied = self.refused = 0

    async def round(self, number):
        cells = await self.book.cells()
        target = self.dice.choice(cells)
        moves = [self._person(f"u{number}_{n}") for n in range(self.dice.randint(1, 3))]
        moves.append(self._agent(number, target, len(cells)))
        self.dice.shuffle(moves)
        tasks = []
        for move in moves:
            tasks.append(asyncio.ensure_future(move))
            await asyncio.sleep(self.dice.choice((0, 0, 0.0005, 0.002)))
        await asyncio.gather(*tasks)

    async def _person(self, token):
        ids = self.person.ids()
        index = self.dice.randrange(len(ids))
        cell_id, what = ids[index], self.dice.random()
        if what < 0.1:
            cell_id = f"cell-{token}"
            self.person.insert(index, cell_id, f"<{token}>")
        elif what < 0.15 and len(ids) > 4:
            self.person.delete(index)
            self.deleted.add(cell_id)
            return
        else:
            source = self.person.sources()[cell_id]
            self.person.type(index, self.dice.randint(0, len(source)), f"<{token}>")
        self.typed[token] = cell_id
        await asyncio.sleep(0)

    async def _agent(self, number, cell, count):
        what = self.dice.random()
        await asyncio.sleep(self.dice.choice((0, 0.001, 0.003)))
        try:
            if what < 0.15:
                change = await self.book.insert(
                    f"<a{number}>", cell_type="code", after=cell.cell_id
                )
            elif what < 0.2 and count > 4:
                await self.book.delete(cell.cell_id, cell.hash)
                self.deleted.add(cell.cell_id)
                return
            else:
                source = cell.source.replace("w = ", f"<a{number}>w = ", 1)
                source = source if source != cell.source else f"{cell.source}<a{number}>"
                change = await self.book.edit(cell.cell_id, cell.hash, source)
        except (StaleCellError, NotFoundError):
            self.refused += 1
            return
        self.applied += 1
        self.made[f"a{number}"] = change["cell_id"]

    def check(self, sources):
        for token, cell_id in {**self.typed, **self.made}.items():
            where = [c for c, source in sources.items() if token in _tokens(source)]
            if cell_id in self.deleted and cell_id not in sources:
                assert where == []
            else:
                assert where == [cell_id], (token, where)


def _tokens(source):
    """All tokens in a source, also one that was typed into the middle of another."""
    found = set()
    while inner := TOKEN.findall(source):
        found |= set(inner)
        source = TOKEN.sub("", source)
    return found


async def test_the_mirror_keeps_step_while_it_is_still_being_read(make_notebook, join, notebooks):
    path = make_notebook("long.ipynb", *(f"c{i}" for i in range(600)))
    person = await join(path)
    book = await notebooks.open(path)
    reading = asyncio.ensure_future(book.cells())
    dice = random.Random(7)
    for number in range(150):
        index = dice.randrange(len(person.ids()))
        choice = dice.random()
        if choice < 0.4:
            person.insert(index, f"new-{number}", f"n{number}")
        elif choice < 0.8:
            person.delete(index)
        else:
            person.type(index, 0, "x")
        await asyncio.sleep(0)
    await reading
    await agree(person, book)
    fresh = Mirror(book._documents._mirrors[path].document)
    assert await fresh.cells() == await book.cells()
    fresh.close()


async def test_what_is_kept_of_a_document_goes_when_it_is_closed(
    book, make_notebook, join, notebooks
):
    path, _ = book
    other = make_notebook("other.ipynb", "1")
    leaver, _stayer = await join(path), await join(other)
    first, second = await notebooks.open(path), await notebooks.open(other)
    await first.cells()
    await second.cells()
    assert set(notebooks._documents._mirrors) == {path, other}
    await leaver.leave()

    async def only_the_open_one():
        await second.cells()
        return set(notebooks._documents._mirrors) == {other}

    await eventually(only_the_open_one, 30)


async def test_a_document_that_is_replaced_after_it_was_closed_is_not_trusted(
    book, join, notebooks, jp_root_dir
):
    path, _ = book
    person = await join(path)
    opened = await notebooks.open(path)
    assert await opened.trusted()
    await person.leave()

    async def is_closed():
        document = await notebooks._documents._document(path)
        return document is None

    await eventually(is_closed, 30)
    (jp_root_dir / path).write_text(hostile())
    await join(path)
    assert not await opened.trusted()


async def test_conflicts_are_conflicts(book, join, notebooks):
    path, cells = book
    await join(path)
    opened = await notebooks.open(path)
    with pytest.raises(NotFoundError):
        await opened.edit("nobody", digest("x"), "y")
    with pytest.raises(NotFoundError):
        await opened.insert("x", cell_type="code", after="nobody")
    with pytest.raises(ConflictError):
        await opened.delete(cells[0][0], digest("something else"))
