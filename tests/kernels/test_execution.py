"""Executions: outputs, limits, interrupts, and respect for what the user runs."""

from __future__ import annotations

import asyncio
import re
import time

import pytest

from jupyter_agent_ext.kernels.client import KernelConnection

from .conftest import LOG, until

SLEEP = "import time\ntime.sleep({})"


async def run(connection, code, **kwargs):
    return await connection.execute(code, **{"timeout": 20, **kwargs})


async def test_outputs_follow_the_rules_of_nbformat(connection):
    code = (
        "from IPython.display import display, HTML\nimport sys\n"
        "print('a')\nprint('b')\nprint('c', file=sys.stderr)\n"
        "display(HTML('<b>d</b>'))\n6 * 7"
    )
    result = await run(connection, code)
    assert result.status == "ok"
    out, err, shown, value = result.outputs
    assert out == {"output_type": "stream", "name": "stdout", "text": "a\nb\n"}
    assert err == {"output_type": "stream", "name": "stderr", "text": "c\n"}
    assert shown["output_type"] == "display_data"
    assert shown["data"]["text/html"] == "<b>d</b>"
    assert value["output_type"] == "execute_result"
    assert value["data"] == {"text/plain": "42"}
    assert value["execution_count"] == result.execution_count
    assert result.started
    assert 0 < result.duration < 20


async def test_an_error_has_its_traceback(connection):
    result = await run(connection, "def f():\n    return 1 / 0\nf()")
    assert result.status == "error"
    assert result.error["ename"] == "ZeroDivisionError"
    traceback = re.sub(r"\x1b\[[\d;]*m", "", "".join(result.error["traceback"]))
    assert "return 1 / 0" in traceback
    assert result.outputs[-1]["output_type"] == "error"


async def test_clear_output_clears_at_once_or_with_the_next_output(connection):
    setup = "from IPython.display import clear_output\n"
    result = await run(connection, setup + "print(1)\nclear_output()")
    assert result.outputs == []
    code = setup + "print(1, flush=True)\nclear_output(wait=True)"
    assert (await run(connection, code)).outputs[0]["text"] == "1\n"
    result = await run(connection, code + "\nprint(2)")
    assert [o["text"] for o in result.outputs] == ["2\n"]


async def test_an_updated_display_changes_in_its_place(connection):
    code = (
        "from IPython.display import display, HTML\n"
        "handle = display(HTML('one'), display_id=True)\nprint('between', flush=True)\n"
        "handle.update(HTML('two'))"
    )
    result = await run(connection, code)
    assert [o["output_type"] for o in result.outputs] == ["display_data", "stream"]
    assert result.outputs[0]["data"]["text/html"] == "two"
    assert "transient" not in result.outputs[0]


async def test_each_output_is_told_as_it_arrives(connection):
    seen = []
    code = "import time\nfor i in range(3):\n    print(i, flush=True)\n    time.sleep(0.3)"
    running = asyncio.create_task(run(connection, code, on_output=seen.append))
    await until(lambda: seen)
    assert not running.done()
    result = await running
    assert "".join(o["text"] for o in seen) == result.outputs[0]["text"] == "0\n1\n2\n"


async def test_history_is_stored_only_if_asked(connection):
    await run(connection, "'not kept'", store_history=False)
    await run(connection, "'kept'", store_history=True)
    result = await run(connection, "print(In[-1], len([i for i in In if 'not kept' in i]))")
    assert result.outputs[0]["text"] == "'kept' 0\n"


async def test_input_is_refused_instead_of_waited_for(connection):
    result = await run(connection, "input('name?')")
    assert result.status == "error"
    assert result.error["ename"] == "StdinNotImplementedError"


async def test_executions_of_one_kernel_run_one_after_the_other(connection):
    order = []

    async def one(n):
        async def started():
            order.append(f"start {n}")

        await run(connection, SLEEP.format(0.05), on_start=started)
        order.append(f"end {n}")

    await asyncio.gather(*(one(n) for n in range(3)))
    assert order == ["start 0", "end 0", "start 1", "end 1", "start 2", "end 2"]


async def test_an_execution_waits_in_the_server_until_the_kernel_is_idle(connection, user):
    started = []

    async def on_start():
        started.append(connection.state)

    cells = [user.run(SLEEP.format(0.2) + f"\ncell = {n}") for n in range(3)]
    await until(lambda: connection.state == "busy")
    running = asyncio.create_task(run(connection, "cell", timeout=5, on_start=on_start))
    await user.reply(cells[0])
    assert not started
    result = await running
    assert started == ["idle"]
    assert result.outputs[0]["data"] == {"text/plain": "2"}


async def test_the_limit_counts_from_its_own_start(connection, user):
    async def a_cell_slips_in():
        user.run(SLEEP.format(0.6))
        await until(lambda: connection.state == "busy")

    result = await run(connection, "1", timeout=0.3, on_start=a_cell_slips_in)
    assert result.status == "ok"


async def test_code_over_its_limit_is_interrupted(connection):
    begun = time.monotonic()
    result = await run(connection, "print('first', flush=True)\n" + SLEEP.format(30), timeout=0.4)
    assert result.status == "timeout"
    assert result.outputs[0]["text"] == "first\n"
    assert result.error["ename"] == "KeyboardInterrupt"
    assert time.monotonic() - begun < 5
    assert (await run(connection, "'alive'")).status == "ok"


