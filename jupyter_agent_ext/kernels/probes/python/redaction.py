"""Keep secrets in the kernel: by the name of what holds them and by their look (guest).

Redact first, cut afterwards: cutting first leaks the beginning of a secret.
"""

from __future__ import annotations

import re
from typing import Any

from .safety import type_ids

_texts_ids = type_ids(str, bytes, bytearray)
REDACTED = "«redacted»"

_STRONG = (
    r"pass(?:wd|word|phrase|code)?|pwd|secret|api[_\-]?key|credential|cred"
    r"|(?:private|access|client|signing|encryption)[_\-]?key|client[_\-]?secret"
    r"|conn(?:ection)?[_\-]?str(?:ing)?|dsn"
)
_WEAK = r"token|auth|authorization|session[_\-]?id|cookie|bearer|jwt"
_LEFT, _RIGHT = r"(?:^|[_\-. 0-9])", r"s?(?:$|[_\-. 0-9])"
_strong_name = re.compile(f"{_LEFT}(?:{_STRONG}){_RIGHT}", re.IGNORECASE)
_weak_name = re.compile(f"{_LEFT}(?:{_WEAK}){_RIGHT}", re.IGNORECASE)
_camel = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

_look = re.compile(
    r"AKIA[0-9A-Z]{16}"
    r"|\bsk-[A-Za-z0-9_\-]{16,}"
    r"|\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}"
    r"|gh[pousr]_[A-Za-z0-9]{20,}"
    r"|github_pat_[A-Za-z0-9_]{20,}"
    r"|glpat-[A-Za-z0-9_\-]{16,}"
    r"|xox[abprs]-[A-Za-z0-9\-]{10,}"
    r"|\bhf_[A-Za-z0-9]{20,}"
    r"|AIza[0-9A-Za-z_\-]{30,}"
    r"|\beyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]*(?:\.[A-Za-z0-9_\-]*)?"
    r"|(?i:\bbearer\s+)[A-Za-z0-9_\-.=+/]{16,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
)
_url_login = re.compile(r"(?i)\b([a-z][a-z0-9+.\-]{1,30}://[^/\s:@]{0,200}):[^@\s/]{1,400}@")
_assigned = re.compile(
    rf"(?i)((?:\b|_)(?:{_STRONG}|{_WEAK})s?[\"']?\s*[:=]\s*)([\"'])((?:(?!\2)[^\\\n]|\\.)+)\2"
)
_bare = re.compile(
    r"(?i)((?:\b|_)(?:pass(?:word|wd)?|pwd|secret|api[_\-]?key|token)\s*=\s*)([^\s\"'<>;&,)\]}]{3,})"
)


def secret_name(name: str) -> bool:
    """Say whether a key, column or parameter of this name may hold a secret."""
    name = _camel.sub("_", name[:200])
    return bool(_strong_name.search(name) or _weak_name.search(name))


def strong_name(name: str) -> bool:
    """Say whether whatever has this name is a secret, containers and numbers included."""
    return bool(_strong_name.search(_camel.sub("_", name[:200])))


def hides_value(name: str, value: Any) -> bool:
    """Say whether the value of a variable must stay in the kernel.

    A str called `token` is a secret; a list of str called `tokens` is not.
    """
    if strong_name(name):
        return True
    return id(type(value)) in _texts_ids and secret_name(name)


def redact(text: str) -> str:
    """Return source code or other text without what looks like a secret."""
    text = _look.sub(REDACTED, text)
    text = _url_login.sub(rf"\1:{REDACTED}@", text)
    return _assigned.sub(rf"\1\2{REDACTED}\2", text)


def redact_value(text: str) -> str:
    """Return the text of a string value redacted: `password=abc` of a query or a DSN too."""
    if len(text) < 8:
        return text
    return _bare.sub(rf"\1{REDACTED}", redact(text))
