"""`@tool`, the schemas it makes, the arguments it accepts, and toolsets."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal, Optional

import msgspec
import pytest

from jupyter_agent_ext.errors import ToolError
from jupyter_agent_ext.protocols import Tool
from jupyter_agent_ext.records import ToolResult
from jupyter_agent_ext.tools.registry import Toolset, builtin_toolset, tool
from jupyter_agent_ext.tools.schema import parse_docstring

from .context import Context

if TYPE_CHECKING:
    from jupyter_agent_ext.protocols import ToolContext


@dataclass
class Point:
    x: int
    y: int = 0


@tool(effect="edit", needs=("notebook",))
async def paint(
    ctx: ToolContext,
    where: Point,
    colour: Literal["red", "blue"] = "red",
    width: Annotated[int, msgspec.Meta(ge=1, le=9)] = 1,
    label: Optional[str] = None,  # noqa: UP045
    tags: list[str] = [],  # noqa: B006
) -> str:
    """Paint a point
    on the canvas.

    A second paragraph, which the model does not see.

    Args:
        where: The place,
            on two lines.
        colour (str): What colour.
        width: How wide: 1 to 9.

    Returns:
        nothing: at all.
    """
    return f"{type(where).__name__} {where.x} {where.y} {colour} {width} {label} {tags}"


def test_the_schema_says_what_the_signature_and_the_docstring_say():
    assert isinstance(paint, Tool)
    assert paint.spec.name == "paint"
    assert paint.spec.description == "Paint a point on the canvas."
    assert paint.effect == "edit"
    assert paint.needs == {"notebook"}
    schema = paint.spec.parameters
    assert schema["type"] == "object"
    assert schema["required"] == ["where"]
    assert schema["additionalProperties"] is False
    properties = schema["properties"]
    assert list(properties) == ["where", "colour", "width", "label", "tags"]
    assert properties["where"]["description"] == "The place, on two lines."
    assert properties["where"]["$ref"] == "#/$defs/Point"
    assert schema["$defs"]["Point"]["properties"]["x"] == {"type": "integer"}
    assert properties["colour"]["enum"] == ["blue", "red"]
    assert properties["colour"]["description"] == "What colour."
    assert properties["width"] == {
        "type": "integer",
        "minimum": 1,
        "maximum": 9,
        "default": 1,
        "description": "How wide: 1 to 9.",
    }
    assert properties["label"]["default"] is None
    assert "ctx" not in properties
    msgspec.json.encode(schema)


async def test_arguments_get_their_defaults_and_types():
    arguments = paint.validate({"where": {"x": 3}, "width": 2})
    assert arguments == {
        "where": {"x": 3},
        "colour": "red",
        "width": 2,
        "label": None,
        "tags": [],
    }
    assert paint.validate(arguments) == arguments
    result = await paint.run(Context(), arguments)
    assert result == ToolResult([{"type": "text", "text": "Point 3 0 red 2 None []"}])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({}, "paint: missing argument `where`"),
        ({"where": {"x": "3"}}, "argument `where.x`: expected `int`, got `str`"),
        ({"where": {"x": 1}, "width": 10}, "argument `width`: expected `int` <= 9"),
        ({"where": {"x": 1}, "colour": "green"}, "argument `colour`: invalid enum value 'green'"),
        ({"where": {"x": 1}, "color": "red"}, "no argument 'color'; did you mean 'colour'?"),
        ({"where": {"x": 1}, "zzz": 1}, "It takes: where, colour, width, label, tags."),
        ({"where": {}}, "argument `where`: missing argument `x`"),
        ([], "must be a JSON object"),
        ({"where": {"x": 1}, "label": "\ud800"}, "half of a surrogate pair"),
        ({"where": {"x": 1}, "tags": [1]}, "argument `tags[0]`: expected `str`, got `int`"),
    ],
)
def test_a_wrong_argument_is_named(arguments, says):
    with pytest.raises(ToolError) as caught:
        paint.validate(arguments)
    assert says in str(caught.value)


def test_one_call_does_not_see_the_default_of_another():
    paint.validate({"where": {"x": 1}})["tags"].append("mine")
    assert paint.validate({"where": {"x": 1}})["tags"] == []


def test_what_is_no_tool_is_refused_when_it_is_defined():
    with pytest.raises(TypeError, match="async"):

        @tool(effect="read")
        def plain(ctx):
            """Do."""

    with pytest.raises(TypeError, match="docstring"):

        @tool(effect="read")
        async def silent(ctx) -> str: ...

    with pytest.raises(TypeError, match="x has no annotation"):

        @tool(effect="read")
        async def untyped(ctx, x) -> str:
            """Do."""

    with pytest.raises(TypeError, match="makes no JSON schema"):

        @tool(effect="read")
        async def open_ended(ctx, **more: int) -> str:
            """Do."""

    with pytest.raises(TypeError, match="no parameter"):

        @tool(effect="read")
        async def misnamed(ctx, x: int) -> str:
            """Do.

            Args:
                y: Not there.
            """

    with pytest.raises(TypeError, match="need"):

        @tool(effect="read", needs=("moon",))
        async def greedy(ctx) -> str:
            """Do."""


@pytest.mark.parametrize(
    ("doc", "description", "arguments"),
    [
        ("", "", {}),
        ("One.", "One.", {}),
        ("Args:\n    a: A.", "", {"a": "A."}),
        ("D.\n\nArgs:\n    a: A:\n      b: B.\n    c: C.\n", "D.", {"a": "A: b: B.", "c": "C."}),
        ("D.\n\nArgs:\n    a: A.\nAfter: it.", "D.", {"a": "A."}),
    ],
)
def test_docstrings_are_read(doc, description, arguments):
    assert parse_docstring(doc) == (description, arguments)


# ---------------------------------------------------------------- toolsets


def test_the_builtin_tools_are_all_there():
    effects = {t.spec.name: t.effect for t in builtin_toolset()}
    assert effects == {
        "list_variables": "read",
        "inspect_variable": "read",
        "run_code": "execute",
        "last_error": "read",
        "read_notebook": "read",
        "insert_cell": "edit",
        "edit_cell": "edit",
        "delete_cell": "edit",
        "run_cell": "execute",
        "list_files": "read",
        "read_file": "read",
        "ask_user": "read",
        "read_output": "read",
    }


def test_every_argument_of_a_builtin_tool_is_described():
    for one in builtin_toolset():
        for name, schema in one.spec.parameters["properties"].items():
            assert schema.get("description"), f"{one.spec.name}.{name}"


def test_only_what_executes_starts_itself_and_only_a_question_asks():
    tools = builtin_toolset()
    assert {t.spec.name for t in tools if t.starts} == {"run_code", "run_cell"}
    assert {t.spec.name for t in tools if t.asks} == {"ask_user"}
    assert tools.starts("run_cell")
    assert not tools.starts("read_file")
    assert not tools.starts("unknown")


def test_a_session_is_told_of_the_tools_it_can_use():
    tools = builtin_toolset()

    def names(**has):
        return {s.name for s in tools.specs(**has)}

    bare = {"list_files", "read_file", "ask_user", "read_output"}
    kernel = {"list_variables", "inspect_variable", "run_code", "last_error"}
    notebook = {"read_notebook", "insert_cell", "edit_cell", "delete_cell"}
    assert names(has_kernel=False, has_notebook=False) == bare
    assert names(has_kernel=True, has_notebook=False) == bare | kernel
    assert names(has_kernel=False, has_notebook=True) == bare | notebook
    assert names(has_kernel=True, has_notebook=True) == bare | kernel | notebook | {"run_cell"}


def test_an_unknown_tool_is_answered_with_similar_names():
    tools = builtin_toolset()
    assert tools.get("run_code").spec.name == "run_code"
    with pytest.raises(ToolError, match="'run_cod'; did you mean run_code"):
        tools.get("run_cod")
    with pytest.raises(ToolError, match="there are list_variables, "):
        tools.get("qqqqqq")
    with pytest.raises(ToolError, match="there are none"):
        Toolset().get("x")


def test_two_tools_of_one_name_are_an_error():
    @tool(effect="read")
    async def run_code(ctx) -> str:
        """Do something else."""
        return ""

    tools = builtin_toolset()
    with pytest.raises(ValueError, match="two tools named 'run_code'"):
        tools.add(run_code)
    known = tools.get("run_code")
    tools.add(known)
    assert tools.get("run_code") is known


def test_a_third_party_adds_a_module(tmp_path, monkeypatch):
    (tmp_path / "their_tools.py").write_text(
        "from jupyter_agent_ext.tools.kernel import run_code\n"
        "from jupyter_agent_ext.tools.registry import tool\n\n\n"
        "@tool(effect='external')\n"
        "async def phone(ctx, number: str) -> str:\n"
        "    '''Call a number.'''\n"
        "    return number\n"
    )
    (tmp_path / "no_tools.py").write_text("x = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    tools = builtin_toolset(["their_tools"])
    assert "phone" in tools
    assert len(tools) == len(builtin_toolset()) + 1
    assert tools.get("phone").validate({"number": "1"}) == {"number": "1"}
    with pytest.raises(ValueError, match="no_tools"):
        builtin_toolset(["no_tools"])
    with pytest.raises(ImportError):
        builtin_toolset(["not_there"])
    for name in ("their_tools", "no_tools"):
        sys.modules.pop(name)
