"""Outputs of a cell as text and images for the model, within bounds (floor 2)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from ..messages import Content, ImagePart, TextPart, text_part
from ..records import Json
from .terminal import encodable, plain

MAX_CHARS: Final = 8_000
MAX_IMAGES: Final = 8
_TRACEBACK_HEAD: Final = 6
_TRACEBACK_TAIL: Final = 24
_IMAGES: Final = ("image/png", "image/jpeg")
_NO_CAPTION: Final = "<IPython.core.display.Image object>"
_TEXTS: Final = ("text/markdown", "text/latex", "text/plain")

Keep = Callable[[bytes], str]
ShowImage = Callable[[str, object], str]


def to_parts(outputs: Iterable[Json], keep: Keep, *, limit: int = MAX_CHARS) -> list[Content]:
    """Return one text part (none if there is no text), then the images, kept as blobs.

    A place in the text says where each image stood. `limit` is in characters.
    """
    texts: list[str] = []
    images: list[Content] = []

    def show(mime: str, encoded: object) -> str:
        return _image(mime, encoded, images, keep)

    for output in _joined(outputs):
        text = _text(output, show)
        if text.strip():
            texts.append(text.rstrip("\n"))
    parts: list[Content] = [cut("\n".join(texts), keep, limit=limit)] if texts else []
    return parts + images


def cut(text: str, keep: Keep, *, limit: int = MAX_CHARS) -> TextPart:
    """Return the text, of a longer one head and tail; then the whole is kept as a blob."""
    text = encodable(text)
    if len(text) <= limit:
        return text_part(text)
    digest = keep(text.encode())
    head, tail = limit * 2 // 3, limit - limit * 2 // 3
    left_out = len(text) - head - tail
    note = (
        f"[… {left_out} of {len(text)} characters left out here; "
        f'read_output(ref="{digest}", start={head}) reads on …]'
    )
    shown = f"{text[:head]}\n{note}\n{text[len(text) - tail :]}"
    return {"type": "text", "text": shown, "blob": digest, "size": len(text)}


def brief(outputs: Iterable[Json], limit: int) -> str:
    """Return outputs as text only, cut after `limit` characters; images are named."""
    named = (_text(output, lambda mime, _: f"[{mime}]") for output in _joined(outputs))
    text = "\n".join(part.rstrip("\n") for part in named)
    if len(text) <= limit:
        return text
    return f"{text[:limit]}[… {len(text) - limit} more characters]"


def error_text(name: str, value: str, traceback: Sequence[str]) -> str:
    """Return `Name: value` and a shortened traceback without escape sequences."""
    said = plain(f"{name}: {value}" if value else name)
    lines = plain("\n".join(traceback)).split("\n")
    lines = [line for line in lines if line.strip("- ") and line.strip() != said]
    if len(lines) > _TRACEBACK_HEAD + _TRACEBACK_TAIL:
        left_out = len(lines) - _TRACEBACK_HEAD - _TRACEBACK_TAIL
        middle = f"[… {left_out} lines of the traceback left out …]"
        lines = [*lines[:_TRACEBACK_HEAD], middle, *lines[-_TRACEBACK_TAIL:]]
    return "\n".join([said, *lines])


def _joined(outputs: Iterable[Json]) -> list[Json]:
    """Join neighbouring pieces of one stream, so that what overwrites a line meets it."""
    joined: list[Json] = []
    for output in outputs:
        last = joined[-1] if joined else {}
        if output["output_type"] == last.get("output_type") == "stream" and (
            output["name"] == last["name"]
        ):
            joined[-1] = {**last, "text": _string(last["text"]) + _string(output["text"])}
        else:
            joined.append(output)
    return joined


def _text(output: Json, show: ShowImage) -> str:
    kind = output["output_type"]
    if kind == "stream":
        return plain(_string(output["text"]))
    if kind == "error":
        return error_text(output["ename"], output["evalue"], output["traceback"])
    return _bundle(output.get("data", {}), show)


def _bundle(data: Json, show: ShowImage) -> str:
    """Return the text of a MIME bundle: an image and its plain text, else the best text."""
    mime = next((m for m in _IMAGES if m in data), None)
    if mime is not None:
        caption = plain(_string(data.get("text/plain", ""))).replace(_NO_CAPTION, "")
        return "\n".join(filter(None, (caption, show(mime, data[mime]))))
    text = next((_string(data[m]) for m in _TEXTS if m in data), None)
    if "image/svg+xml" in data:
        size = len(_string(data["image/svg+xml"]))
        note = f"[image/svg+xml, {size} characters, not shown]"
        return "\n".join(filter(None, (text, note)))
    if text is not None:
        return plain(text)
    return f"[output of type {', '.join(sorted(data))}, not shown]" if data else ""


def _image(mime: str, encoded: object, images: list[Content], keep: Keep) -> str:
    if len(images) >= MAX_IMAGES:
        return f"[{mime}, not shown: {MAX_IMAGES} images are the most for one result]"
    try:
        data = base64.b64decode("".join(_string(encoded).split()), validate=True)
    except (binascii.Error, ValueError):
        return f"[{mime} that cannot be decoded]"
    part: ImagePart = {"type": "image", "mime": mime, "blob": keep(data), "size": len(data)}
    images.append(part)
    return f"[image {len(images)}: {mime}]"


def _string(value: object) -> str:
    return "".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