async def test_code_that_ignores_the_interrupt_is_reported_as_running(connection, zmq_context):
    hasty = KernelConnection(
        connection.km, connection.kernel_id, context=zmq_context, log=LOG, owner=None, grace=0.5
    )
    code = (
        "import time\nend = time.time() + 2\n"
        "while time.time() < end:\n    try:\n        time.sleep(0.1)\n"
        "    except KeyboardInterrupt:\n        pass"
    )
    result = await run(hasty, code, timeout=0.2)
    assert (result.status, result.error["ename"]) == ("timeout", "StillRunning")
    assert connection.state == hasty.state == "busy"
    await hasty.close()
    assert (await run(connection, "'after'")).status == "ok"


async def test_a_users_interrupt_is_told_as_such(connection):
    seen = []
    code = "print('begun', flush=True)\n" + SLEEP.format(30)
    running = asyncio.create_task(run(connection, code, on_output=seen.append))
    await until(lambda: seen)  # before, ipykernel ignores it
    await connection.interrupt()
    result = await asyncio.wait_for(running, 5)
    assert (result.status, result.started) == ("interrupted", True)


async def test_an_interrupt_that_cuts_off_the_reply_is_told_as_such(connection):
    code = (
        "kernel = get_ipython().kernel\n"
        "def cut(*args):\n    del kernel.finish_metadata\n    raise KeyboardInterrupt\n"
        "kernel.finish_metadata = cut\nprint('done')"
    )
    result = await run(connection, code)
    assert result.status == "interrupted"
    assert result.outputs[0]["text"] == "done\n"
    assert (await run(connection, "1")).status == "ok"


async def test_cancelling_interrupts_our_running_code(connection):
    running = asyncio.create_task(run(connection, SLEEP.format(30) + "\nfinished = True"))
    await until(lambda: connection.state == "busy")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert connection.state == "idle"
    result = await run(connection, "'finished' in globals()")
    assert result.outputs[0]["data"] == {"text/plain": "False"}


async def test_cancelling_while_waiting_leaves_the_users_cell_alone(connection, user):
    cell = user.run(SLEEP.format(0.5))
    await until(lambda: connection.state == "busy")
    waiting = asyncio.create_task(run(connection, "ran = True"))
    await asyncio.sleep(0.1)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert (await user.reply(cell))["status"] == "ok"
    result = await run(connection, "'ran' in globals()")
    assert result.outputs[0]["data"] == {"text/plain": "False"}


async def test_cancelling_a_queued_request_spares_the_cell_before_it(connection, user):
    cells, sending = [], asyncio.Event()

    async def a_cell_slips_in():
        cells.append(user.run(SLEEP.format(0.8) + "\nsurvived = True"))
        await until(lambda: connection.state == "busy")
        sending.set()

    sent = asyncio.create_task(
        run(connection, SLEEP.format(30) + "\nlate = True", on_start=a_cell_slips_in)
    )
    await sending.wait()
    await asyncio.sleep(0.05)
    begun = time.monotonic()
    sent.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sent
    assert time.monotonic() - begun < 0.5  # it does not wait for the user's cell
    assert (await user.reply(cells[0]))["status"] == "ok"
    result = await run(connection, "print(survived, 'late' in globals())")
    assert result.outputs[0]["text"] == "True False\n"


async def test_our_failing_code_does_not_abort_the_users_queued_cell(connection, user):
    running = asyncio.create_task(run(connection, SLEEP.format(0.4) + "\n1 / 0"))
    await until(lambda: connection.state == "busy")
    cell = user.run("'the next cell'")
    assert (await running).status == "error"
    assert (await user.reply(cell))["status"] == "ok"


async def test_a_request_behind_a_failing_cell_counts_as_not_started(connection, user):
    async def a_failing_cell_slips_in():
        user.run(SLEEP.format(0.3) + "\n1 / 0")
        await until(lambda: connection.state == "busy")

    result = await run(connection, "aborted = True", on_start=a_failing_cell_slips_in)
    assert (result.status, result.started, result.outputs) == ("aborted", False, [])
    result = await run(connection, "'aborted' in globals()")
    assert result.outputs[0]["data"] == {"text/plain": "False"}


async def test_printing_for_ever_is_bounded_and_can_be_stopped(connection):
    lag = []

    async def tick():
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.01)
            lag.append(time.monotonic() - before - 0.01)

    ticker = asyncio.create_task(tick())
    code = "print('the head')\nwhile True: print('x' * 1000)"
    result = await run(connection, code, timeout=1.5)
    ticker.cancel()
    assert result.status == "timeout"
    text = result.outputs[0]["text"]
    assert text.startswith("the head\n")
    assert "characters dropped" in text
    assert len(text) < 2_000_000
    assert sorted(lag)[len(lag) // 2] < 0.05
    assert (await run(connection, "1")).status == "ok"


async def test_displaying_for_ever_is_bounded_and_can_be_stopped(connection):
    code = "from IPython.display import display, HTML\nwhile True: display(HTML('y' * 1000))"
    result = await run(connection, code, timeout=1.5)
    assert result.status == "timeout"
    assert len(result.outputs) <= 1002
    notes = [o for o in result.outputs if o["output_type"] == "stream"]
    assert "outputs" in notes[0]["text"]
    assert result.error["ename"] == "KeyboardInterrupt"


async def test_a_refused_start_sends_nothing(connection):
    async def refuse():
        raise PermissionError("the store is full")

    with pytest.raises(PermissionError):
        await run(connection, "sent = True", on_start=refuse)
    result = await run(connection, "'sent' in globals()")
    assert result.outputs[0]["data"] == {"text/plain": "False"}
