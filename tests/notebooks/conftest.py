"""Real contents managers over a real folder, and notebooks as JupyterLab writes them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jupyter_server.services.contents.filemanager import AsyncFileContentsManager
from jupyter_server.services.contents.largefilemanager import (
    AsyncLargeFileManager,
    LargeFileManager,
)

PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture(
    params=[AsyncLargeFileManager, LargeFileManager, AsyncFileContentsManager],
    ids=lambda cls: cls.__name__,
)
def contents(request, tmp_path, jp_environ):
    """The contents managers that Jupyter Server ships, each on an empty folder."""
    root = tmp_path / "root"
    root.mkdir()
    return request.param(root_dir=str(root))


@pytest.fixture
def root(contents):
    return Path(contents.root_dir)


def notebook(*cells, minor=5):
    return {
        "cells": list(cells),
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python", "version": "3.11.0"},
            "widgets": {
                "application/vnd.jupyter.widget-state+json": {"state": {"b": 1, "a": [1, 2]}}
            },
        },
        "nbformat": 4,
        "nbformat_minor": minor,
    }


def code(cell_id, source, outputs=(), count=None, **metadata):
    cell = {
        "cell_type": "code",
        "execution_count": count,
        "id": cell_id,
        "metadata": metadata,
        "outputs": list(outputs),
        "source": source.splitlines(True),
    }
    return {k: v for k, v in cell.items() if k != "id" or cell_id is not None}


def markdown(cell_id, source, **extra):
    cell = {
        "cell_type": "markdown",
        "id": cell_id,
        "metadata": {},
        "source": source.splitlines(True),
        **extra,
    }
    return {k: v for k, v in cell.items() if k != "id" or cell_id is not None}


def written(value):
    """The bytes that JupyterLab's save leaves on disk: sorted keys, indent 1, a final newline."""
    text = json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, separators=(",", ": "))
    return (text + "\n").encode()


def sample(minor=5):
    """A notebook with everything that could get lost: images, HTML, attachments, JSON, Unicode."""
    ids = ["intro", "load", "plot", "json", "last"] if minor >= 5 else [None] * 5
    return notebook(
        markdown(ids[0], "# Größe ✓\n\ntext", attachments={"a.png": {"image/png": PNG}}),
        code(
            ids[1],
            "import pandas as pd\ndf = pd.read_csv('sales.csv')\ndf",
            [
                {"name": "stdout", "output_type": "stream", "text": ["one\n", "two\n"]},
                {
                    "data": {
                        "text/html": ["<table>\n", "</table>"],
                        "text/plain": ["   a\n", "0  1"],
                    },
                    "execution_count": 3,
                    "metadata": {},
                    "output_type": "execute_result",
                },
            ],
            3,
            tags=["keep"],
            collapsed=False,
        ),
        code(
            ids[2],
            "plot()",
            [
                {
                    "data": {"image/png": PNG, "text/plain": ["<Figure>"]},
                    "metadata": {"image/png": {"height": 10}},
                    "output_type": "display_data",
                }
            ],
            4,
        ),
        code(
            ids[3],
            "1/0",
            [
                {
                    "data": {"application/json": {"z": [1, {"y": None}], "a": 1.5}},
                    "metadata": {},
                    "output_type": "display_data",
                },
                {
                    "ename": "ZeroDivisionError",
                    "evalue": "division by zero",
                    "output_type": "error",
                    "traceback": ["\u001b[31mline\u001b[39m", "end"],
                },
            ],
            5,
        ),
        markdown(ids[4], ""),
        minor=minor,
    )
