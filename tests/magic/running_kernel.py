"""A kernel that a server has started, for tools that want a manager; run: papermill on it."""

from __future__ import annotations

import json
import sys

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.session import Session


class OwnIdentity(AsyncKernelClient):
    """A client whose ZMQ identity is its own: the server has one with the manager's."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        given = self.session
        self.session = Session(key=given.key, signature_scheme=given.signature_scheme)


class RunningKernel(AsyncKernelManager):
    """A manager of a kernel that somebody else has started and will end."""

    client_class = f"{__name__}.OwnIdentity"
    has_kernel = True

    def __init__(self, connection_file):
        super().__init__(connection_file=connection_file, owns_kernel=False)
        self.load_connection_file(connection_file)


if __name__ == "__main__":
    import papermill

    connection_file, source, target, parameters = sys.argv[1:]
    papermill.execute_notebook(
        source,
        target,
        json.loads(parameters),
        km=RunningKernel(connection_file),
        progress_bar=False,
    )
