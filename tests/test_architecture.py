"""The rules of `architecture.py` hold for this checkout, and each of them can fail."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import architecture as rules

REPOSITORY = Path(__file__).resolve().parent.parent
Rule = Callable[[Path], list[str]]

# rule, file, content, a piece of what the rule must say
BAD = [
    (rules.every_module_has_a_floor, "cellar.py", "", "cellar is not in the table"),
    (rules.imports_go_downwards, "events.py", "from . import fold, app", "app"),
    (rules.imports_go_downwards, "tools/kernel.py", "from ..agent import loop", "agent"),
    (rules.imports_go_downwards, "tools/late.py", "def f():\n    from .. import sessions", "4"),
    (rules.imports_go_downwards, "agent/loop.py", "import jupyter_agent_ext.sessions", "floor 3"),
    (
        rules.imports_go_downwards,
        "agent/loop.py",
        "if TYPE_CHECKING:\n    from ..handlers.base import Handler",
        "handlers",
    ),
    (rules.floor_0_needs_the_standard_library_only, "fold.py", "import msgspec", "msgspec"),
    (
        rules.floor_0_needs_the_standard_library_only,
        "fold.py",
        "def f():\n    from nbformat.v4 import new_notebook",
        "nbformat",
    ),
    (rules.guests_need_ipython_at_most, "kernels/probes/python/arrays.py", "import numpy", "numpy"),
    (
        rules.guests_need_ipython_at_most,
        "kernels/probes/python/__init__.py",
        "from ...client import probes",
        "kernels.client",
    ),
    (rules.guests_need_ipython_at_most, "magic.py", "from .errors import AgentError", "errors"),
    (rules.adapters_are_strangers, "stores/sqlite.py", "from ..models import litellm", "models"),
    (
        rules.adapters_are_strangers,
        "kernels/client.py",
        "def f():\n    import jupyter_agent_ext.notebooks.contents",
        "notebooks",
    ),
    (rules.only_the_app_names_an_adapter, "sessions.py", "from .stores import sqlite", "stores"),
    (
        rules.only_the_app_names_an_adapter,
        "tools/a.py",
        "from ..kernels.client import K",
        "kernels.client",
    ),
    (
        rules.only_the_app_names_an_adapter,
        "handlers/a.py",
        "STORE = 'jupyter_agent_ext.stores.sqlite.SqliteStore'",
        "SqliteStore",
    ),
    (rules.no_import_cycle, "errors.py", "from .events import Event", "cycle"),
    (rules.no_import_cycle, "errors.py", "def f():\n    from .records import Cell", "cycle"),
    (rules.nothing_heavy_at_module_level, "app.py", "import litellm", "litellm"),
    (
        rules.nothing_heavy_at_module_level,
        "app.py",
        "try:\n    from pandas.api import types\nexcept ImportError:\n    pass",
        "pandas",
    ),
    (rules.importing_is_cheap, "__init__.py", "import tornado.web\n__version__ = 1", "tornado"),
    (rules.importing_is_cheap, "app.py", "__import__('numpy')", "app loads numpy"),
    (rules.no_long_file, "agent/loop.py", "\n" * 401, "lines; split"),
    (rules.no_long_function, "agent/loop.py", "def run():\n" + "    a = 1\n" * 70, "run"),
    (rules.no_utils, "agent/utils.py", "", "utils"),
    (rules.no_mocks_in_tests, "../tests/test_a.py", "from unittest.mock import patch", "mock"),
    (rules.no_mocks_in_tests, "../tests/test_a.py", "from unittest import mock", "mock"),
    (rules.no_mocks_in_tests, "../tests/test_a.py", "def test_a(mocker): ...", "mocker"),
    (rules.no_mocks_in_tests, "../tests/test_a.py", "kernel = MagicMock()", "MagicMock"),
    (rules.every_module_has_a_docstring, "agent/loop.py", "a = 1", "loop.py"),
    (rules.no_addresses_of_one_machine, "app.py", "HOME = '/" + "home/me/data'", "app.py:3"),
    (rules.no_addresses_of_one_machine, "../README.md", "see /" + "tmp/x", "README.md:1"),
    (rules.no_addresses_of_one_machine, "../a.toml", "'https://pypi" + ".org/simple'", "a.toml"),
]

# what the rules must let pass
GOOD = {
    "__init__.py": (
        "__version__ = '1'\n\n\ndef points():\n    from .app import App\n\n    return [App]\n"
    ),
    "errors.py": "class AgentError(Exception): ...\n",
    "events.py": "import json\n\nfrom .errors import AgentError\n",
    "records.py": "from .events import json\n",
    "kernels/__init__.py": "from ..records import json\n",
    "kernels/client.py": "from . import probes\nfrom .. import __version__\n",
    "kernels/probes/__init__.py": "from ...errors import AgentError\n",
    "kernels/probes/python/__init__.py": "from .scope import IPython\n",
    "kernels/probes/python/scope.py": "import IPython\n",
    "stores/sqlite.py": (
        "from typing import TYPE_CHECKING\n\nfrom ..errors import AgentError\n\n"
        "if TYPE_CHECKING:\n    import redis\n\n\ndef f():\n    import asyncpg\n"
    ),
    "tools/kernel.py": "from ..records import json\n\nTEXT = 'kernels are not named here.'\n",
    "app.py": "from .kernels.client import probes\n\nSTORE = 'jupyter_agent_ext.stores.sqlite.S'\n",
    "../tests/test_a.py": "def test_a(): ...  # no MagicMock, no mock.patch\n",
    "../README.md": "https://example.org/home/me and {base}/tmp/x and a/work/b\n",
}

ALL_RULES = list(dict.fromkeys(rule for rule, *_ in BAD))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small checkout that breaks no rule."""
    for name, content in GOOD.items():
        write(tmp_path, name, content)
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    return tmp_path


def write(root: Path, name: str, content: str) -> None:
    path = (root / rules.PACKAGE / name).resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    docstring = '"""A module."""\n\n' if path.suffix == ".py" and content != "a = 1" else ""
    path.write_text(docstring + content)


def stage(root: Path) -> None:
    subprocess.run(["git", "-C", str(root), "add", "."], check=True)


@pytest.mark.parametrize("rule", ALL_RULES, ids=lambda rule: rule.__name__)
def test_the_rule_holds_here(rule: Rule) -> None:
    assert rule(REPOSITORY) == []


@pytest.mark.parametrize("rule", ALL_RULES, ids=lambda rule: rule.__name__)
def test_the_rule_lets_a_good_tree_pass(rule: Rule, tree: Path) -> None:
    stage(tree)
    assert rule(tree) == []


@pytest.mark.parametrize(
    ("rule", "name", "content", "says"), BAD, ids=[f"{row[0].__name__}-{row[1]}" for row in BAD]
)
def test_the_rule_bites(rule: Rule, name: str, content: str, says: str, tree: Path) -> None:
    write(tree, name, content)
    stage(tree)
    found = rule(tree)
    assert found
    assert says in " ".join(found)


def test_every_rule_is_tried() -> None:
    written = {
        value
        for name, value in vars(rules).items()
        if callable(value)
        and getattr(value, "__module__", "") == rules.__name__
        and getattr(value, "__annotations__", {}).get("return") == "list[str]"
    }
    assert written == set(ALL_RULES)
