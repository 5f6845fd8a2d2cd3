"""What the agent does in a turn that a cell asked for: its code runs in that cell."""

from __future__ import annotations

import re
import time

import nbformat
import pytest

from tests.magic.conftest import results, scripted
from tests.scripted_model import LITELLM_WARNINGS, Call, Text, Until, Wait
from tests.server.conftest import eventually

pytestmark = LITELLM_WARNINGS

BUSY_CODE = """
print("a print")
import sys; print("to stderr", file=sys.stderr)
import pandas as pd, matplotlib.pyplot as plt
made = pd.DataFrame({"a": [1, 2]})
plt.plot([1, 2]); plt.show()
import asyncio
await asyncio.sleep(0.01)
made
"""


@pytest.fixture
def agent_config(scripted_model):
    return scripted(scripted_model)


def run_code(code, **arguments):
    return Call("run_code", {"code": code, **arguments})


async def test_code_runs_in_the_cell_and_shows_there_as_if_typed(typist, scripted_model, logbook):
    await typist.run("%matplotlib inline")
    scripted_model.script(Text("I look."), run_code(BUSY_CODE))
    scripted_model.script(Text("Two rows."))
    ran = await typist.run("before = 1\n%agent make it\nafter = made")
    assert ran.status == "ok", ran.error
    kinds = [o["output_type"] for o in ran.outputs]
    assert kinds == ["display_data", "stream", "stream", "display_data", "execute_result"]
    streams = {o["name"]: o["text"] for o in ran.outputs[1:3]}
    assert streams == {"stdout": "a print\n", "stderr": "to stderr\n"}
    assert "image/png" in ran.outputs[3]["data"]
    assert "text/html" in ran.outputs[4]["data"]
    assert ran.outputs[4]["execution_count"] == ran.reply["execution_count"]
    assert await typist.value("len(after)") == "2"
    ((name, status, told),) = results(await logbook.ended("completed"))
    assert (name, status) == ("run_code", "ok")
    assert "a print" in told
    assert "[image" in told
    assert "variables changed" in told
    assert '"made"' in told


async def test_an_error_of_the_code_is_shown_and_the_agent_goes_on(typist, scripted_model, logbook):
    scripted_model.script(run_code("kept = 5\n1 / 0"))
    scripted_model.script(run_code("def broken(:"))
    scripted_model.script(run_code("kept += 1"))
    scripted_model.script(Text("Done."))
    ran = await typist.run("%agent try it")
    assert ran.status == "ok"
    assert [o["ename"] for o in ran.outputs if o["output_type"] == "error"] == [
        "ZeroDivisionError",
        "SyntaxError",
    ]
    first, second, third = results(await logbook.ended("completed"))
    assert first[1] == second[1] == "error"
    assert "ZeroDivisionError" in first[2]
    assert "SyntaxError" in second[2]
    assert third[1] == "ok"
    assert await typist.value("kept") == "6"


async def test_a_cell_of_the_notebook_runs_in_the_cell_too_and_is_written_back(
    typist, scripted_model, logbook, make_notebook, open_notebook, jp_root_dir
):
    path = make_notebook("two.ipynb", "print('from the notebook')\nx = 3", "%agent")
    cell = nbformat.read(jp_root_dir / path, 4).cells[0]
    typist = type(typist)(await open_notebook(path))
    scripted_model.script(Call("run_cell", {"cell_id": cell.id}))
    scripted_model.script(Text("It ran."))
    ran = await typist.run("%agent run the first cell")
    assert ran.printed == "from the notebook\n"
    assert await typist.value("x") == "3"
    ((name, status, told),) = results(await logbook.ended("completed"))
    assert (name, status) == ("run_cell", "ok"), told
    written = nbformat.read(jp_root_dir / path, 4).cells[0]
    assert written.outputs[0].text == "from the notebook\n"


async def test_several_calls_run_one_after_another_and_other_kernels_are_free(
    typist, scripted_model, logbook, api
):
    scripted_model.script(run_code("order = [1]"), run_code("order.append(2)"))
    scripted_model.script(run_code("order.append(3)"))
    scripted_model.script(Text("Done."))
    await typist.run("%agent count")
    assert await typist.value("order") == "[1, 2, 3]"


async def test_code_that_runs_too_long_is_ended_and_the_turn_goes_on(
    typist, scripted_model, logbook
):
    scripted_model.script(run_code("import time\nwhile True: time.sleep(0.01)", timeout=1))
    scripted_model.script(run_code("import asyncio\nawait asyncio.sleep(60)", timeout=1))
    scripted_model.script(run_code("survived = 1"))
    scripted_model.script(Text("Too slow."))
    ran = await typist.run("%agent wait")
    assert ran.status == "ok", ran.error
    first, second, third = results(await logbook.ended("completed"))
    assert "Timeout" in first[2]
    assert "Timeout" in second[2]
    assert third[1] == "ok"
    assert await typist.value("survived") == "1"


async def test_a_cell_that_blocks_runs_code_too_but_without_await(typist, scripted_model, logbook):
    scripted_model.script(run_code("print('inner'); y = 2"))
    scripted_model.script(run_code("import time\nwhile True: time.sleep(0.01)", timeout=1))
    scripted_model.script(run_code("import asyncio\nawait asyncio.sleep(0)"))
    scripted_model.script(Text("Done."))
    ran = await typist.run("def ask():\n    %agent go\nask()")
    assert ran.status == "ok", ran.error
    assert ran.printed == "inner\n"
    first, second, third = results(await logbook.ended("completed"))
    assert first[1] == "ok"
    assert "Timeout" in second[2]
    assert third[1] == "error"
    assert await typist.value("y") == "2"


