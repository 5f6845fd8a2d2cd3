"""Run papermill on a kernel that a server has started: connection file, source, target, JSON."""

from __future__ import annotations

import json
import sys

import papermill

from scripts.quickstart import RunningKernel

if __name__ == "__main__":
    connection_file, source, target, parameters = sys.argv[1:]
    papermill.execute_notebook(
        source,
        target,
        json.loads(parameters),
        km=RunningKernel(connection_file),
        progress_bar=False,
    )
