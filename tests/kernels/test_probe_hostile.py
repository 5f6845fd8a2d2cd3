"""Objects that misbehave when they are looked at: not a line of their code may run."""

from __future__ import annotations

import pytest

from jupyter_agent_ext.kernels import probes

from .harness import Harness, inspect_raw, running

HOSTILE = """
import time, enum, datetime, collections, types, pandas as pd, numpy as np
calls = []
def trap(name):
    def method(*args, **kwargs):
        calls.append(name)
        raise RuntimeError(name)
    return method
SPECIAL = ["repr", "str", "len", "eq", "hash", "bool", "iter", "getitem", "contains", "format",
           "int", "index", "float", "dir", "sizeof", "reduce", "reduce_ex", "ne", "lt", "bytes"]
traps = {f"__{name}__": trap(name) for name in SPECIAL}
class Meta(type):
    def __hash__(cls): calls.append("meta hash"); raise RuntimeError
    def __eq__(cls, other): calls.append("meta eq"); raise RuntimeError
    def __repr__(cls): calls.append("meta repr"); raise RuntimeError
    def __getattribute__(cls, name): calls.append("meta getattribute " + name); raise RuntimeError
    def __instancecheck__(cls, obj): calls.append("instancecheck"); raise RuntimeError
    def __subclasscheck__(cls, sub): calls.append("subclasscheck"); raise RuntimeError
    __module__ = property(trap("meta module"))
    __mro__ = property(trap("meta mro"))
    __dict__ = property(trap("meta dict"))
    __name__ = property(trap("meta name"))
Everything = type("Everything", (), dict(traps))
class Bomb:
    def __getattr__(self, name): calls.append("getattr"); raise RuntimeError
    def __getattribute__(self, name): calls.append("getattribute"); raise RuntimeError
class Forever:
    def __repr__(self):
        calls.append("forever")
        while True: time.sleep(0.01)
class Liar:
    @property
    def __class__(self): calls.append("class"); return pd.DataFrame
    @property
    def _mgr(self): calls.append("mgr"); raise RuntimeError
class Fake:
    __module__ = "pandas"
    __qualname__ = "DataFrame"
    _mgr = property(trap("fake mgr"))
    schema = property(trap("fake schema"))
class Hidden:
    __dict__ = property(trap("instance dict"))
class Slotted:
    __slots__ = ("a",)
    def __getattr__(self, name): calls.append("slot getattr"); raise RuntimeError
class Text(str):
    __repr__ = __str__ = __len__ = __eq__ = __format__ = trap("text")
    __hash__ = str.__hash__
class Items(list):
    __repr__ = __len__ = __iter__ = __getitem__ = __eq__ = trap("items")
class Table(dict):
    __repr__ = __len__ = __iter__ = __getitem__ = items = keys = values = trap("table")
class Number(float):
    __repr__ = __eq__ = __ne__ = __float__ = trap("number")
class Array(np.ndarray):
    def __array_finalize__(self, obj): calls.append("finalize") if armed else None
    __getitem__ = __repr__ = __len__ = trap("array")
    shape = property(trap("shape"))
class Frame(pd.DataFrame):
    @property
    def _constructor(self): calls.append("constructor"); raise RuntimeError
    def isna(self): calls.append("isna"); raise RuntimeError
    def __len__(self): calls.append("frame len"); raise RuntimeError
    shape = property(trap("frame shape"))
class Zone(datetime.tzinfo):
    def utcoffset(self, d):
        calls.append("utcoffset") if armed else None
        return datetime.timedelta(0)
    tzname = dst = lambda self, d: None
class Color(enum.Enum):
    RED = 1
    def __repr__(self): calls.append("enum repr"); raise RuntimeError
    __str__ = __format__ = __repr__
armed = False
everything = Everything(); bomb = Bomb(); forever = Forever(); liar = Liar(); fake = Fake()
hidden = Hidden(); slotted = Slotted(); text = Text("x"); items = Items([1]); table = Table(a=1)
number = Number(1.5); array = np.arange(6).view(Array); frame = Frame({"a": [1]}); red = Color.RED
moment = datetime.datetime(2020, 1, 1, tzinfo=Zone()); MetaClass = Meta("MetaClass", (), {})
meta_made = type.__call__(MetaClass)
nested = [everything, bomb, text, number, items, table, red, MetaClass]
mapped = {1: everything, "k": bomb, 2: MetaClass, text: number}
objects = pd.DataFrame({"o": [everything, bomb, liar, None], "n": [1, 2, 3, 4]})
series = pd.Series([everything, bomb, text])
raw = np.empty(3, dtype=object); raw[0] = everything; raw[1] = bomb
deque = collections.deque([everything, bomb])
def function(a=everything, *, b=bomb): pass
function.__annotations__ = {"a": everything, "return": MetaClass}
module = types.ModuleType("m"); module.__dict__["__getattr__"] = trap("module getattr")
class WithDoc:
    __doc__ = text
lazy = types.SimpleNamespace(a=everything, b=bomb)
calls.clear(); armed = True
"""