async def test_variables_read_between_two_runs_are_whole(typist, scripted_model):
    scripted_model.script(run_code("import pandas as pd\ndf = pd.DataFrame({'price': [1.5]})"))
    scripted_model.script(Call("inspect_variable", {"name": "df"}), Call("list_variables", {}))
    scripted_model.script(Text("Done."))
    await typist.run("%agent go")
    tools = [m for m in scripted_model.requests[-1].body["messages"] if m["role"] == "tool"]
    assert "price" in str(tools[1])
    listed = str(tools[2]).replace("\\", "")
    assert '"source":"main"' in listed
    assert '"state":"idle"' in listed


async def test_an_agent_does_not_ask_the_agent(typist, scripted_model, logbook):
    scripted_model.script(run_code("%agent and you?"))
    scripted_model.script(Text("Done."))
    ran = await typist.run("%agent go")
    assert ran.status == "ok"
    ((_, status, told),) = results(await logbook.ended("completed"))
    assert status == "error"
    assert "runs in this cell already" in told
    assert len(await logbook.sessions()) == 1


async def test_the_answer_streams_into_one_display_and_is_kept(typist, scripted_model, logbook):
    pieces = [piece for n in range(60) for piece in (Text(f"word{n} "), Wait(0.02))]
    scripted_model.script(run_code("z = 1\nz"))
    scripted_model.script(*pieces)
    ran = await typist.run("%agent tell me a lot")
    (answer,) = ran.answers
    turn = await logbook.ended("completed")
    markdown = answer["data"]["text/markdown"]
    assert markdown.startswith("word0 word1 ")
    assert "word59" in markdown
    assert "<details><summary>1 tool call</summary>" in markdown
    assert "```python\nz = 1\nz\n```" in markdown
    plain = answer["data"]["text/plain"]
    assert plain.startswith("word0 word1 ")
    assert "Tool calls: run_code (ok)" in plain
    assert answer["metadata"]["jupyter_agent"]["turn_id"] == turn.turn_id
    times = [moment for moment, _ in ran.updates]
    assert len(times) > 10
    busiest = max(sum(1 for t in times if start <= t < start + 1) for start in times)
    assert busiest <= 21, "more than 20 updates in a second, with the jitter of one"


async def test_the_first_words_show_while_the_model_still_speaks(typist, scripted_model):
    import threading

    go_on = threading.Event()
    scripted_model.script(Text("First words. "), Until(go_on), Text("The rest."))
    seen = []

    def look(message):
        text = str(message["content"].get("data", {}).get("text/markdown", ""))
        if "First words." in text and not go_on.is_set():
            seen.append(text)
            go_on.set()

    ran = await typist.run("%agent speak", on_message=look)
    assert seen
    assert "The rest." not in seen[0]
    assert ran.markdown == "First words. The rest."


async def test_raw_html_and_foreign_images_of_the_answer_stay_text(typist, scripted_model):
    text = (
        "See ![x](https://evil.example/?q=1) <img src='https://evil.example'> `<b>`\n```\n<i>\n```"
    )
    scripted_model.script(Text(text))
    ran = await typist.run("%agent show")
    assert "![" not in ran.markdown
    assert "<img" not in ran.markdown
    assert "`&lt;b>`" in ran.markdown
    assert "\n<i>\n" in ran.markdown


async def test_it_never_waits_for_a_turn_of_its_session(
    typist, scripted_model, api, notebook, logbook
):
    import asyncio
    import threading

    go_on = threading.Event()
    scripted_model.script(Text("Slow."), Until(go_on), Text(" Done."))
    slow = asyncio.ensure_future(api.quick("From REST", notebook=notebook))
    await eventually(lambda: scripted_model.requests)
    begun = time.monotonic()
    ran = await typist.run("%agent and now?")
    assert time.monotonic() - begun < 20
    assert ran.reply["ename"] == "AgentTurnError"
    assert re.search("A turn of this session is running", ran.error)
    scripted_model.script(Text("Another session."))
    ran = await typist.run("%agent --new and now?")
    assert ran.markdown == "Another session."
    go_on.set()
    status, answer = await slow
    assert (status, answer["response"]) == (200, "Slow. Done.")


async def test_a_rest_query_during_the_magic_is_queued_behind_it(
    typist, scripted_model, api, notebook, logbook
):
    import asyncio
    import threading

    go_on = threading.Event()
    scripted_model.script(Text("First."), Until(go_on))
    cell = asyncio.ensure_future(typist.run("%agent first"))
    await eventually(lambda: scripted_model.requests)
    scripted_model.script(run_code("second = 2"))
    scripted_model.script(Text("Second."))
    later = asyncio.ensure_future(api.quick("second", notebook=notebook))

    async def queued():
        sessions = await logbook.sessions()
        return sessions and sessions[0].queue

    await eventually(queued)
    go_on.set()
    assert (await cell).markdown == "First."
    status, answer = await later
    assert (status, answer["status"]) == (200, "completed")
    assert await typist.value("second") == "2"
