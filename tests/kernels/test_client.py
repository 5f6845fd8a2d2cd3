"""The connection itself: identity, state, requests, restart and death."""

from __future__ import annotations

import asyncio
import os
import signal
import time

import pytest

from jupyter_agent_ext.errors import KernelError
from jupyter_agent_ext.kernels.client import KernelConnection
from jupyter_agent_ext.protocols import Kernel

from .conftest import LOG, until


async def test_it_is_a_kernel(connection):
    assert isinstance(connection, Kernel)
    assert connection.language == "python"


async def test_two_clients_of_one_kernel_both_hear(connection, user):
    cell = user.run("print('hello')")
    result = await connection.execute("print('agent')", timeout=10)
    assert result.outputs == [{"output_type": "stream", "name": "stdout", "text": "agent\n"}]
    assert (await user.reply(cell))["status"] == "ok"
    assert (await user.heard(cell, "stream"))["text"] == "hello\n"


async def test_a_connection_hears_what_others_run(connection, user):
    heard = []
    stop = connection.watch(heard.append)
    cell = user.run("x = 41")
    await user.reply(cell)
    await until(lambda: any(m["header"]["msg_type"] == "execute_input" for m in heard))
    stop()
    before = len(heard)
    await user.reply(user.run("x = 42"))
    assert len(heard) == before or heard[-1]["parent_header"]["msg_id"] == cell


async def test_requests_of_both_channels_are_answered_by_their_replies(connection):
    replies = await asyncio.gather(
        *(
            connection.request(channel, "kernel_info_request", {}, timeout=10)
            for channel in ("shell", "control", "shell", "control")
        )
    )
    assert {r["content"]["status"] for r in replies} == {"ok"}
    assert len({r["parent_header"]["msg_id"] for r in replies}) == 4


async def test_no_reply_is_overslept_while_requests_are_sent(connection):
    async def ask(n):
        channel = "shell" if n % 2 else "control"
        await connection.request(channel, "kernel_info_request", {}, timeout=10)
        await asyncio.sleep(n % 7 / 1000)
        await connection.request(channel, "kernel_info_request", {}, timeout=10)

    for _ in range(5):
        await asyncio.gather(*(ask(n) for n in range(40)))


async def test_an_unknown_request_times_out(connection):
    with pytest.raises(TimeoutError):
        await connection.request("control", "no_such_request", {}, timeout=0.2)
    assert connection.state == "idle"


async def test_a_cell_makes_the_kernel_busy_and_an_inspection_does_not(connection, user):
    states = []
    stop = connection.watch(lambda _: states.append(connection.state))
    request = {"type": "request", "seq": 1, "command": "debugInfo", "arguments": {}}
    await connection.request("control", "debug_request", request, timeout=10)
    await connection.request(
        "shell", "execute_request", {"code": "quiet = 1", "silent": True}, timeout=10
    )
    await asyncio.sleep(0.05)
    assert states
    assert set(states) == {"idle"}
    cell = user.run("import time; time.sleep(0.3)")
    await until(lambda: connection.state == "busy")
    assert (await user.reply(cell))["status"] == "ok"
    await until(lambda: connection.state == "idle")
    stop()


async def test_asking_a_kernel_that_awaits_does_not_make_it_idle(connection, user):
    cell = user.run("import asyncio; await asyncio.sleep(0.5)")
    await until(lambda: connection.state == "busy")
    connection.poke()
    await asyncio.sleep(0.2)
    assert connection.state == "busy"
    assert (await user.reply(cell))["status"] == "ok"


async def test_the_heartbeat_beats_also_while_native_code_holds_the_lock(connection, user):
    assert await connection.heartbeat()
    code = "import ctypes, time\ntime.sleep(0.1)\nctypes.PyDLL(None).usleep(900_000)"
    cell = user.run(code)
    await until(lambda: connection.state == "busy")
    await asyncio.sleep(0.2)  # `busy` itself needs the lock to be sent
    request = connection.request("control", "kernel_info_request", {}, timeout=0.2)
    with pytest.raises(TimeoutError):
        await request
    assert await connection.heartbeat(0.2)
    assert (await user.reply(cell))["status"] == "ok"


async def test_the_end_of_every_execution_is_told(connection, user):
    told = []
    connection.on_execution_end.append(told.append)
    await user.reply(user.run("a = 1"))
    await until(lambda: told == [connection.kernel_id])
    await connection.execute("a = 2", timeout=10)
    assert told == [connection.kernel_id] * 2
    connection.on_execution_end.clear()