@pytest.fixture(scope="module")
def kernel(jp_asyncio_loop):
    harness = Harness()
    try:
        jp_asyncio_loop.run_until_complete(harness.start())
        jp_asyncio_loop.run_until_complete(harness.run(HOSTILE))
        jp_asyncio_loop.run_until_complete(harness.run(probes.injection("us"), silent=True))
        yield harness
    finally:
        jp_asyncio_loop.run_until_complete(harness.stop())


async def names(kernel):
    body = await inspect_raw(kernel, owner="us", op="snapshot")
    return list(body["variables"])


async def test_reading_a_busy_kernel_runs_no_code_of_the_user(kernel):
    token = (await inspect_raw(kernel, owner="us", op="snapshot"))["token"]
    await kernel.run("calls.clear()")
    async with running(kernel, "time.sleep(60)"):
        body = await inspect_raw(kernel, owner="us", op="snapshot", since=token)
        for name in body["variables"]:
            await inspect_raw(kernel, owner="us", op="inspect", name=name)
    assert body["full"] is False
    assert body["skipped"] == 0
    assert await kernel.value("calls") == []


async def test_reading_an_idle_kernel_runs_no_code_of_the_user(kernel):
    await kernel.run("calls.clear()")
    for name in await names(kernel):
        body = await inspect_raw(kernel, owner="us", op="inspect", name=name)
        assert body["full"] is True
    assert await kernel.value("calls") == []


async def test_liars_are_seen_as_what_they_are(kernel):
    found = (await inspect_raw(kernel, owner="us", op="snapshot"))["variables"]
    assert found["liar"]["type"] == "Liar"
    assert found["liar"]["kind"] == "object"
    assert found["fake"]["kind"] == "object"
    assert found["forever"]["kind"] == "object"
    assert found["array"] == {
        "type": "Array",
        "kind": "array",
        "shape": [6],
        "dtype": "int64",
        "bytes": 48,
    }
    assert found["frame"]["shape"] == [1, 1]
    assert found["frame"]["columns"] == {"a": "int64"}
    assert found["red"]["value"] == "<Color.RED>"
    assert found["lazy"]["attributes"] == {"a": "Everything", "b": "Bomb"}
    assert not [name for name, summary in found.items() if "could not" in summary.get("note", "")]


async def test_a_finalizer_never_runs_on_the_control_thread(kernel):
    await kernel.run(
        "import threading\nthreads = set()\n"
        "class Mortal:\n    def __del__(self): threads.add(threading.current_thread().name)\n"
    )
    churn = (
        "end = time.monotonic() + 1.5\n"
        "while time.monotonic() < end:\n"
        "    globals().update({f'm{i}': Mortal() for i in range(300)})\n"
        "    for i in range(300): del globals()[f'm{i}']\n"
    )
    msg_id = kernel.begin(churn)
    await kernel.until_busy(msg_id)
    for _ in range(40):
        assert "error" not in await inspect_raw(kernel, owner="us", op="snapshot")
    await kernel.until_idle(msg_id)
    assert await kernel.value("threads") == {"MainThread"}


@pytest.mark.parametrize(
    "busy",
    [
        "time.sleep(60)",
        "while True: pass",
        "import asyncio\nwhile True: await asyncio.sleep(0.1)",
    ],
)
async def test_a_busy_kernel_answers(kernel, busy):
    async with running(kernel, busy):
        body = await inspect_raw(kernel, owner="us", op="snapshot")
    assert body["total"] > 30
    assert body["full"] is ("await" in busy)


async def test_pandas_objects_may_be_mutated_while_they_are_read(kernel):
    await kernel.run("calls.clear()")
    churn = (
        "end = time.monotonic() + 5; i = 0\n"
        "df = pd.DataFrame({'a': np.arange(1000.0), 'b': ['x'] * 1000})\n"
        "s = pd.Series(['y'] * 500)\n"
        "while time.monotonic() < end:\n"
        "    i += 1\n"
        "    df[f'c{i % 30}'] = np.random.rand(len(df)); df.loc[i % 900, 'b'] = f'v{i}'\n"
        "    df = pd.concat([df, df.iloc[:5]]).iloc[5:]; df.drop(columns=['a'], inplace=True)\n"
        "    df['a'] = i; df.sort_values('b', inplace=True); s.iloc[i % 400] = str(i)\n"
        "    df.insert(0, f'z{i}', 1); del df[f'z{i}']; df.columns = list(df.columns)\n"
    )
    msg_id = kernel.begin(churn)
    await kernel.until_busy(msg_id)
    count, token = 0, None
    while kernel.state == "busy":
        body = await inspect_raw(kernel, owner="us", op="snapshot", since=token)
        await inspect_raw(kernel, owner="us", op="inspect", name="df")
        token, count = body["token"], count + 1
    assert count > 20
    await kernel.run("assert len(df) == 1000")
