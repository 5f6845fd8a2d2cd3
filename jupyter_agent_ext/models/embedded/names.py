"""Finding what a person means among the names that exist (floor 1)."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence

from .steps import NotMineError, PuzzledError

_QUOTES = "`'\"“”‘’´"
_SEPARATORS = re.compile(r"[\s_\-.]+")
_FILLER = re.compile(
    r"^(?:(?:the|a|an|my|our|its|their|all|each|every|of|for|in|column|columns|field|variable"
    r"|values?|feature|data)\s+)+|\s+(?:column|columns|field|variable|values?|feature|please)$",
    re.IGNORECASE,
)
_NO_WORD = re.compile(r"[^\w%$#+]+")
_CLOSE = 0.7
_MOST_WORDS = 3  # of a name; what is longer is another question


def code(name: object, limit: int = 80) -> str:
    """Return a name as inline code; it cannot end the code or the line."""
    text = " ".join(str(name).replace("`", "'").split())
    return f"`{text if len(text) <= limit else text[: limit - 1] + '…'}`"


def listed(names: Iterable[object], last: str = "and") -> str:
    """Return names as `a`, `b` and `c`."""
    shown = [code(name) for name in names]
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} {last} {shown[-1]}"


def counted(number: int, noun: str) -> str:
    """Return 1 row, 2 rows, 1,234 rows."""
    plural = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{number:,} {noun if number == 1 else plural}"


def plain(text: str) -> str:
    """Return a name for comparison: no quotes, no case, one space between words."""
    return _SEPARATORS.sub(" ", text.strip().strip(_QUOTES)).strip().casefold()


def phrase(text: str) -> str:
    """Return what is left of `text` without quotes, filler words and end marks."""
    text = text.strip().rstrip("?!.,;: ").strip()
    while (shorter := _FILLER.sub("", text).strip()) != text:
        text = shorter
    return text.strip(_QUOTES)


def find(text: str, names: Sequence[str]) -> str | None:
    """Return the name that `text` is: exact, then regardless of case, separators and plural."""
    for wanted in (text.strip(), phrase(text)):
        if wanted in names:
            return wanted
        simple = plain(wanted)
        for form in _forms(simple) if simple else ():
            found = [name for name in names if plain(name) == form]
            if found:
                return found[0]
    return None


def _forms(word: str) -> tuple[str, ...]:
    """Return a word with its singular and its plurals."""
    singular = word[:-3] + "y" if word.endswith("ies") else word.removesuffix("s")
    plural = word[:-1] + "ies" if word.endswith("y") else word + "s"
    return word, singular, plural, word + "s"


def _words(text: str) -> str:
    return plain(_NO_WORD.sub(" ", text))


def mentioned(text: str, names: Sequence[str]) -> list[str]:
    """Return the names that occur in `text` as words, in their order; longer ones win."""
    return [name for _, name in _mentions(text, names)[0]]


def without(text: str, names: Sequence[str]) -> str:
    """Return the words of `text`, without those that mention one of `names`, however often."""
    simple, before = _words(text), ""
    while simple != before:
        before, simple = simple, _mentions(simple, names)[1].replace("\0", "")
    return simple.strip()


def _mentions(text: str, names: Sequence[str]) -> tuple[list[tuple[int, str]], str]:
    """Return the places of the names, and the plain text with a gap at each."""
    simple = f" {_words(text)} "
    places: list[tuple[int, str]] = []
    for name in sorted(names, key=len, reverse=True):
        word = _words(name)
        for form in _forms(word) if word else ():
            at = simple.find(f" {form} ")
            if at >= 0:
                places.append((at, name))
                gap = "\0" * len(form)
                simple = f"{simple[: at + 1]}{gap}{simple[at + 1 + len(form) :]}"
                break
    return sorted(places), simple


def close(text: str, names: Sequence[str]) -> list[str]:
    """Return up to three names that `text` could be a slip of, or a part."""
    by_plain = {plain(name): name for name in names}
    word = f" {plain(phrase(text))} "
    around = [name for form, name in by_plain.items() if word in f" {form} "]
    if around and word.strip():
        return around[:3]
    return [
        by_plain[hit]
        for hit in difflib.get_close_matches(plain(phrase(text)), by_plain, n=3, cutoff=_CLOSE)
    ]


def resolve(text: str, names: Sequence[str], kind: str, owner: str) -> str:
    """Return the name that `text` is or mentions. Raises PuzzledError with what is near."""
    found = find(text, names)
    if found is not None:
        return found
    inside = mentioned(text, names)
    if len(inside) == 1:
        return inside[0]
    raise unknown(phrase(text), names, kind, owner)


def unknown(text: str, names: Sequence[str], kind: str, owner: str) -> PuzzledError:
    """Return what to say where `text` is none of `names`."""
    near = close(text, names)
    if not near and len(text.split()) > _MOST_WORDS:
        return NotMineError(f"{owner} has no such {kind}.")
    if near:
        return PuzzledError(
            f"{owner} has no {kind} {code(text)}. Did you mean {listed(near, 'or')}?"
        )
    shown = list(names)[:20]
    more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
    said = f"{owner} has no {kind} {code(text)}." if text else f"Which {kind} of {owner}?"
    return PuzzledError(f"{said} The {kind}s are {listed(shown)}{more}.")
