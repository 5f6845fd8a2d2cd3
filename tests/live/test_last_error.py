"""The last error, with all that is needed to mend it."""

from __future__ import annotations

import json

from tests.scripted_model import LITELLM_WARNINGS, Call, Text

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
