"""The rules of CONTRIBUTING.md, each a function from a checkout's root to what breaks it."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

PACKAGE = "jupyter_agent_ext"
ADAPTERS = {"models", "kernels", "notebooks", "stores"}
FLOORS = {
    **dict.fromkeys(
        [
            "abilities",
            "errors",
            "events",
            "fold",
            "messages",
            "operations",
            "records",
            "protocols",
            "envelope",
        ],
        0,
    ),
    **dict.fromkeys(ADAPTERS, 1),
    "tools": 2,
    "agent": 3,
    **dict.fromkeys(
        [
            "answers",
            "binding",
            "cell_messages",
            "cell_turns",
            "errands",
            "export",
            "metrics",
            "pages",
            "renames",
            "sessions",
            "shelf",
            "turns",
            "upkeep",
            "workspace",
        ],
        4,
    ),
    **dict.fromkeys(["handlers", "mcp"], 5),
    "app": 6,
}
GUEST_IMPORTS = {"IPython"}
GUESTS = f"{PACKAGE}.kernels.probes."  # those of one language travel together
HEAVY = {"litellm", "redis", "asyncpg", "mcp", "jupyter_ydoc", "pycrdt", "pandas", "numpy"}
HEAVY_FOR_THE_PACKAGE = HEAVY | {"openai", "pydantic", "jupyter_server", "tornado", "msgspec"}
MAX_LINES = 400
MAX_FUNCTION_LINES = 70

_ADAPTER_STRING = re.compile(rf"^(?:{PACKAGE})?\.*(?:{'|'.join(sorted(ADAPTERS))})\.\w")
_MACHINE_PATH = re.compile(r"(?<![\w.:/$)}*-])/(?:work|tmp|home|root|Users|opt|mnt)/\w")
# in character classes, so that the rule does not find itself
_REGISTRY = re.compile(
    r"pyp[i]\.org|python[h]osted\.org|npm[j]s\.(?:org|com)|yarn[p]kg\.com|file:///\w"
)


class Module:
    """One module of the package and what it imports."""

    def __init__(self, path: Path, root: Path) -> None:
        relative = path.relative_to(root).with_suffix("")
        self.path = relative.as_posix() + ".py"
        self.is_package = relative.name == "__init__"
        parts = relative.parts[:-1] if self.is_package else relative.parts
        self.name = ".".join(parts)
        self.unit = parts[1] if len(parts) > 1 else ""
        self.is_guest = parts[1:] == ("magic",) or (
            parts[1:3] == ("kernels", "probes") and len(parts) > 3
        )
        self.tree = ast.parse(path.read_text(encoding="utf-8"), str(path))

    def imports(self, tree: ast.AST | None = None) -> Iterator[tuple[int, str]]:
        """Yield (line, dotted name) of what is imported, the name of a `from` import included."""
        for node in ast.walk(tree or self.tree):
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = self._base(node)
                yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)

    def eager_imports(self) -> Iterator[tuple[int, str]]:
        """Yield the imports that run when the module is imported."""
        pending: list[ast.AST] = [self.tree]
        while pending:
            node = pending.pop()
            if isinstance(node, ast.Import | ast.ImportFrom):
                yield from self.imports(node)
            elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                pending.extend(node.orelse)
            elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                pending.extend(ast.iter_child_nodes(node))

    def _base(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        parts = self.name.split(".")
        parts = parts[: len(parts) - node.level + self.is_package]
        return ".".join([*parts, *([node.module] if node.module else [])])


def package(root: Path) -> dict[str, Module]:
    """Return the package's modules by name."""
    found = (Module(path, root) for path in sorted((root / PACKAGE).rglob("*.py")))
    return {module.name: module for module in found}


def local_imports(module: Module, modules: dict[str, Module]) -> Iterator[tuple[int, str]]:
    """Yield (line, module name) of the package's own modules that `module` imports."""
    for line, name in module.imports():
        if name == PACKAGE or name.startswith(PACKAGE + "."):
            parts = name.split(".")
            while len(parts) > 1 and ".".join(parts) not in modules and not is_missing(parts):
                parts.pop()
            yield line, ".".join(parts)


def is_missing(parts: list[str]) -> bool:
    """Say whether a dotted name points at a known unit whose module is not written yet."""
    return len(parts) == 2 and parts[1] in FLOORS


def python_files(root: Path) -> Iterator[Path]:
    """Yield every Python file that is ours."""
    for folder in (PACKAGE, "tests", "benchmarks", "scripts"):
        yield from sorted((root / folder).rglob("*.py"))


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function and method, nested ones included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


# ---------------------------------------------------------------- imports


def every_module_has_a_floor(root: Path) -> list[str]:
    return [
        f"{module.path}: {module.unit} is not in the table of floors"
        for module in package(root).values()
        if module.unit and not module.is_guest and module.unit not in FLOORS
    ]


def imports_go_downwards(root: Path) -> list[str]:
    modules, wrong = package(root), []
    for module in modules.values():
        if not module.unit or module.is_guest:  # the entry points; guests have their own rule
            continue
        floor = FLOORS.get(module.unit, 0)
        for line, name in local_imports(module, modules):
            target = name.split(".")[1] if "." in name else ""
            if FLOORS.get(target, 0) > floor:
                wrong.append(f"{module.path}:{line}: floor {floor} imports {name}")
    return wrong


def floor_0_needs_the_standard_library_only(root: Path) -> list[str]:
    allowed = sys.stdlib_module_names | {PACKAGE}
    return [
        f"{module.path}:{line}: floor 0 imports {name}"
        for module in package(root).values()
        if module.unit and FLOORS.get(module.unit) == 0
        for line, name in module.imports()
        if name.split(".")[0] not in allowed
    ]


