"""What `%agent` costs: a tool call against the same code typed, the first words, an interrupt.

    python benchmarks/magic_overhead.py [--rounds 15] [--calls 30]

A real server in its own process and a real kernel. The model answers at once and writes the
time into its answer; the cell's front end notes when it is shown.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import tempfile
import time
from pathlib import Path

from calling import CODE
from jupyter_client import BlockingKernelClient
from turn_overhead import Server

MODEL = [
    "--AgentExtension.model_class=benchmarks.calling.CallingModel",
    "--AgentSessionManager.default_model=calling/one",
    "--AgentSessionManager.default_mode=auto",
    "--AgentSessionManager.max_steps=1000",
    "--AgentExtension.magic_turns_per_minute=0",
]


class Cell:
    """Runs cells and notes when what is shown."""

    def __init__(self, connection_file: str) -> None:
        self.client = BlockingKernelClient(connection_file=connection_file)
        self.client.load_connection_file()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)
        self.first = 0.0

    def run(self, code: str) -> float:
        """Run a cell; return milliseconds until it has ended."""
        self.first = 0.0
        began = time.perf_counter()
        reply = self.client.execute_interactive(code, timeout=120, output_hook=self._look)
        spent = (time.perf_counter() - began) * 1e3
        assert reply["content"]["status"] == "ok", reply["content"]
        return spent

    def interrupt(self, code: str, server: Server, kernel_id: str) -> tuple[float, float]:
        """Interrupt a cell once it shows something; return ms until it, and its turn, ended."""
        msg_id = self.client.execute(code)
        while not self._shows(self.client.get_iopub_msg(timeout=30), msg_id):
            pass
        began = time.perf_counter()
        server.call("POST", f"api/kernels/{kernel_id}/interrupt")
        while self.client.get_shell_msg(timeout=30)["parent_header"].get("msg_id") != msg_id:
            pass
        cell = (time.perf_counter() - began) * 1e3
        while any(s["status"] != "idle" for s in server.call("GET", "agent/sessions")["sessions"]):
            time.sleep(0.005)
        return cell, (time.perf_counter() - began) * 1e3

    def _shows(self, message: dict, msg_id: str) -> bool:
        shown = re.search("waiting|running", str(message["content"].get("data", "")))
        printed = message["content"].get("text", "").startswith("running")
        return message["parent_header"].get("msg_id") == msg_id and bool(shown or printed)

    def _look(self, message: dict) -> None:
        text = message["content"].get("data", {}).get("text/markdown", "")
        told = re.search(r"told at (\d+)", text)
        if told and not self.first:
            self.first = (time.time_ns() - int(told[1])) / 1e6

    def close(self) -> None:
        self.client.stop_channels()


def typed(calls: int) -> str:
    """Return a cell that runs the code as often, each time as IPython runs code."""
    return f"for _ in range({calls}):\n    get_ipython().run_cell({CODE!r}, store_history=False)"


def measure(cell: Cell, calls: int, rounds: int) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    ways = {
        "none": "%agent --new in one step 0",
        "typed": typed(calls),
        "one step": f"%agent --new in one step {calls}",
        "many steps": f"%agent --new step by step {calls}",
        "one step, blocking": f"if True:\n    %agent --new in one step {calls}",
    }
    for number in range(rounds + 2):
        for name, code in ways.items():
            spent = cell.run(code)
            if number >= 2:
                found.setdefault(name, []).append(spent)
                if name == "none":
                    found.setdefault("first words", []).append(cell.first)
    return found


def report(name: str, values: list[float], target: str = "") -> None:
    p95 = sorted(values)[int(0.95 * (len(values) - 1))]
    print(f"{name:52}{statistics.median(values):9.1f}{p95:9.1f}   {target}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--calls", type=int, default=30)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder), MODEL)
        try:
            body = {"name": "", "type": "notebook", "kernel": {"name": "python3"}}
            session = server.call("POST", "api/sessions", {**body, "path": "analysis.ipynb"})
            name = f"kernel-{session['kernel']['id']}.json"
            cell = Cell(os.path.join(folder, "runtime", name))
            found = measure(cell, args.calls, args.rounds)
            stopped = {
                what: [
                    cell.interrupt(f"%agent --new {query}", server, session["kernel"]["id"])
                    for _ in range(args.rounds)
                ]
                for what, query in (("waits", "wait for ever"), ("runs code", "run for ever"))
            }
            cell.close()
        finally:
            server.stop()
    print(f"%agent, {args.calls} tool calls a turn, {args.rounds} rounds\n")
    print(f"{'milliseconds':52}{'median':>9}{'p95':>9}   target")
    report("cell with a turn without calls", found["none"])
    report(f"cell that runs the code {args.calls} times itself", found["typed"])
    for way in ("one step", "many steps", "one step, blocking"):
        rounds = zip(found[way], found["none"], found["typed"], strict=True)
        added = [(turn - none - same) / args.calls for turn, none, same in rounds]
        report(f"added by each call, {way}", added, "<= 10" if way == "one step" else "")
    report("first words shown after the model's first chunk", found["first words"], "<= 100")
    for what, times in stopped.items():
        report(f"interrupt while the agent {what}, cell ended", [t[0] for t in times])
        report(f"interrupt while the agent {what}, turn ended", [t[1] for t in times], "<= 500")


if __name__ == "__main__":
    main()