async def test_what_the_server_asks_for_itself_is_not_told(connection):
    told = []
    connection.on_execution_end.append(told.append)
    content = {"code": "print(1)", "silent": False, "store_history": False}
    await connection.request("shell", "execute_request", content, timeout=10)
    await connection.execute("a = 3", timeout=10)
    assert told == [connection.kernel_id]
    connection.on_execution_end.clear()


async def test_a_busy_kernel_is_found_busy(connection, user, zmq_context):
    cell = user.run("import time; time.sleep(0.7)")
    await until(lambda: connection.state == "busy")
    connection.km.execution_state = "busy"  # as Jupyter Server's activity watcher notes it
    late = KernelConnection(
        connection.km, connection.kernel_id, context=zmq_context, log=LOG, owner=None
    )
    assert late.state == "busy"
    assert (await user.reply(cell))["status"] == "ok"
    await until(lambda: late.state == "idle")
    await late.close()


async def test_a_failing_callback_stops_nothing(connection, caplog):
    def fail(_):
        raise RuntimeError("a bad viewer")

    stop = connection.watch(fail)
    result = await connection.execute("print(1)", timeout=10, on_output=fail)
    stop()
    assert result.status == "ok"
    assert "a bad viewer" in caplog.text


async def test_a_restart_keeps_the_connection_and_fails_what_waited(
    start_connection, kernel_manager
):
    connection = await start_connection()
    told = []
    connection.on_restart.append(told.append)
    await until(lambda: connection.epoch is not None)
    first = connection.epoch
    running = asyncio.create_task(connection.execute("import time; time.sleep(60)", timeout=None))
    await until(lambda: connection.state == "busy")
    question = asyncio.create_task(
        connection.request("shell", "kernel_info_request", {}, timeout=60)
    )
    await asyncio.sleep(0)
    await kernel_manager.restart_kernel(connection.kernel_id, now=True)
    connection.restarted()
    result = await asyncio.wait_for(running, 5)
    assert (result.status, result.started) == ("died", True)
    with pytest.raises(KernelError):
        await question
    await until(lambda: connection.state == "idle")
    connection.restarted()  # a second notice of the same restart
    assert connection.state == "idle"
    assert told == [connection.kernel_id]
    await until(lambda: connection.epoch not in (None, first))
    assert (await connection.execute("1 + 1", timeout=10)).outputs[0]["data"] == {"text/plain": "2"}


async def test_a_restart_nobody_tells_of_is_seen_in_the_headers(start_connection, kernel_manager):
    connection = await start_connection()
    told = []
    connection.on_restart.append(told.append)
    await kernel_manager.get_kernel(connection.kernel_id).restart_kernel(now=True)
    await until(lambda: told)
    connection.restarted()  # the event comes late
    await until(lambda: connection.state == "idle")
    assert told == [connection.kernel_id]
    assert (await connection.execute("print(1)", timeout=10)).status == "ok"


async def test_a_kernel_killed_in_mid_execution_is_noticed(start_connection):
    connection = await start_connection()
    connection.km.stop_restarter()
    died = []
    connection.on_death.append(died.append)
    code = "import time\nprint('before', flush=True)\ntime.sleep(60)"
    running = asyncio.create_task(connection.execute(code, timeout=None))
    waiting = asyncio.create_task(connection.execute("print('never')", timeout=None))
    await until(lambda: connection.state == "busy")
    await asyncio.sleep(0.4)  # ipykernel sends what was printed every 0.2 s
    killed = time.monotonic()
    os.kill(connection.km.provisioner.pid, signal.SIGKILL)
    result = await asyncio.wait_for(running, 5)
    assert time.monotonic() - killed < 5
    assert (result.status, result.started) == ("died", True)
    assert result.outputs[0]["text"] == "before\n"
    assert died == [connection.kernel_id]
    with pytest.raises(KernelError):
        await waiting
    assert connection.state == "dead"
    assert not await connection.heartbeat(0.2)
    for call in (connection.pull(), connection.execute("1", timeout=1), connection.interrupt()):
        with pytest.raises(KernelError):
            await call


async def test_closing_ends_what_waits_and_leaves_the_kernel_running(start_connection):
    connection = await start_connection()
    running = asyncio.create_task(connection.execute("import time; time.sleep(1)", timeout=None))
    await until(lambda: connection.state == "busy")
    await connection.close()
    assert (await asyncio.wait_for(running, 5)).status == "died"
    assert await connection.km.is_alive()