def guests_need_ipython_at_most(root: Path) -> list[str]:
    allowed = sys.stdlib_module_names | GUEST_IMPORTS
    return [
        f"{module.path}:{line}: a guest of the kernel imports {name}"
        for module in package(root).values()
        if module.is_guest
        for line, name in module.imports()
        if name.split(".")[0] not in allowed and not name.startswith(GUESTS)
    ]


def adapters_are_strangers(root: Path) -> list[str]:
    modules, wrong = package(root), []
    for module in modules.values():
        if module.unit in ADAPTERS:
            for line, name in local_imports(module, modules):
                target = name.split(".")[1] if "." in name else ""
                if target in ADAPTERS and target != module.unit:
                    wrong.append(f"{module.path}:{line}: {module.unit} imports {name}")
    return wrong


def only_the_app_names_an_adapter(root: Path) -> list[str]:
    modules, wrong = package(root), []
    for module in modules.values():
        if module.unit in ADAPTERS | {"app"} or module.is_guest:  # guests have their own rule
            continue
        for line, name in local_imports(module, modules):
            if "." in name and name.split(".")[1] in ADAPTERS:
                wrong.append(f"{module.path}:{line}: imports {name}")
        for node in ast.walk(module.tree):
            value = node.value if isinstance(node, ast.Constant) else None
            if isinstance(value, str) and _ADAPTER_STRING.match(value):
                wrong.append(f"{module.path}:{node.lineno}: names {value}")
    return wrong


def no_import_cycle(root: Path) -> list[str]:
    modules = package(root)
    graph = {
        module.name: {name for _, name in local_imports(module, modules)} - {module.name, PACKAGE}
        for module in modules.values()
        if module.unit
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return ["import cycle: " + " <- ".join(error.args[1])]
    return []


def nothing_heavy_at_module_level(root: Path) -> list[str]:
    return [
        f"{module.path}:{line}: imports {name} at module level"
        for module in package(root).values()
        for line, name in module.eager_imports()
        if name.split(".")[0] in HEAVY
    ]


def importing_is_cheap(root: Path) -> list[str]:
    targets = {PACKAGE: HEAVY_FOR_THE_PACKAGE}
    if (root / PACKAGE / "app.py").exists():
        targets[f"{PACKAGE}.app"] = HEAVY | {"openai", "pydantic"}
    return [
        f"import {name} loads {heavy}"
        for name, unwanted in targets.items()
        for heavy in sorted(unwanted & loaded_by(root, name))
    ]


def loaded_by(root: Path, name: str) -> set[str]:
    """Return the top-level modules a fresh interpreter holds after importing `name`."""
    code = f"import sys, {name}; print(*{{m.partition('.')[0] for m in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    if done.returncode:
        raise AssertionError(f"import {name} fails: {done.stderr[-500:]}")
    return set(done.stdout.split())


# ---------------------------------------------------------------- sizes and words


def no_long_file(root: Path) -> list[str]:
    counts = {path: len(path.read_text("utf-8").splitlines()) for path in python_files(root)}
    return [
        f"{path.relative_to(root)}: {count} lines; split it along the next noun"
        for path, count in counts.items()
        if count > MAX_LINES
    ]


def no_long_function(root: Path) -> list[str]:
    return [
        f"{path.relative_to(root)}:{function.lineno}: {function.name} is too long"
        for path in python_files(root)
        for function in functions(ast.parse(path.read_text("utf-8")))
        if (function.end_lineno or 0) - function.lineno + 1 > MAX_FUNCTION_LINES
    ]


def no_utils(root: Path) -> list[str]:
    names = {"utils", "util", "helpers", "common", "misc"}
    return [
        f"{path.relative_to(root)}: a file is named after its noun"
        for path in python_files(root)
        if path.stem in names
    ]


def no_mocks_in_tests(root: Path) -> list[str]:
    wrong = []
    for path in sorted((root / "tests").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if found := mock_in(node):
                wrong.append(f"{path.relative_to(root)}:{node.lineno}: {found}")
    return wrong


def mock_in(node: ast.AST) -> str | None:
    """Return what in this node belongs to a mocking library, if anything does."""
    names: list[str] = []
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        names = [f"{node.module}.{alias.name}" for alias in node.names]
    elif isinstance(node, ast.Name | ast.Attribute):
        names = [ast.unparse(node)]
    elif isinstance(node, ast.arg):
        names = [node.arg]
    words = {"mock", "mocker", "Mock", "MagicMock", "AsyncMock"}
    return next((name for name in names if words & set(name.split("."))), None)


def every_module_has_a_docstring(root: Path) -> list[str]:
    return [
        f"{path.relative_to(root)}: says nowhere what it is for"
        for path in python_files(root)
        if not path.is_relative_to(root / "tests")
        and not ast.get_docstring(ast.parse(path.read_text("utf-8")))
    ]


def no_addresses_of_one_machine(root: Path) -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True
    )
    wrong = []
    for name in filter(None, listed.stdout.split("\0")):
        try:
            lines = (root / name).read_text("utf-8").splitlines()
        except (UnicodeDecodeError, FileNotFoundError):  # binary; or deleted but not committed
            continue
        for number, line in enumerate(lines, 1):
            if found := _MACHINE_PATH.search(line) or _REGISTRY.search(line):
                wrong.append(f"{name}:{number}: {found[0]}")
    return wrong
