"""What `%agent` is asked: options at the front, then text that is taken as it is (guest)."""

from __future__ import annotations

import difflib
import re
from typing import Any

_option = re.compile(r"[ \t]*(--(?:[a-z][a-z-]*)?)(?=[\s=]|$)")
_value = re.compile(r"(?:=|[ \t]+)(?:\"([^\"\n]*)\"|'([^'\n]*)'|([^\s\"'][^\s]*))")
_modes = ("read-only", "ask", "auto")
_epilog = """The text after the options is taken literally: braces, quotes and ? stay as they are.
`--` ends the options, for a text that begins with two hyphens. `%%agent` takes a longer text."""


def options_parser() -> Any:
    """Return the parser of the options, which also prints the help."""
    from IPython.core import magic_arguments

    make: Any = magic_arguments.MagicArgumentParser
    parser = make(
        prog="%agent",
        description="Ask the agent of this Jupyter server about this notebook and its kernel.",
        epilog=_epilog,
        add_help=False,
    )
    add = parser.add_argument
    add("--session", metavar="ID", help="go on with this session of this kernel")
    add("--new", action="store_true", help="begin a new session")
    add("--model", metavar="NAME", help="the model for this question")
    add("--mode", choices=_modes, help="what may be done without asking; can only be lowered")
    add("--var", action="append", default=[], metavar="NAME", help="a variable that matters")
    add("--into", metavar="NAME", help="put the text of the answer into this variable")
    add("--quiet", action="store_true", help="do not show the answer")
    add("--help", action="store_true", help="show this help")
    return parser


def read_options(line: str) -> tuple[Any, str]:
    """Return the options and the text. Raises UsageError."""
    from IPython.core.error import UsageError

    parser = options_parser()
    known = {name: a.nargs != 0 for a in parser._actions for name in a.option_strings}
    words: list[str] = []
    rest = line
    while match := _option.match(rest):
        name, rest = match[1], rest[match.end() :]
        if name == "--":
            break
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            guess = f"did you mean {near[0]}? " if near else ""
            raise UsageError(f"%agent has no option {name}; {guess}%agent --help lists them")
        words.append(name)
        if known[name]:
            value = _value.match(rest)
            if value is None:
                raise UsageError(f"%agent: {name} needs a value")
            words[-1] = f"{name}={next(g for g in value.groups() if g is not None)}"
            rest = rest[value.end() :]
    options = parser.parse_args(words)
    for name in [*options.var, *([options.into] if options.into else [])]:
        if not name.isidentifier():
            raise UsageError(f"%agent: {name!r} is no name of a variable")
    text = rest.strip()
    if not text and not options.help:
        raise UsageError("%agent needs a question: %agent what columns are there?")
    return options, text
