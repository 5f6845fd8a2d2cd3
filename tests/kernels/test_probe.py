"""The guest probe in a real kernel: what it reads, and what it leaves alone."""

from __future__ import annotations

import ast
import json

import pytest

from jupyter_agent_ext.kernels import probes

from .harness import Harness, inspect_raw, running

NAME = "_jupyter_agent_probe_"


@pytest.fixture(scope="module")
def shared_kernel(jp_asyncio_loop):
    harness = Harness()
    try:
        jp_asyncio_loop.run_until_complete(harness.start())
        jp_asyncio_loop.run_until_complete(harness.run(probes.injection("us"), silent=True))
        yield harness
    finally:
        jp_asyncio_loop.run_until_complete(harness.stop())


@pytest.fixture
def kernel(jp_asyncio_loop, shared_kernel):
    """The shared kernel with an empty namespace."""
    jp_asyncio_loop.run_until_complete(shared_kernel.run("%reset -f"))
    return shared_kernel


async def snapshot(kernel, **arguments):
    body = await inspect_raw(kernel, owner="us", op="snapshot", **arguments)
    assert "error" not in body, body
    return body


EVERYTHING = (*probes.FIRST, *probes.PARTS, *probes.MAGIC)


async def summary(kernel, name):
    body = await inspect_raw(kernel, owner="us", op="inspect", name=name)
    return body["summary"]


def test_the_parts_share_one_namespace_without_collisions():
    defined = []
    for node in ast.parse(probes.python_source(*EVERYTHING)).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            defined.append(node.name)
        elif isinstance(node, ast.Assign):
            targets = [n for t in node.targets for n in ast.walk(t)]
            defined += [n.id for n in targets if isinstance(n, ast.Name)]
    assert sorted(defined) == sorted(set(defined))


