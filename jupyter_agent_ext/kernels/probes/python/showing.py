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
_code_span = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")
_fence = re.compile(r" {0,3}(`{3,}|~{3,})")
_tag = re.compile(r"<(?=[a-zA-Z/!?])(?!(?:https?://|mailto:)[^\s<>]*>)")
_code_names = ("code", "source")


class Shown:
    """What the cell shows of a turn: the texts in their order, a notice, the calls folded."""

    def __init__(self, shell: Any, *, quiet: bool) -> None:
        self.shell, self.quiet = shell, quiet
        self.texts: dict[str, str] = {}
        self.calls: dict[str, dict[str, Any]] = {}
        self.notice = "*The agent reads the question …*"
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
        blocks = [harmless(self.answer()), self.notice]
        if self.calls:
            count = f"{len(self.calls)} tool call{'s' if len(self.calls) > 1 else ''}"
            parts = [_call_block(call) for call in self.calls.values()]
            blocks.append(f"<details><summary>{count}</summary>\n\n")
            blocks[-1] += "\n\n".join(parts) + "\n\n</details>"
        return "\n\n".join(block for block in blocks if block)

    def plain(self) -> str:
        """Return the form for terminals and for files without Markdown."""
        blocks = [self.answer(), self.notice.strip("*")]
        if self.calls:
            names = (f"{c['name']} ({c.get('status') or 'running'})" for c in self.calls.values())
            blocks.append("Tool calls: " + ", ".join(names))
        return "\n\n".join(block for block in blocks if block)


def harmless(markdown: str) -> str:
    """Return Markdown without raw HTML and images, so that showing it fetches nothing.

    Code stays as it is; an image becomes a link.
    """
    lines, fence = [], ""
    for line in markdown.split("\n"):
        mark = _fence.match(line)
        if fence:
            closing = mark and mark[1].startswith(fence) and not line[mark.end() :].strip()
            fence = "" if closing else fence
        elif mark:
            fence = mark[1]
        else:
            line = _harmless_line(line)
        lines.append(line)
    if fence:  # what follows the answer must not fall into its open block
        lines.append(fence)
    return "\n".join(lines)


def _harmless_line(line: str) -> str:
    pieces, at = [], 0
    for span in _code_span.finditer(line):
        pieces += [_no_html(line[at : span.start()]), span[0]]
        at = span.end()
    return "".join([*pieces, _no_html(line[at:])])


def _no_html(text: str) -> str:
    return _tag.sub("&lt;", text).replace("![", "[")


def _call_block(call: dict[str, Any]) -> str:
    arguments = dict(call.get("arguments") or {})
    code = next((arguments.pop(n) for n in _code_names if type(arguments.get(n)) is str), None)
    parts = [f"**{call['name']}** {call.get('status') or 'running'}"]
    if code is not None:
        parts.append(fenced(code, "python"))
    if arguments:
        parts.append(fenced(json.dumps(arguments, ensure_ascii=False), "json"))
    if call.get("result"):
        parts.append(fenced(call["result"], "text"))
    return "\n\n".join(parts)


def fenced(text: str, language: str) -> str:
    """Return text as a block of code that it cannot end itself."""
    if len(text) > _shown_chars:
        text = f"{text[:_shown_chars]}\n… {len(text) - _shown_chars} more characters"
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"
