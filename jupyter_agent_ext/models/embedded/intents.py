"""What is understood: the first pattern that fits says which rule answers (floor 1)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from . import computing, doing, loading, looking, plotting, trouble
from .conditions import OPERATOR
from .situation import Situation
from .steps import Plan, Words

Rule = Callable[[Situation, Words], "str | Plan"]
_POLITE = re.compile(
    r"^(?:(?:please|hey|hi|ok(?:ay)?|now|then|so|and|also|next|just"
    r"|(?:can|could|would|will) (?:you|we|i)(?: please)?|let(?:'s| us)|help me(?: to)?"
    r"|i(?:'d like| would like| want| need)(?: you)? to|i(?:'d like| want| need)"
    r"|do you know|tell me(?! about)|i wonder)\b[\s,:]*)+",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Intent:
    """A kind of question; `pattern` gives the rule its named groups."""

    name: str
    pattern: re.Pattern[str]
    rule: Rule


def _intent(name: str, pattern: str, rule: Rule) -> Intent:
    return Intent(name, re.compile(pattern, re.IGNORECASE | re.DOTALL), rule)


_M, _C = computing.MEASURE, computing.COUNTABLE
_BY = r"(?:by|per|for each|for every|grouped by|in each|across|within each)"
_CHART = r"(?:\s*-?(?:charts?|plots?|graphs?|diagrams?))"

INTENTS: tuple[Intent, ...] = (
    _intent(
        "help",
        r"^(?:help|hello|hi|hey|who are you|what are you|what can (?:you|i)\b"
        r"|what do you (?:do|know)|how (?:do|does|can) (?:i|this|you) (?:use|work|help))\b.{0,40}$"
        r"|^\W*$",
        trouble.helping,
    ),
    _intent("thanks", r"^(?:thanks|thank you|thx|great|cool|perfect)\b.{0,30}$", trouble.thanks),
    _intent(
        "run",
        r"^(?:run|execute|evaluate)\s*(?:this|the|following)?\s*(?:code|python)?\s*:?\s*"
        r"(?:```(?:python)?\s*(?P<block>.+?)```|`(?P<inline>[^`]+)`|(?P<bare>[^\n]*[=(\[+*][^\n]*))$",
        doing.run,
    ),
    _intent(
        "add cell",
        r"^(?:add|insert|create|write)\s+(?:an?\s+|another\s+|new\s+)*(?P<type>markdown|code|text)?"
        r"\s*cell\b(?:\s*(?:with|that says|saying|containing)\b)?(?:\s*the (?:code|text)\b)?\s*:?"
        r"\s*(?P<source>.*)$",
        doing.add_cell,
    ),
    _intent(
        "last error",
        r"\b(?:last|latest|recent|this|that|the|my|an?) (?:error|exception|traceback)\b|went wrong"
        r"|^(?:explain|fix|why)\b.*\b(?:error|exception|traceback|fail\w*|crash\w*|break|broke)\b",
        trouble.last_error,
    ),
    _intent(
        "changes",
        r"\bwhat(?:'s|\s+is|\s+has|\s+have|\s+did i|\s+did you)?\s+(?:been\s+)?(?:changed?|new)\b"
        r"|\bwhat changed\b|\bany changes\b|^changes\??$",
        looking.changes,
    ),
    _intent("files", r"^(?:what|which|list|show|are there)\b.*\bfiles?\b|^ls$", loading.files),
    _intent(
        "cells",
        r"^(?:read|show|summari[sz]e|describe|outline|explain|list|what)\b.*\b(?:notebook|cells)\b",
        looking.cells,
    ),
    _intent("load", r"^(?:re)?(?:load|import|read|open)\b(?:\s+in\b)?(?P<what>.*)$", loading.load),
    _intent(
        "load a file",
        rf"^(?:use|fetch|get|analy[sz]e|look at|take|start with)\b(?P<what>.*{loading.FILE}.*)$",
        loading.load,
    ),
    _intent(
        "histogram",
        r"\b(?:histograms?|hist|distributions?)\b(?:\s+(?:plot|chart))?(?:\s+(?:of|for|in))?"
        r"(?P<what>.*)$",
        plotting.histogram,
    ),
    _intent("box plot", rf"\bbox{_CHART}(?:\s+(?:of|for))?(?P<what>.*)$", plotting.box),
    _intent("scatter", rf"\bscatter{_CHART}?(?:\s+(?:of|for))?(?P<what>.*)$", plotting.scatter),
    _intent("bar", rf"\bbar{_CHART}(?:\s+(?:of|for|with))?(?P<what>.*)$", plotting.bar),
    _intent("line", rf"\bline{_CHART}(?:\s+(?:of|for|with))?(?P<what>.*)$", plotting.line),
    _intent("trend", r"\btrends?\b(?:\s+(?:of|for|in))?(?P<what>.*)$", plotting.line),
    _intent(
        "plot",
        r"^(?:plot|chart|graph|draw|visuali[sz]e|make an? (?:plot|chart|graph))\b"
        r"(?:\s+an?\s+(?:plot|chart|graph))?(?:\s+(?:of|for))?(?P<what>.*)$"
        r"|^(?:(?:create|show)\s+)?(?:an?\s+)?(?:plot|chart|graph)\s+(?:of|for)\b(?P<what2>.*)$",
        plotting.plot,
    ),
    _intent("correlation", r"\b(?:correlat\w*|relationship)\b(?P<what>.*)$", computing.correlation),
    _intent(
        "where",
        r"\b(?:where|whose|having|in which|for which|such that|with|have|has)\s+"
        rf"(?P<condition>\S.*?\s*(?:{OPERATOR}).*)$",
        computing.where,
    ),
    _intent(
        "top",
        r"\b(?:top|bottom)\s+(?P<n>\d+|five|ten)?\s*(?:rows|entries|records)?\s*(?:by|of|for|in)\s+"
        r"(?P<what>.+)$",
        computing.top,
    ),
    _intent(
        "largest",
        r"\b(?P<n>\d+|five|ten)\s+(?:rows\s+with\s+(?:the\s+)?)?(?:largest|highest|biggest|smallest"
        r"|lowest|top|most|least)\s+(?:rows\s+by\s+|by\s+)?(?P<what>.+)$"
        r"|\bwhich rows?\b.*\b(?:largest|highest|biggest|smallest|lowest)\s+(?P<what2>.+)$",
        computing.top,
    ),
    _intent(
        "top groups",
        r"\b(?:top|bottom)\s+(?:\d+|five|ten)?\s*(?P<by>\w[\w ]*?)\s+by\s+(?P<what>.+)$"
        r"|^which\s+(?P<by2>.+?)\s+(?:has|have|had)\s+(?:the\s+)?(?:highest|largest|biggest|most"
        r"|lowest|smallest|least)\s+(?P<what2>.+)$",
        computing.group,
    ),
    _intent(
        "rows by",
        rf"^(?:how many|count|number)\b(?:\s+(?:of\s+)?(?:the\s+)?(?:rows|records|entries)?)?"
        rf"(?:\s+are there)?\s+{_BY}\s+(?P<by>.+)$",
        computing.group,
    ),
    _intent(
        "measure by",
        rf"\b(?P<how>{_C})\b(?:\s+(?:of|in|for))*\s*(?P<what>.*?)\s*\b{_BY}\s+(?P<by>.+)$",
        computing.group,
    ),
    _intent(
        "group by",
        rf"^group(?:ed)?\b\s*(?P<what>.*?)\s*\bby\s+(?P<by>.+?)"
        rf"(?:\s+(?:and|with|using|,)\s*(?:the\s+|show\s+|compute\s+)*(?P<how>{_C})\b.*)?$",
        computing.group,
    ),
    _intent("missing", r"\b(?:missing|nulls?|nans?|n/?as?|incomplete)\b", looking.missing),
    _intent("duplicates", r"\bduplicate[ds]?\b", computing.duplicates),
    _intent("sort", r"\b(?:sort|order)(?:ed)?\b.*?\bby\s+(?P<what>.+)$", computing.sort),
    _intent(
        "counts",
        r"\b(?:value[_ ]counts?|frequenc(?:y|ies)|most common(?: values?)?"
        r"|counts? of (?:each|every)|how many (?:of )?each"
        r"|how often (?:does|do|is|are)?(?: each| every| the)?)"
        r"(?:\s+(?:values?|in|of|for|the))*\s*(?P<what>.*?)(?:\s+(?:occurs?|appears?))?\W*$",
        computing.value_counts,
    ),
    _intent(
        "unique",
        r"\b(?:unique|distinct|different)\b(?:\s+(?:values?|entries|in|of|for|the))*\s*"
        r"(?P<what>.*?)(?:\s+(?:are there|do we have|exist))?\W*$",
        computing.unique,
    ),
    _intent(
        "dtypes",
        r"\bd-?types?\b|\bdata ?types?\b|\btypes?\b.*\bcolumns?\b|\bcolumns?\b.*\btypes?\b",
        looking.dtypes,
    ),
    _intent(
        "statistics",
        r"\b(?:statistics|stats|summary(?: statistics)?|overview)\b(?:\s+(?:of|for|about))?"
        r"(?P<what>.*)$",
        computing.describe,
    ),
    _intent(
        "head",
        r"\b(?:first|last|top|bottom)\s+(?P<n>\d+|few|couple(?: of)?|three|five|ten|twenty)?\s*"
        r"(?:rows?|lines?|records?|entries|observations)\b|\b(?:head|tail|preview)\b"
        r"|^(?:show|see|print|display)\s+(?:me\s+)?(?P<n2>\d+)\s+(?:rows|lines|records)\b"
        r"|^(?:show\s+)?(?:me\s+)?(?:the\s+)?(?:data|rows|table)\W*$",
        computing.head,
    ),
    _intent(
        "columns",
        r"\b(?:how many|number of|count of|what|which|list|show|name|all|any|see)\b.*"
        r"\b(?:columns?|fields?|features|headers?)\b|^(?:the\s+)?columns?\b.{0,30}$"
        r"|\bcolumn names\b",
        looking.columns,
    ),
    _intent(
        "rows",
        r"\bhow (?:many (?:rows|records|entries|observations|lines|elements|data ?points|items)"
        r"|long|big|large)\b|\b(?:number|count) of (?:rows|records|entries|observations|lines)\b"
        r"|\bshape\b|\bsize of\b|\brow count\b|\blength of\b",
        looking.rows,
    ),
    _intent(
        "measure",
        rf"\b(?P<how>{_M}|count of)\b(?:\s+(?:value|of|in|for|the))*\s*(?P<what>.*)$",
        computing.measure,
    ),
    _intent(
        "variables",
        r"\b(?:variables|objects|data ?frames|workspace|namespace|in memory|defined|available"
        r"|do i have|is loaded)\b|^(?:who|whos|dir|vars)$",
        looking.variables,
    ),
    _intent("describe", r"^(?:describe|summari[sz]e)\b(?P<what>.*)$", computing.describe),
    _intent(
        "how many",
        r"^how many (?:different )?(?P<what>.+?)(?:\s+(?:are|do|does|is|in)\b.*)?\W*$",
        computing.how_many,
    ),
    _intent(
        "what is",
        r"^(?:what(?:'s| is| are| does| type is)|tell me about|explain|show|inspect|print|display"
        r"|type of|value of)\b\s*(?:me\s+|in\s+|the\s+)*(?P<name>.+?)\W*$|^(?P<name2>\w+)$",
        looking.what_is,
    ),
)


def plain_question(query: str) -> str:
    """Return the question without what politeness puts in front of it."""
    query = query.strip()
    return _POLITE.sub("", query).strip() or query


def match(question: str) -> Iterator[tuple[Intent, Words]]:
    """Yield the intents that fit, in the table's order, with what their patterns found."""
    for intent in INTENTS:
        hit = intent.pattern.search(question)
        if hit:
            groups = {name.rstrip("2"): v for name, v in hit.groupdict().items() if v is not None}
            yield intent, {**groups, "all": hit[0]}
