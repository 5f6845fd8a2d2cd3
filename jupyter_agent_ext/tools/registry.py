"""`@tool` makes a Tool of a function; a Toolset holds what an agent may call (floor 2)."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Iterator
from difflib import get_close_matches
from importlib import import_module
from typing import Any, Final

from ..errors import ToolError
from ..messages import text_part
from ..protocols import Tool, ToolContext
from ..records import Effect, Json, ToolResult, ToolSpec
from .schema import Arguments
from .terminal import encodable

BUILTIN: Final = tuple(
    f"jupyter_agent_ext.tools.{module}"
    for module in ("kernel", "notebook", "files", "ask", "output", "errors")
)
_NEEDS: Final = frozenset({"kernel", "notebook"})
_MAX_NAME: Final = 64  # what the providers' APIs take

ToolFunction = Callable[..., Awaitable[ToolResult | str]]


def tool(
    *,
    effect: Effect,
    needs: Iterable[str] = (),
    asks: bool = False,
    starts: bool = False,
    bind: Callable[[ToolContext, Json], Awaitable[tuple[Json, Json]]] | None = None,
) -> Callable[[ToolFunction], Tool]:
    """Make a Tool of `async def name(ctx: ToolContext, …) -> ToolResult | str`.

    The function's name, the first paragraph of its docstring, its Google-style `Args` and its
    annotations (what msgspec knows: Literal, Optional, Annotated with msgspec.Meta, …) are
    what the model is told and what arguments are checked against. `effect`, `needs`, `asks`,
    `starts` and `bind` are those of `protocols.Tool`. Raises TypeError if the function is no tool.
    """

    def decorate(function: ToolFunction) -> Tool:
        name = function.__name__
        if not inspect.iscoroutinefunction(function):
            raise TypeError(f"{name}: a tool is an async function")
        if unknown := set(needs) - _NEEDS:
            raise TypeError(f"{name}: a tool cannot need {unknown}, only {set(_NEEDS)}")
        if len(name) > _MAX_NAME:
            raise TypeError(f"{name}: the name of a tool has up to {_MAX_NAME} characters")
        arguments = Arguments(function)
        if not arguments.description:
            raise TypeError(f"{name}: a tool has a docstring; its first paragraph describes it")

        async def run(ctx: ToolContext, values: Json) -> ToolResult:
            result = await function(ctx, **arguments.bind(values))
            if isinstance(result, str):
                return ToolResult([text_part(encodable(result))])
            return result

        return Tool(
            spec=ToolSpec(name, arguments.description, arguments.schema),
            effect=effect,
            run=run,
            validate=arguments.validate,
            asks=asks,
            starts=starts,
            needs=frozenset(needs),
            bind=bind,
        )

    return decorate


class Toolset:
    """Tools by name, in the order in which they were added."""

    def __init__(self, tools: Iterable[Tool] = ()) -> None:
        self._tools: dict[str, Tool] = {}
        for one in tools:
            self.add(one)

    def add(self, one: Tool) -> None:
        """Add a tool. Raises ValueError if another one has its name."""
        known = self._tools.setdefault(one.spec.name, one)
        if known is not one:
            raise ValueError(f"There are two tools named {one.spec.name!r}.")

    def add_module(self, name: str) -> None:
        """Import a module and add the tools in it. Raises ImportError, ValueError if none."""
        found = [value for value in vars(import_module(name)).values() if isinstance(value, Tool)]
        if not found:
            raise ValueError(f"The module {name!r} has no function decorated with @tool.")
        for one in found:
            self.add(one)

    def get(self, name: str) -> Tool:
        """Return a tool. Raises ToolError naming those with a similar name."""
        try:
            return self._tools[name]
        except KeyError:
            near = get_close_matches(name, self._tools, n=3, cutoff=0.5)
            which = f"did you mean {' or '.join(near)}?" if near else f"there are {_all(self)}."
            raise ToolError(f"There is no tool {name!r}; {which}") from None

    def starts(self, name: str) -> bool:
        """Say whether the tool notes the beginning of its effect itself; False if unknown."""
        return name in self._tools and self._tools[name].starts

    def specs(self, *, has_kernel: bool, has_notebook: bool) -> list[ToolSpec]:
        """Return what the model is told of: the tools whose needs are met."""
        have = {n for n, has in (("kernel", has_kernel), ("notebook", has_notebook)) if has}
        return [one.spec for one in self if one.needs <= have]

    def __iter__(self) -> Iterator[Tool]:
        return iter(self._tools.values())

    def __len__(self) -> int:
        return len(self._tools)

    def __contains__(self, name: Any) -> bool:
        return name in self._tools


def builtin_toolset(modules: Iterable[str] = ()) -> Toolset:
    """Return the tools of this package and of the modules named, as `"pkg.module"`."""
    toolset = Toolset()
    for name in (*BUILTIN, *modules):
        toolset.add_module(name)
    return toolset


def _all(toolset: Toolset) -> str:
    return ", ".join(one.spec.name for one in toolset) or "none"
