"""Images and texts given with a query (floor 5)."""

from __future__ import annotations

import base64
import binascii
import hashlib

from ..envelope import wrap
from ..errors import BadRequestError, TooLargeError
from ..messages import Content, text_part
from ..turns import Query
from .bodies import Attachment

IMAGE_TYPES = ("image/png", "image/jpeg", "image/gif", "image/webp")
MAX_QUERY = 262_144
MAX_ATTACHED = 10_000_000


def check_query(text: str) -> str:
    """Return the query. Raises TooLargeError."""
    if len(text) > MAX_QUERY:
        raise TooLargeError(f"The query has {len(text)} characters, at most {MAX_QUERY} are taken.")
    return text


def attach(query: Query, attachments: list[Attachment]) -> Query:
    """Add the attachments to the query. Raises BadRequestError, TooLargeError."""
    left = MAX_ATTACHED
    for number, attachment in enumerate(attachments):
        left -= len(attachment.data) + len(attachment.text)
        if left < 0:
            raise TooLargeError(f"The attachments have more than {MAX_ATTACHED} bytes.")
        query.parts.append(_part(query, attachment, number))
    return query


def _part(query: Query, attachment: Attachment, number: int) -> Content:
    if attachment.type == "text":
        return text_part(wrap("attachment", attachment.text, name=attachment.name))
    if attachment.mime not in IMAGE_TYPES:
        raise BadRequestError(
            f"parts[{number}]: {attachment.mime!r} is no image type that is taken.",
            hint=f"Send one of {', '.join(IMAGE_TYPES)}.",
        )
    try:
        data = base64.b64decode(attachment.data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadRequestError(f"parts[{number}]: the data is no base64.") from error
    if not data:
        raise BadRequestError(f"parts[{number}]: the image is empty.")
    digest = hashlib.sha256(data).hexdigest()
    query.blobs[digest] = data
    return {"type": "image", "mime": attachment.mime, "blob": digest, "size": len(data)}
