"""The words of a question that nobody accounts for: the guard against other questions (floor 1).

A rule answers what its pattern found. What the question says beyond that, and what is no name
and no filler, may change the answer: then a number is refused, and a look-up says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from . import names
from .names import listed

_FILLER_WORDS = """
a about across actually again all alone also am among an and answer any are as at basic be been
being by calculate can chart charts column columns compute could create current currently d data
dataframe dataset diagram did display do does draw each entire entries entry every exactly
feature features field fields figure find for frame from get give graph graphs had has have
having here hey hi how i image in is it its just kernel know let like list ll look make many
matplotlib may me memory might much must my need nice notebook now number numbers of ok on once
only or our out overall pandas picture please plot present print python question quickly re
really record records result results return right row rows s see set shall should show simple
simply so some summary table tell thank thanks that the their them then there these they this
those to today too up us use using value values variable variables ve via want was we were what
what's when which who whole whose will with within work would you your
"""
_FILLER = frozenset(_FILLER_WORDS.split())
_MEASURES = frozenset(
    [
        "mean",
        "average",
        "sum",
        "total",
        "min",
        "max",
        "minimum",
        "maximum",
        "high",
        "low",
        "top",
        "median",
    ]
)
_LITERAL = re.compile(r"[a-zA-Z]{2,}")
_NO_LITERAL = re.compile(r"\\[a-zA-Z]|\(\?P<\w+>|\(\?[:=!<]+|\[[^\]]*\]\??")
_OPTIONAL = re.compile(r"([a-z]+)[a-z]\?")
_ENDINGS = ("s", "es", "e", "d", "ed", "ing", "y", "ies", "ion", "ions", "ze", "se")
_TOKEN = re.compile(r"\d[\d.,:/-]*%?(?:st|nd|rd|th)?|[^\W\d_]+(?:['’][^\W\d_]+)?|[<>=+*/^]+")
_DANGLING = re.compile(
    r"(?:[\s,]+(?:for|in|of|with|without|and|or|but|by|per|on|at|from|to|the|a|an|only|is|are"
    r"|that|which|not|as|excluding|except|where|whose))+[\s?.!]*$",
    re.IGNORECASE,
)


def vocabulary(pattern: str, measures: Iterable[str] = ()) -> frozenset[str]:
    """Return the words that a pattern is written with: those it accounts for.

    `measures` are left out: of those only what a group has found is accounted for.
    """
    pattern = _NO_LITERAL.sub(" ", pattern)
    words = _LITERAL.findall(pattern) + _OPTIONAL.findall(pattern)
    return frozenset(word.lower() for word in words) - set(measures)


def leftover(
    text: str, known: Iterable[str], vocabulary: Iterable[str], used: Iterable[str] = ()
) -> list[str]:
    """Return the words of `text` that carry meaning and that nothing accounts for, in order.

    `known` are names (columns, frames), `used` are pieces of text that a rule has read.
    """
    words = set(vocabulary)
    for piece in used:
        words.update(_TOKEN.findall(names.without(piece, ())))
    rest = _TOKEN.findall(names.without(text, list(known)))
    return [w for w in dict.fromkeys(rest) if not _is_known(w.rstrip(".,:"), words)]


def is_ordinary(word: str) -> bool:
    """Say whether a word is one that questions hold anyway."""
    return word.lower() in _FILLER or word.lower() in _MEASURES


def without_words(text: str, words: Iterable[str]) -> str:
    """Return the question without the given words and the connectors that then dangle."""
    for word in words:
        text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", " ", text, flags=re.IGNORECASE)
    text = " ".join(text.split()).rstrip("?!. ")
    text = _DANGLING.sub("", text)
    return re.sub(r"^(?:(?:of|for|in|by|with|and)\s+)+", "", text).strip(" ,?!.")


def refusal(words: list[str], nearest: str, example: str) -> str:
    """Say that a question was not answered because of these words, and what would be."""
    many = len(words) > 1
    said = (
        f"I am rule-based, and I do not understand {listed(words[:8])} in this question. So I "
        f"computed nothing: an answer without {'them' if many else 'it'} would be the answer to "
        "another question."
    )
    if nearest:
        said += f' I can answer "{nearest}".'
    return (
        f"{said} To choose rows, say it with a column and a value, for example: "
        f'"{nearest or "how many rows"} where {example}".'
    )


def remark(words: list[str]) -> str:
    """Say which words a look-up did not take into account."""
    return f"I did not take {listed(words[:8])} into account." if words else ""


def _is_known(word: str, words: set[str]) -> bool:
    if not word or word in _FILLER or word in words:
        return True
    return any(word.endswith(ending) and word.removesuffix(ending) in words for ending in _ENDINGS)
