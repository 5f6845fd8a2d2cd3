"""The last error, with all that is needed to mend it."""

from __future__ import annotations

import json

from tests.magic.conftest import Typist
from tests.scripted_model import LITELLM_WARNINGS, Call, Status, Text

from .conftest import result_text

pytestmark = LITELLM_WARNINGS


async def ask(api, scripted_model, path):
    scripted_model.script(Call("last_error", {}))
    scripted_model.script(Text("I see"))
    _, answer = await api.quick("What went wrong?", notebook=path, mode="ask")
    assert answer["status"] == "completed", "reading needs no approval"
    text = result_text(scripted_model.requests[-1])
    if "{" not in text:
        return text
    return json.loads(text[text.index("{") : text.rindex("}") + 1])


async def test_the_error_of_a_persons_cell_with_its_variables(
    api, make_notebook, open_notebook, scripted_model
):
    source = "total = 0\nfor name in prices:\n    total += prices[name] / count"
    path = make_notebook("err.ipynb", "prices = {'a': 1}\ncount = 0\nunrelated = 5", source)
    person = await open_notebook(path)
    await person.run("prices = {'a': 1}\ncount = 0\nunrelated = 5")
    assert (await person.run(source))["status"] == "error"
    found = await ask(api, scripted_model, path)
    assert found["error"].startswith("ZeroDivisionError: division by zero")
    assert "prices[name] / count" in found["error"]
    assert found["cell"]["index"] == 1
    assert found["code"] == source
    assert {"prices", "count", "total"} <= found["variables"].keys()
    assert "unrelated" not in found["variables"]


async def test_a_cell_that_ran_again_without_error_is_mended(
    api, make_notebook, open_notebook, scripted_model
):
    path = make_notebook("err.ipynb", "1 / d")
    person = await open_notebook(path)
    await person.run("d = 0")
    await person.run("1 / d")
    await person.run("d = 1")
    await person.run("1 / d")
    assert "No error" in await ask(api, scripted_model, path)


async def test_what_the_agent_tries_in_the_cell_that_asks_is_not_the_error(
    api, make_notebook, open_notebook, scripted_model
):
    path = make_notebook("err.ipynb", "1 / d")
    person = await open_notebook(path)
    await person.run("d = 0")
    await person.run("1 / d")
    typist = Typist(person)
    for question in ("%agent fix this error", "x = 1\n%agent fix this error"):
        scripted_model.script(Call("run_code", {"code": "int('a trial')"}))
        scripted_model.script(Call("last_error", {}))
        scripted_model.script(Text("I see"))
        ran = await typist.run(question, answers=["y"])
        assert [o["ename"] for o in ran.outputs if o["output_type"] == "error"] == ["ValueError"]
        assert "ZeroDivisionError" in result_text(scripted_model.requests[-1])
        scripted_model.script(Status(400, "no such thing"))
        ran = await typist.run(question)
        assert ran.reply["ename"] == "AgentTurnError"
        found = await ask(api, scripted_model, path)
        assert found["error"].startswith("ZeroDivisionError")
        assert found["code"] == "1 / d"


async def test_what_the_agent_tries_in_the_kernel_is_not_the_error(
    api, make_notebook, open_notebook, scripted_model
):
    path = make_notebook("err.ipynb", "1 / d")
    person = await open_notebook(path)
    await person.run("d = 0")
    await person.run("1 / d")
    _, info = await api.post("sessions", body={"notebook": path})
    await api.call("PATCH", "sessions", info["session_id"], body={"mode": "auto"})
    scripted_model.script(Call("run_code", {"code": "int('a trial')"}))
    scripted_model.script(Text("I tried"))
    await api.quick("Fix it", notebook=path)
    assert "ValueError" in result_text(scripted_model.requests[-1])
    assert (await ask(api, scripted_model, path))["code"] == "1 / d"


async def test_the_error_of_a_line_after_the_answer_is_remembered(
    api, make_notebook, open_notebook, scripted_model
):
    path = make_notebook("err.ipynb", "1 / d")
    typist = Typist(await open_notebook(path))
    scripted_model.script(Call("run_code", {"code": "int('a trial')"}))
    scripted_model.script(Text("I see"))
    await typist.run("x = 0\n%agent try\n1 / x", answers=["y"])
    found = await ask(api, scripted_model, path)
    assert found["error"].startswith("ZeroDivisionError")


async def test_without_a_kernel_the_notebooks_own_outputs_tell(
    api, make_notebook, jp_root_dir, scripted_model
):
    path = make_notebook("err.ipynb", "boom()", "fine")
    book = json.loads((jp_root_dir / path).read_text())
    book["cells"][0]["execution_count"] = 3
    book["cells"][0]["outputs"] = [
        {
            "output_type": "error",
            "ename": "NameError",
            "evalue": "name 'boom' is not defined",
            "traceback": ["\u001b[31mNameError\u001b[39m: name 'boom' is not defined"],
        }
    ]
    (jp_root_dir / path).write_text(json.dumps(book))
    found = await ask(api, scripted_model, path)
    assert found["error"].startswith("NameError: name 'boom' is not defined")
    assert (found["cell"]["index"], found["variables"]) == (0, {})
