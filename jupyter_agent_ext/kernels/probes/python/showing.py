"""The answer in the cell: one display, updated in place (guest)."""

from __future__ import annotations

import json
import re
import time
import uuid
from typing import Any

INTERVAL = 0.05
"""Seconds between two updates, at least."""
_bytes_a_second = 300_000  # Jupyter Server drops a kernel's messages beyond 1 MB/s
_shown_chars = 1_500
_fence = re.compile(r"(`{3,}(?=[^`]*$)|~{3,})(.*)$")
_language = re.compile(r"\s*([\w+#.-]{1,40})(?=\s|$)")
_drawn_language = "mermaid"  # a front end draws it, and a drawing may name images
_tag = re.compile(r"<(?=[a-zA-Z/!?])(?!https?://[^\s<>]*>)")
_image = re.compile(r"!+(?=\[)")
_special = re.compile(r"[\\`*\[\]<>&!$~@]|(?<!\w)_|_(?!\w)")
_definition = re.compile(r"^( {0,3}\[(?:\\.|[^\[\]\\])+\]):", re.MULTILINE)
_open_label = re.compile(r"^( {0,3})\[(?!(?:\\.|[^\[\]\\])*[\[\]])", re.MULTILINE)
_whole_definition = re.compile(
    r""": +[^\s<]+(?: +(?:"[^"\\\n]*"|'[^'\\\n]*'))?[ \t]*(?:$|\n(?![ \t]*["'(]))"""
)
_whole_math = re.compile(
    r"^\$\$[^$]*\$\$[ \t]*$|\$\$[^$\n]+\$\$"
    r"|^\\begin\{([a-z]*\*?)\}(?:(?!\\begin|\\end|\$\$)[\s\S])*\\end\{\1\}[ \t]*$",
    re.MULTILINE,
)
_math_mark = re.compile(r"\$\$|\\(?=(?:begin|end)\{)|\\\\(?=[\[\]])")
_code_names = ("code", "source")


class Shown:
    """What the cell shows of a turn: the texts in their order, a notice, the calls folded."""

    def __init__(self, shell: Any, *, quiet: bool) -> None:
        self.shell, self.quiet = shell, quiet
        self.texts: dict[str, str] = {}
        self.calls: dict[str, dict[str, Any]] = {}
        self.notice = "The agent reads the question …"
        """What happens now; plain text."""
        self.code = ""
        """The code that is asked about, if any; all of it is shown."""
        self.metadata: dict[str, Any] = {}
        self._display_id = uuid.uuid4().hex
        self._drawn = float("-inf")
        self._interval = INTERVAL
        self._stale = False
        self._last: tuple[str, dict[str, Any]] | None = None

    def change(self) -> None:
        """Note that something is new."""
        self._stale = True

    def wait(self) -> float | None:
        """Return the seconds until the next update is due, None if nothing is new."""
        if self.quiet or not self._stale:
            return None
        return max(0.0, self._drawn + self._interval - time.monotonic())

    def draw(self, *, now: bool = False) -> None:
        """Show what is new if it is due, or `now`."""
        wait = self.wait()
        if wait is None or (wait > 0 and not now):
            return
        markdown, self._stale = self.markdown(), False
        if self._last == (markdown, self.metadata):
            return
        data = {"text/markdown": markdown, "text/plain": self.plain()}
        self.shell.display_pub.publish(
            data=data,
            metadata={"jupyter_agent": self.metadata} if self.metadata else {},
            transient={"display_id": self._display_id},
            update=self._last is not None,
        )
        self._last, self._drawn = (markdown, self.metadata), time.monotonic()
        self._interval = max(INTERVAL, 2 * len(markdown) / _bytes_a_second)

    def answer(self) -> str:
        """Return all that was said."""
        return "\n\n".join(text.strip() for text in self.texts.values() if text.strip())

    def markdown(self) -> str:
        """Return the Markdown form: no raw HTML, no image from elsewhere."""
        blocks = [harmless(self.answer())]
        blocks += [f"*{literal(line)}*" for line in self.notice.splitlines() if line.strip()]
        if self.code:
            blocks.append(fenced(self.code, "python", most=None))
        if self.calls:
            count = f"{len(self.calls)} tool call{'s' if len(self.calls) > 1 else ''}"
            parts = [_call_block(call) for call in self.calls.values()]
            blocks.append(f"<details><summary>{count}</summary>\n\n")
            blocks[-1] += "\n\n".join(parts) + "\n\n</details>"
        return "\n\n".join(block for block in blocks if block)

    def plain(self) -> str:
        """Return the form for terminals and for files without Markdown."""
        blocks = [self.answer(), self.notice, self.code]
        if self.calls:
            names = (f"{c['name']} ({c.get('status') or 'running'})" for c in self.calls.values())
            blocks.append("Tool calls: " + ", ".join(names))
        return "\n\n".join(block for block in blocks if block)


