"""run_code, list_variables and inspect_variable on a real kernel."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from jupyter_agent_ext.errors import KernelError, NotFoundError, ToolError
from jupyter_agent_ext.records import ExecutionResult
from jupyter_agent_ext.tools.execution import report
from jupyter_agent_ext.tools.kernel import (
    VARIABLES_CHARS,
    inspect_variable,
    list_variables,
    run_code,
)

from .context import Context


async def run(context, code, **arguments):
    return await run_code.run(context, run_code.validate({"code": code, **arguments}))


def text(result):
    return "\n".join(part["text"] for part in result.content if part["type"] == "text")


async def test_outputs_come_back_and_changed_variables_are_the_last_line(context):
    result = await run(context, "x = 41\nprint('hello')\nx + 1")
    assert result.status == "ok"
    assert result.changes == []
    lines = text(result).split("\n")
    assert lines[:2] == ["hello", "42"]
    name, _, changed = lines[-1].partition(": ")
    assert name == "variables changed"
    assert json.loads(changed)["new"]["x"] == {"kind": "scalar", "type": "int", "value": 41}
    assert text(await run(context, "pass")) == "(no output)"
    assert '"removed": ["x"]' in text(await run(context, "del x"))


async def test_the_effect_is_noted_before_outputs_are_shown(context):
    await run(context, "print('a', flush=True); print('b')")
    assert context.happened[:2] == [("kernel", True), "started"]
    shown = "".join(o["text"] for o in context.happened[2:] if isinstance(o, dict))
    assert shown == "a\nb\n"


async def test_an_error_is_told_by_name_value_and_place(context):
    result = await run(context, "def f():\n    return 1 / 0\nf()")
    assert result.status == "error"
    assert text(result).startswith("ZeroDivisionError: division by zero\n")
    assert "\x1b" not in text(result)
    assert "return 1 / 0" in text(result)


async def test_a_plot_comes_back_as_an_image(context):
    result = await run(
        context,
        "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()",
    )
    assert result.status == "ok"
    (image,) = [part for part in result.content if part["type"] == "image"]
    assert image["mime"] == "image/png"
    assert context.blobs[image["blob"]].startswith(b"\x89PNG")
    assert "[image 1: image/png]" in text(result)


async def test_code_is_not_in_the_users_history(context):
    await run(context, "a = 1")
    assert "1" in text(await run(context, "get_ipython().execution_count"))


async def test_a_timeout_interrupts_and_says_so(context):
    began = time.monotonic()
    result = await run(context, "import time\nprint('begun')\ntime.sleep(30)", timeout=1)
    assert time.monotonic() - began < 15
    assert result.status == "error"
    assert "begun" in text(result)
    assert "Timeout: the code ran longer than 1 s and was interrupted." in text(result)
    assert "42" in text(await run(context, "6 * 7")), "the kernel can be used again"


async def test_an_interrupt_by_the_user_is_told(context, kernel):
    running = asyncio.create_task(run(context, "import time\nprint('begun')\ntime.sleep(30)"))
    await shown(context, running)
    await kernel.interrupt()
    result = await running
    assert result.status == "interrupted"
    assert "The execution was interrupted." in text(result)


async def test_a_cancelled_call_interrupts_the_kernel(context):
    running = asyncio.create_task(run(context, "import time\nprint('begun')\ntime.sleep(30)"))
    await shown(context, running)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert "42" in text(await run(context, "6 * 7"))


async def test_a_death_tells_that_the_variables_are_gone(context):
    result = await run(context, "import os\nprint('begun', flush=True)\nos._exit(1)")
    assert result.status == "error"
    assert "all its variables are gone" in text(result)


async def test_an_aborted_request_says_that_it_never_ran():
    context = Context()
    content, status = await report(context, ExecutionResult("aborted", [], started=False), 120)
    assert status == "error"
    assert "never ran" in content[0]["text"]
    assert len(content) == 1


async def test_code_that_does_not_stop_is_told_as_still_running():
    stuck = {"ename": "StillRunning", "evalue": "It went on.", "traceback": []}
    result = ExecutionResult("timeout", [], error=stuck)

    async def nothing():
        return ""

    context = Context()
    context.variables_changed = nothing
    content, status = await report(context, result, 3)
    assert status == "error"
    assert content[0]["text"].endswith("StillRunning: It went on.")


async def test_long_output_is_cut_and_the_whole_can_be_read(context):
    result = await run(context, "for n in range(20_000): print(n)")
    part = result.content[0]
    assert part["size"] == len(context.blobs[part["blob"]])
    assert part["text"].startswith("0\n1\n")
    assert "19999" in part["text"]


async def test_wrong_arguments_are_refused_before_anything_runs(context):
    for arguments in ({}, {"code": 1}, {"code": "1", "timeout": 0}, {"code": "1", "x": 1}):
        with pytest.raises(ToolError):
            run_code.validate(arguments)
    result = await run(context, " \n")
    assert (result.status, context.happened) == ("error", [])


async def test_variables_are_listed(context):
    await run(context, "numbers = [1, 2]\nname = 'x'")
    result = await list_variables.run(context, {})
    body = json.loads(text(result))
    assert body["variables"]["numbers"]["type"] == "list"
    assert body["variables"]["name"]["value"] == "x"
    assert body["total"] >= 2
    assert body["left_out"] == 0
    assert body["source"] == "main"


async def test_many_variables_are_bounded_and_the_rest_is_named(context):
    await run(context, "for n in range(1000): globals()[f'variable_{n}'] = 'x' * 150")
    result = text(await list_variables.run(context, {}))
    body = json.loads(result)
    assert len(result) < VARIABLES_CHARS + 25_000
    assert body["left_out"] == body["total"] - len(body["variables"]) > 0
    assert len(set(body["names_only"])) == len(body["names_only"]) <= body["left_out"]
    assert set(body["names_only"]).isdisjoint(body["variables"])
    assert sum(len(k) + len(json.dumps(v)) for k, v in body["variables"].items()) < VARIABLES_CHARS


async def test_one_variable_is_inspected(context):
    await run(context, "answer = 42")
    result = await inspect_variable.run(context, {"name": "answer"})
    assert json.loads(text(result))["value"] == 42
    with pytest.raises(NotFoundError, match="nope"):
        await inspect_variable.run(context, {"name": "nope"})


async def test_without_a_kernel_there_are_no_variables():
    with pytest.raises(KernelError, match="No kernel"):
        await list_variables.run(Context(), {})


async def shown(context, running):
    """Wait until the code has printed something."""
    async with asyncio.timeout(20):
        while not any(isinstance(o, dict) for o in context.happened):
            assert not running.done()
            await asyncio.sleep(0.01)
