"""litellm's import: quiet, offline, and without traces in the environment."""

import json
import subprocess
import sys

SCRIPT = """
import asyncio, json, os, socket, sys, threading
os.environ.update(HTTP_PROXY="http://127.0.0.1:9", HTTPS_PROXY="http://127.0.0.1:9")
os.environ["NO_PROXY"] = "intranet.example"
open(".env", "w").write("LEAKED_FROM_DOTENV=1\\n")
before = dict(os.environ)
asked = []
connect = socket.socket.connect
def spy(self, address):
    asked.append(address)
    return connect(self, address)
socket.socket.connect = spy
resolved = []
lookup = socket.getaddrinfo
def resolve(host, *rest, **more):
    resolved.append(host)
    return lookup(host, *rest, **more)
socket.getaddrinfo = resolve

async def main():
    from jupyter_agent_ext.models import library
    assert library.present() is None
    first, second = await asyncio.gather(library.load(), library.load())
    assert first is second is library.present()
    return first

litellm = asyncio.run(main())
import logging
added = {k: v for k, v in os.environ.items() if before.get(k) != v}
print(json.dumps({
    "environment": sorted(k for k in added if "LITELLM" in k or "PROXY" in k.upper()),
    "dotenv": "LEAKED_FROM_DOTENV" in os.environ,
    "hosts": sorted({str(h) for h in resolved} | {a[0] for a in asked if type(a) is tuple}),
    "ports": sorted({a[1] for a in asked if type(a) is tuple}),
    "quiet": not logging.getLogger("LiteLLM").isEnabledFor(logging.ERROR),
    "telemetry": litellm.telemetry,
}))
"""


def test_the_import_is_offline_and_leaves_nothing_behind(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr

    found = json.loads(done.stdout.strip().splitlines()[-1])
    assert found["environment"] == []
    assert not found["dotenv"]
    assert found["hosts"] == ["127.0.0.1"]
    assert 9 not in found["ports"], "the warm-up went to the proxy"
    assert found["quiet"]
    assert found["telemetry"] is False
    assert done.stderr == ""