def harmless(markdown: str) -> str:
    """Return Markdown without raw HTML and images, so that showing it fetches nothing.

    Only what is a block of code for every reader of Markdown, a fence at the first column, stays
    as it is. Elsewhere, in inline code too, a tag becomes text and an image a link.
    """
    blocks: list[str] = []
    lines: list[str] = []
    fence = language = ""
    for line in re.sub(r"\r\n?", "\n", markdown).split("\n"):
        mark = None if fence else _fence.match(line)
        if mark:
            blocks.append(_harmless_text("\n".join(lines)))
            fence, language, lines = mark[1], mark[2], []
        elif fence and _closes(line, fence):
            blocks.append(_code_block(lines, language))
            fence, lines = "", []
        else:
            lines.append(line)
    blocks.append(_code_block(lines, language) if fence else _harmless_text("\n".join(lines)))
    return "\n\n".join(block for block in blocks if block)


def literal(text: str) -> str:
    """Return Markdown for one line that shows just this text."""
    return _special.sub(_entity, " ".join(text.split()))


def _entity(found: re.Match[str]) -> str:
    return "".join(f"&#{ord(character)};" for character in found[0])


def _closes(line: str, fence: str) -> bool:
    mark = line.strip(" \t")
    return mark.startswith(fence) and not mark.strip(fence[0])


def _code_block(lines: list[str], info: str) -> str:
    """Return the block with a fence of our own, which no text before it can end or take in."""
    found = _language.match(info)
    language = found[1] if found else "text"
    if language.lower().startswith(_drawn_language):
        language = "text"
    return fenced("\n".join(lines), language, most=None)


def _harmless_text(text: str) -> str:
    text = _image.sub("", _tag.sub("&lt;", text)).strip("\n")
    text = _open_label.sub(r"\1&#91;", _definition.sub(_no_definition, text))
    if _math_mark.search(_whole_math.sub("", text)):  # it could reach into a block of code
        text = _math_mark.sub(_entity, text)
    return text


def _no_definition(found: re.Match[str]) -> str:
    """Keep the definition of a link that ends in its line; another could reach further."""
    whole = _whole_definition.match(found.string, found.end() - 1)
    return found[0] if whole else f"{found[1]}&#58;"


def _call_block(call: dict[str, Any]) -> str:
    arguments = dict(call.get("arguments") or {})
    code = next((arguments.pop(n) for n in _code_names if type(arguments.get(n)) is str), None)
    parts = [f"**{literal(call['name'])}** {literal(call.get('status') or 'running')}"]
    if code is not None:
        parts.append(fenced(code, "python"))
    if arguments:
        parts.append(fenced(json.dumps(arguments, ensure_ascii=False), "json"))
    if call.get("result"):
        parts.append(fenced(call["result"], "text"))
    return "\n\n".join(parts)


def fenced(text: str, language: str, *, most: int | None = _shown_chars) -> str:
    """Return text as a block of code that it cannot end itself; None: all of it."""
    if most is not None and len(text) > most:
        text = f"{text[:most]}\n… {len(text) - most} more characters"
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"
