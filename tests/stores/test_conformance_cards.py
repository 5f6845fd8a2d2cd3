"""What every session store does with cards and searches."""

from __future__ import annotations

import pytest

from jupyter_agent_ext.errors import StoreError

from .samples import card, event, events, key


async def test_a_card_is_kept_with_the_log_and_knows_its_end(store):
    lease = await store.acquire(key())
    await store.append(lease, 0, events(1, 1), card=card(key()))
    assert await store.card(key()) == card(key(), seq=1)
    await store.append(lease, 1, events(2, 4))
    assert await store.card(key()) == card(key(), seq=4)
    changed = card(key(), seq=4, title="New", notebook=None, kernel_id=None, archived=True)
    await store.append(lease, 4, [], card=changed)
    assert await store.card(key()) == changed


async def test_a_log_without_a_card_is_listed_all_the_same(store):
    await store.append(await store.acquire(key()), 0, events(1, 2))
    found = await store.card(key())
    assert found is not None
    assert (found.seq, found.created, found.title) == (2, event(1).time, "")
    assert await store.cards("ada", "/srv") == [found]


async def test_a_session_held_but_never_written_does_not_exist(store):
    lease = await store.acquire(key())
    await store.append(lease, 0, [], card=card(key()))
    assert await store.card(key()) is None
    assert await store.cards("ada", "/srv") == []


async def test_the_card_of_another_session_is_refused(store):
    lease = await store.acquire(key())
    with pytest.raises(StoreError):
        await store.append(lease, 0, events(1, 1), card=card(key("s2")))
    assert await store.read(key()) == []


async def listed(store, **filters) -> list[str]:
    return [c.key.session_id for c in await store.cards("ada", "/srv", **filters)]


async def test_cards_come_most_recently_active_first_up_to_the_limit(store):
    for name, time in [("a", 5.0), ("b", 9.0), ("c", 7.0), ("d", 7.0)]:
        lease = await store.acquire(key(name))
        await store.append(lease, 0, events(1, 1), card=card(key(name), last_activity=time))
    assert await listed(store) == ["b", "d", "c", "a"]
    assert await listed(store, limit=2) == ["b", "d"]
    assert await store.cards("eve", "/srv") == []
    assert await store.cards("ada", "/else") == []


async def test_filters_narrow_the_list(store):
    cards = {
        "a": {"notebook": "a.ipynb", "notebook_id": "a.ipynb", "kernel_id": "k1"},
        "b": {"notebook": "a.ipynb", "notebook_id": "a.ipynb", "kernel_id": "k2", "archived": True},
        "c": {"notebook": None, "notebook_id": "a label", "kernel_id": None, "status": "running"},
    }
    for name, changes in cards.items():
        lease = await store.acquire(key(name))
        await store.append(lease, 0, events(1, 1), card=card(key(name), **changes))
    assert await listed(store, notebook="a.ipynb") == ["b", "a"]
    assert await listed(store, notebook="a.ipynb", kernel_id="k1") == ["a"]
    assert await listed(store, notebook="a label") == ["c"]
    assert await listed(store, archived=False) == ["c", "a"]
    assert await listed(store, archived=True) == ["b"]
    assert await listed(store, status="running") == ["c"]
    assert await listed(store, kernel_id="k9") == []


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("umsätze", ["a"]),
        ("UMSÄTZE", ["a"]),
        ("Umsa\u0308tze", ["a"]),
        ("STRASSE", ["b"]),
        ("histo", ["b"]),
        ("SALES.ipynb", ["b", "a"]),
        ("100%", ["a"]),
        ("1%0", []),
        ("_", []),
        ("\\", []),
        ("'", []),
        ("\ud800", []),
    ],
)
async def test_search_finds_title_notebook_and_texts_in_either_case(store, q, found):
    a, b = await store.acquire(key("a")), await store.acquire(key("b"))
    await store.append(a, 0, events(1, 1), card=card(a.key, title="Die Umsätze"), text="all 100%")
    await store.append(b, 0, events(1, 1), card=card(b.key), text="Hauptstraße")
    await store.append(b, 1, events(2, 2), text="Draw a HISTOGRAM, please")
    assert await listed(store, q=q) == found


async def test_without_an_owner_the_cards_of_all_owners_of_the_root_are_listed(store):
    for one in (key("a"), key("b", owner="bob"), key("c", root="/else")):
        await store.append(await store.acquire(one), 0, events(1, 1), card=card(one))
    assert [c.key for c in await store.cards(None, "/srv")] == [key("b", owner="bob"), key("a")]
    assert [c.key for c in await store.cards("bob", "/srv")] == [key("b", owner="bob")]