def test_the_probe_imports_the_standard_library_and_nothing_heavy():
    import sys

    tree = ast.parse(probes.python_source(*EVERYTHING))
    imported = {
        a.name.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names
    }
    imported |= {n.module.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    assert imported <= sys.stdlib_module_names | {"IPython"}
    assert not imported & {"multiprocessing", "sqlite3", "unittest", "email", "http"}


async def test_plain_values_are_told_exactly(kernel):
    await kernel.run(
        "a = 7; b = 2.5; c = 'text'; d = None; e = True; big = 2**60; huge = 1 << 4000\n"
        "f = [1, 'x', [2, [3, [4]]]]; g = {'k': 1}; h = {1}; i = b'raw'; j = (1,)"
    )
    found = (await snapshot(kernel))["variables"]
    values = {name: found[name].get("value") for name in found}
    assert (values["a"], values["b"], values["c"], values["d"], values["e"]) == (
        7,
        2.5,
        "text",
        None,
        True,
    )
    assert values["big"] == str(2**60)
    assert values["huge"] == "int(4001 bits)"
    assert values["f"] == "[1, 'x', [2, [… 2]]]"
    assert values["g"] == "{'k': 1}"
    assert found["f"]["len"] == 3
    assert [found[n]["kind"] for n in "cfghij"] == [
        "text",
        "sequence",
        "mapping",
        "set",
        "bytes",
        "sequence",
    ]
    assert list(found)[:2] == ["j", "i"], "newest first"


async def test_a_frame_is_told_with_nulls_exactly(kernel):
    await kernel.run(
        "import pandas as pd\n"
        "df = pd.DataFrame({'price': [1.5, None, 3.0], 'city': ['Rome', None, 'Oslo'],\n"
        "  'day': pd.to_datetime(['2020-01-01', None, '2020-01-03']), 'n': [1, 2, 3],\n"
        "  'cat': pd.Categorical(['u', None, 'u']), 'opt': pd.array([1, None, 3], dtype='Int64')})"
    )
    found = (await snapshot(kernel))["variables"]["df"]
    assert found["kind"] == "dataframe"
    assert found["shape"] == [3, 6]
    assert list(found["columns"]) == ["price", "city", "day", "n", "cat", "opt"]
    assert found["columns"]["price"] == "float64"
    assert found["columns"]["cat"] == "category"
    assert found["columns"]["opt"] == "Int64"
    assert found["nulls"] == {"price": 1, "city": 1, "day": 1, "cat": 1, "opt": 1}
    assert found["head"][0] == [1.5, "Rome", "2020-01-01T00:00:00.000000", 1, "u", 1]
    assert found["head"][1] == [None, None, None, 2, None, None]


async def test_a_frame_is_readable_while_a_cell_sleeps(kernel):
    await kernel.run(
        "import time, pandas as pd\n"
        "df = pd.DataFrame({'price': [1.5, None, 3.0], 'city': ['Rome', None, 'Oslo']})\n"
        "wide = pd.DataFrame({(f'a{i}', i): [i] for i in range(80)})"
    )
    async with running(kernel, "time.sleep(60)"):
        body = await snapshot(kernel)
    found = body["variables"]
    assert body["full"] is False
    assert found["df"]["shape"] == [3, 2]
    assert found["df"]["head"] == [[1.5, "Rome"], [None, None], [3.0, "Oslo"]]
    assert found["df"]["nulls_sampled"] == {"price": 1, "city": 1}
    assert "nulls" not in found["df"]
    assert found["wide"]["more_columns"] == 20
    assert next(iter(found["wide"]["columns"])) == "('a0', 0)"


async def test_inspecting_a_frame_gives_statistics(kernel):
    await kernel.run(
        "import pandas as pd, numpy as np\n"
        "df = pd.DataFrame({'v': np.arange(101.0), 'city': ['Rome'] * 60 + ['Oslo'] * 41})"
    )
    found = await summary(kernel, "df")
    assert found["stats"]["v"]["mean"] == 50.0
    assert found["stats"]["v"]["p25"] == 25.0
    assert found["top"] == {"city": {"Rome": 60, "Oslo": 41}}
    assert len(found["head"]) == 10


async def test_inspecting_a_function_and_a_class_gives_their_source(kernel):
    await kernel.run(
        "password = 'hunter2hunter2'\n"
        "def area(width: float, height=2, *rest, unit='m', **more) -> float:\n"
        "    '''Multiply.'''\n    api_key = 'abcdefghijk'\n    return width * height\n"
        "class Room:\n    '''A room.'''\n    def size(self):\n        return 1\n"
    )
    found = await summary(kernel, "area")
    assert found["signature"] == ("area(width: float, height=2, *rest, unit='m', **more) -> float")
    assert "return width * height" in found["source"]
    assert "abcdefghijk" not in found["source"]
    assert found["doc"] == "Multiply."
    assert (await summary(kernel, "Room"))["source"].startswith("class Room:")
    listed = (await snapshot(kernel))["variables"]
    assert "source" not in listed["area"]


async def test_figures_paths_dates_modules_and_enums_have_kinds(kernel):
    await kernel.run(
        "import math, datetime, enum, pathlib, decimal\nimport matplotlib\n"
        "matplotlib.use('agg')\nimport matplotlib.pyplot as plt\n"
        "fig, ax = plt.subplots(); ax.set_title('Sales'); ax.plot([1, 2]); plt.close(fig)\n"
        "class Color(enum.Enum):\n    RED = 1\n"
        "red = Color.RED; path = pathlib.Path('data/x.csv'); day = datetime.date(2020, 1, 2)\n"
        "amount = decimal.Decimal('1.20')"
    )
    found = (await snapshot(kernel))["variables"]
    assert found["fig"]["kind"] == "figure"
    assert found["fig"]["axes"] == [{"title": "Sales", "lines": 1}]
    assert (found["path"]["kind"], found["path"]["value"]) == ("path", "data/x.csv")
    assert (found["day"]["kind"], found["day"]["value"]) == ("datetime", "2020-01-02")
    assert found["red"]["value"] == "<Color.RED>"
    assert found["amount"]["value"] == "1.20"
    assert found["math"]["kind"] == "module"


async def test_connections_and_lazy_things_are_named_only(kernel):
    await kernel.run("import sqlite3\ncon = sqlite3.connect(':memory:')")
    found = (await snapshot(kernel))["variables"]["con"]
    assert found == {"type": "sqlite3.Connection", "kind": "connection", "note": "not queried"}


async def test_secrets_stay_in_the_kernel(kernel):
    secrets = [
        "hunter2hunter2",
        "AKIAABCDEFGHIJKLMNOP",
        "sk-abcdefghijklmnopqrstuvwx",
        "ghp_abcdefghijklmnopqrstuvwx",
        "s3cr3tpw",
        "MIIEowIBAAKCAQEA",
        "swordfish",
        "4711471147",
    ]
    await kernel.run(
        f"password = {secrets[0]!r}\n"
        f"config = {{'api_key': {secrets[0]!r}, 'user': 'ada', 'x': {{'token': {secrets[6]!r}}}}}\n"
        f"text = 'key {secrets[1]} and ' + 'x' * 150 + ' {secrets[2]}'\n"
        f"edge = 'x' * 190 + '{secrets[3]}'\n"
        f"url = 'postgresql://ada:{secrets[4]}@db/x'\n"
        f"pem = '-----BEGIN RSA PRIVATE KEY-----\\n{secrets[5]}' + 'A' * 3000\n"
        f"passwords = [{secrets[6]!r}]\n"
        f"pin_password = {secrets[7]}\n"
        "import pandas as pd\n"
        f"people = pd.DataFrame({{'name': ['Ada'], 'password': [{secrets[6]!r}]}})\n"
        f"people_secret = pd.Series([{secrets[6]!r}])\n"
        f"def connect(host, password={secrets[6]!r}): pass\n"
        f"blob = b'{secrets[3]}'\n"
        f"dsn_like = 'Server=x;Password={secrets[6]};'\n"
        f"clientSecret = {secrets[6]!r}"
    )
    texts = [json.dumps(await snapshot(kernel))]
    async with running(kernel, "import time; time.sleep(60)"):
        texts.append(json.dumps(await snapshot(kernel)))
    names = ["password", "config", "text", "edge", "url", "pem", "passwords", "people", "connect"]
    texts += [json.dumps(await summary(kernel, name)) for name in names]
    for text in texts:
        for secret in secrets:
            assert secret not in text
            assert secret[:12] not in text
    assert '"user"' in texts[0] or "'user': 'ada'" in texts[0]


async def test_words_called_tokens_are_no_secret(kernel):
    await kernel.run("tokens = ['the', 'cat']; n_tokens = 2; max_tokens = 100; token = 'abcdef'")
    found = (await snapshot(kernel))["variables"]
    assert found["tokens"]["value"] == "['the', 'cat']"
    assert found["n_tokens"]["value"] == 2
    assert found["token"]["kind"] == "secret"


async def test_the_reply_is_strict_json_whatever_the_values(kernel):
    await kernel.run(
        "import pandas as pd, numpy as np\n"
        "nan = float('nan'); inf = float('inf'); raw = b'\\xff\\x00'; lone = '\\ud800x'\n"
        "keys = {1: 2, None: 3, (1, 2): 4, '\\udfff': 5}; cplx = complex('nan')\n"
        "globals()['na\\ud800me'] = 1; globals()[7] = 8\n"
        "df = pd.DataFrame({1: [float('inf')], None: [float('nan')], 'a\\ud800': ['\\udcff']})\n"
        "arr = np.array([np.nan, np.inf]); obj = np.array([object(), None], dtype=object)\n"
        "half = np.float16(2.5); ld = np.longdouble(1.5)\n"
        "dup = pd.DataFrame([[1, 2]], columns=['a', 'a'])"
    )
    body = await snapshot(kernel)
    text = json.dumps(body, allow_nan=False, ensure_ascii=False)
    text.encode("utf-8")
    found = body["variables"]
    assert found["nan"]["value"] == "nan"
    assert found["dup"]["columns"] == {"a": "int64", "a (2)": "int64"}
    assert found["half"]["value"] == 2.5
    assert "na\\ud800me" in found
    assert body["skipped"] == 0
    assert not [name for name in found if "note" in found[name]]


async def test_nothing_of_the_user_changes(kernel):
    await kernel.run(
        "fired = []\nip = get_ipython()\n"
        "for event in ('pre_execute', 'post_execute', 'pre_run_cell', 'post_run_cell'):\n"
        "    ip.events.register(event, lambda *a, event=event: fired.append(event))\n"
        "x = 5"
    )
    await kernel.run("x")
    state = (
        "(len(fired), len(In), sorted(Out), repr(_), ip.execution_count, sorted(globals()), "
        "ip.run_line_magic('who_ls', ''))"
    )
    before = await kernel.value(state)
    count = before[0]
    for _ in range(5):
        await snapshot(kernel)
        await summary(kernel, "x")
    after = await kernel.value(state)
    assert after[1:] == before[1:]
    assert after[0] == count + 2 or after[0] == count + 1, "only our own two evaluations fired"
    await kernel.run(
        "ip.events.callbacks.update({e: [f for f in fs if f.__name__ != '<lambda>']"
        " for e, fs in ip.events.callbacks.items()})"
    )


async def test_the_probe_survives_reset_and_is_in_builtins_only(kernel):
    first = await snapshot(kernel)
    await kernel.run("%reset -f")
    assert (await snapshot(kernel))["epoch"] == first["epoch"]
    assert await kernel.value(f"({NAME!r} in globals(), {NAME!r} in dir(__builtins__))") == (
        False,
        True,
    )


async def test_a_second_injection_changes_nothing_and_a_newer_one_replaces_it(kernel):
    await kernel.run("x = 1")
    body = await snapshot(kernel)
    await kernel.run(probes.injection("them"), silent=True)
    again = await snapshot(kernel, since=body["token"])
    assert again["diff"] == {"new": [], "removed": [], "rebound": [], "mutated": [], "maybe": []}
    newer = (
        probes.injection("them")
        .replace(f"< {probes.VERSION}:", "< 1000:")
        .replace(f"'VERSION': {probes.VERSION}", "'VERSION': 1000")
    )
    await kernel.run(newer, silent=True)
    try:
        body = await snapshot(kernel)
        assert body["version"] == 1000
        assert body["epoch"] == again["epoch"]
        hooked = f"get_ipython().kernel.control_handlers['debug_request'].__self__ is {NAME}"
        assert await kernel.value(hooked) is True
        assert await kernel.value(f"type({NAME}.original.__self__).__name__") == "IPythonKernel"
    finally:
        await kernel.run(f"__import__('builtins').{NAME}.version = {probes.VERSION}")


async def test_another_owner_is_refused_until_the_first_is_gone(kernel):
    await snapshot(kernel)
    refused = await inspect_raw(kernel, owner="them", op="snapshot")
    assert refused["error"] == "owned"
    assert "another Jupyter server" in refused["message"]
    assert "us" not in refused.values()
    assert "variables" not in refused
    await kernel.run(f"__import__('builtins').{NAME}.heard -= 31")
    assert "variables" in await inspect_raw(kernel, owner="them", op="snapshot")
    assert (await inspect_raw(kernel, owner="us", op="snapshot"))["error"] == "owned"
    await kernel.run(f"__import__('builtins').{NAME}.heard -= 31")
    await snapshot(kernel)


async def test_other_debug_requests_are_answered_as_before(kernel):
    content = {"type": "request", "seq": 3, "command": "debugInfo", "arguments": {}}
    reply = await kernel.request("control", "debug_request", content, timeout=10)
    assert reply["content"]["success"] is True
    assert "isStarted" in reply["content"]["body"]


async def test_an_unknown_op_is_answered_and_a_handler_can_be_added(kernel):
    assert (await inspect_raw(kernel, owner="us", op="dance"))["error"] == "unknown_op"
    await kernel.run(f"{NAME}.handlers['dance'] = lambda arguments: {{'danced': arguments['n']}}")
    assert (await inspect_raw(kernel, owner="us", op="dance", n=3))["danced"] == 3
