"""What is understood: the first pattern that fits says which rule answers (floor 1)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from . import changing, computing, doing, loading, looking, plotting, ranking, trouble
from .intent import MEASURE_WORDS, Intent, counted, intent, looked
from .steps import Words

_POLITE = re.compile(
    r"^(?:(?:please|hey|hi|ok(?:ay)?|now|then|so|and|also|next|just"
    r"|(?:can|could|would|will) (?:you|we|i)(?: please)?|let(?:'s| us)|help me(?: to)?"
    r"|i(?:'d like| would like| want| need)(?: you)? to|i(?:'d like| want| need)"
    r"|do you know|tell me(?! about)|i wonder)\b[\s,:]*)+",
    re.IGNORECASE,
)


_M, _C = computing.MEASURE, computing.COUNTABLE
_BY = r"(?:by|per|(?:for|of|in|within) (?:each|every)|grouped by|across)"
_CHART = r"(?:\s*-?(?:charts?|plots?|graphs?|diagrams?))"
_HIGH = r"(?P<which>largest|highest|biggest|greatest|smallest|lowest|most|least|top|bottom)"
_ROWS = r"(?:rows?|lines?|records?|entries|observations|orders|items|cases|transactions)"
_DRAWN = "against vs versus over time by per across boxplot histogram distribution for each bins"
_MEASURED = f"{_DRAWN} {' '.join(MEASURE_WORDS)}"
_ORDERED = (
    "descending ascending desc asc decreasing increasing highest lowest largest smallest first"
)
_MISSING = r"(?:missing(?: values?)?|nulls?|nans?|n/?as?|empty(?: values?)?)"

INTENTS: tuple[Intent, ...] = (
    intent(
        "help",
        r"^(?:help|hello|hi|hey|who are you|what are you|what can (?:you|i)\b"
        r"|what do you (?:do|know)|how (?:do|does|can) (?:i|this|you) (?:use|work|help))\b.{0,40}$"
        r"|^\W*$",
        trouble.helping,
    ),
    intent("thanks", r"^(?:thanks|thank you|thx|great|cool|perfect)\b.{0,30}$", trouble.thanks),
    intent(
        "run",
        r"^(?:run|execute|evaluate)\s*(?:this|the|following)?\s*(?:code|python)?\s*:?\s*"
        r"(?:```(?:python)?\s*(?P<block>.+?)```|`(?P<inline>[^`]+)`|(?P<bare>[^\n]*[=(\[+*][^\n]*))$",
        doing.run,
    ),
    intent(
        "add cell",
        r"^(?:add|insert|create|write)\s+(?:an?\s+|another\s+|new\s+)*(?P<type>markdown|code|text)?"
        r"\s*cell\b(?:\s*(?:with|that says|saying|containing)\b)?(?:\s*the (?:code|text)\b)?\s*:?"
        r"\s*(?P<source>.*)$",
        doing.add_cell,
    ),
    intent(
        "last error",
        r"\b(?:last|latest|recent|this|that|the|my|an?) (?:error|exception|traceback)\b|went wrong"
        r"|^(?:explain|fix|why)\b.*\b(?:error|exception|traceback|fail\w*|crash\w*|break|broke)\b",
        trouble.last_error,
    ),
    looked(
        "changes",
        r"\bwhat(?:'s|\s+is|\s+has|\s+have|\s+did i|\s+did you)?\s+(?:been\s+)?(?:changed?|new)\b"
        r"|\bwhat changed\b|\bany changes\b|^changes\??$",
        looking.changes,
    ),
    intent(
        "drop missing",
        rf"^(?:drop|remove|delete)\s+(?:all\s+)?(?:the\s+)?(?:rows|records|entries|lines)\s+"
        rf"(?:with|where there are|that have|having|containing)\s+(?:any\s+)?{_MISSING}"
        rf"(?:\s+(?:in|of|for)\s+(?P<what>.+?))?\W*$|^(?:drop|remove|delete)\s+(?:all\s+)?"
        rf"(?:the\s+)?{_MISSING}(?:\s+(?:in|of|for|from)\s+(?P<what2>.+?))?\W*$",
        changing.drop_missing,
    ),
    intent(
        "fill missing",
        rf"^(?:fill|replace|impute)\s+(?:in\s+)?(?:all\s+)?(?:the\s+)?{_MISSING}"
        rf"(?:\s+(?:in|of|for))?(?P<what>.*?)\s+(?:with|by)\s+(?P<value>.+?)[?!.]*$",
        changing.fill_missing,
    ),
    intent(
        "remove duplicates",
        r"^(?:drop|remove|delete)\s+(?:all\s+)?(?:the\s+)?duplicate[ds]?(?:\s+rows)?\W*$",
        changing.drop_duplicates,
    ),
    intent(
        "drop column",
        r"^(?:drop|remove|delete)\s+(?:the\s+)?columns?\s+(?P<what>.+?)\W*$"
        r"|^(?:drop|remove|delete)\s+(?:the\s+)?(?P<what2>.+?)\s+columns?\W*$",
        changing.drop_columns,
    ),
    intent(
        "rename column",
        r"^rename\s+(?:the\s+)?(?:column\s+)?(?P<what>.+?)\s+(?:to|as|into)\s+(?P<name>\S.*?)\W*$",
        changing.rename,
    ),
    intent(
        "to dates",
        r"^(?:convert|parse|change|turn)\s+(?:the\s+)?(?:column\s+)?(?P<what>.+?)\s+"
        r"(?:to|into|as)\s+(?:an?\s+)?(?:date\s?time|date|dates|timestamps?)\W*$",
        changing.to_datetime,
    ),
    intent(
        "add column",
        r"^(?:add|create|make|insert|compute)\s+(?:an?\s+|the\s+|new\s+)*column\s+(?:called\s+"
        r"|named\s+)?(?P<name>\S[^=]*?)\s*(?:=|\bas\b|\bfrom\b|\bwith\b)\s*(?P<what>.+)$",
        changing.add_column,
    ),
    intent(
        "another change",
        r"^(?:delete|remove|drop|erase|clear|reset|fill|replace|rename|set|change|convert|cast|merge"
        r"|join|concat\w*|append|impute|clean|update|modify|add|insert|encode|normali[sz]e|save"
        r"|export|transpose|melt|split|shuffle|cap|clip|round|bin|strip)\s+\S",
        changing.refuse,
    ),
    intent("files", r"^(?:what|which|list|show|are there)\b.*\bfiles?\b|^ls$", loading.files),
    intent(
        "cells",
        r"^(?:read|show|summari[sz]e|describe|outline|explain|list|what)\b.*\b(?:notebook|cells)\b",
        looking.cells,
    ),
    intent("load", r"^(?:re)?(?:load|import|read|open)\b(?:\s+in\b)?(?P<what>.*)$", loading.load),
    intent(
        "load a file",
        rf"^(?:use|fetch|get|analy[sz]e|look at|take|start with)\b(?P<what>.*{loading.FILE}.*)$",
        loading.load,
    ),
    counted(
        "histogram",
        r"\b(?:histograms?|hist|distributions?)\b(?:\s+(?:plot|chart))?(?:\s+(?:of|for|in))?"
        r"(?P<what>.*?)(?:\s*,?\s+(?:with|in|using|and)\s+(?P<n>\d+)\s+bins\b.*)?$",
        plotting.histogram,
        _DRAWN,
    ),
    counted("box plot", rf"\bbox{_CHART}(?:\s+(?:of|for))?(?P<what>.*)$", plotting.box, _DRAWN),
    counted(
        "scatter", rf"\bscatter{_CHART}?(?:\s+(?:of|for))?(?P<what>.*)$", plotting.scatter, _DRAWN
    ),
    counted("bar", rf"\bbar{_CHART}(?:\s+(?:of|for|with))?(?P<what>.*)$", plotting.bar, _MEASURED),
    counted(
        "line", rf"\bline{_CHART}(?:\s+(?:of|for|with))?(?P<what>.*)$", plotting.line, _MEASURED
    ),
    counted("trend", r"\btrends?\b(?:\s+(?:of|for|in))?(?P<what>.*)$", plotting.line, _MEASURED),
    counted(
        "plot",
        r"^(?:plot|chart|graph|draw|visuali[sz]e|make an? (?:plot|chart|graph))\b"
        r"(?:\s+an?\s+(?:plot|chart|graph))?(?:\s+(?:of|for))?(?P<what>.*)$"
        r"|^(?:(?:create|show)\s+)?(?:an?\s+)?(?:plot|chart|graph)\s+(?:of|for)\b(?P<what2>.*)$",
        plotting.plot,
        _MEASURED,
    ),
    counted(
        "correlation",
        r"\b(?:correlat\w*|relationship)\b(?P<what>.*)$",
        computing.correlation,
        "between against vs versus correlation correlations correlated there matrix",
    ),
    counted(
        "rows that fulfil",
        r"^(?:(?:show|list|give|find|get|see|display|print|which|what|filter|keep|select|me|the|all"
        r"|are|is|only|those|df|with|every|there|for|where|that|of|data|table"
        rf"|{_ROWS})\b\W*)*$",
        ranking.matching,
    ),
    counted(
        "how many fulfil",
        rf"^(?:how many|count|number of)\b(?P<what>(?:\s+of)?(?:\s+the)?(?:\s+{_ROWS})?.*)$",
        ranking.count_matching,
    ),
    counted("sample", r"\b(?:samples?|random)\b\D*?(?P<n>\d+)?\s*\w*\W*$", ranking.sample),
    counted(
        "heatmap",
        rf"\bheat\s?-?map{_CHART}?(?:\s+(?:of|for))?(?P<what>.*)$",
        plotting.heatmap,
        "heatmap heatmaps correlation correlations correlating matrix",
    ),
    counted(
        "quantile",
        r"(?P<n>\d*\.?\d+(?:st|nd|rd|th)?)?\s*%?\s*\b(?P<kind>percentile|quantile|quartile)s?\b"
        r"(?P<what>.*)$",
        computing.quantile,
    ),
    counted(
        "pivot",
        r"^.*\b(?:pivot|cross\s?-?tab\w*|as an? (?:table|matrix|grid))\b.*$",
        computing.pivot,
        f"{_MEASURED} pivot table",
    ),
    counted(
        "nth",
        r"\b(?P<n>second|third|fourth|fifth|2nd|3rd|\d+th)[\s-]+(?P<which>largest|highest|biggest"
        r"|greatest|smallest|lowest|most|least)\s+(?P<what>.+)$",
        ranking.nth,
    ),
    counted(
        "superlative",
        r"^(?:which|what)\s+(?P<by>.+?)\s+(?:is|are|was|were)\s+(?:the\s+)?"
        r"(?P<which>cheapest|dearest|most expensive|least expensive)\b\W*$"
        r"|^(?:which|what)\s+(?:is|are)\s+(?:the\s+)?(?P<which2>cheapest|dearest|most expensive"
        r"|least expensive)\s+(?P<by2>.+?)\W*$|^(?:the\s+)?(?P<which3>cheapest|dearest"
        r"|most expensive|least expensive)\s+(?P<by3>.+?)\W*$",
        ranking.superlative,
    ),
    counted(
        "top",
        r"\b(?P<which>top|bottom)\s+(?P<n>\d+|five|ten)?\s*(?:rows|entries|records)?\s*"
        r"(?:by|of|for|in)\s+(?P<what>.+)$",
        ranking.top,
        "descending ascending",
    ),
    counted(
        "largest",
        rf"\b(?P<n>\d+|five|ten)\s+(?:rows\s+with\s+(?:the\s+)?)?{_HIGH}"
        r"\s+(?:rows\s+by\s+|by\s+)?(?P<what>.+)$"
        r"|\bwhich rows?\b.*\b(?P<which2>largest|highest|biggest|smallest|lowest)\s+(?P<what2>.+)$"
        r"|\b(?P<which3>largest|highest|biggest|smallest|lowest|top|bottom)\s+(?P<n3>\d+|five|ten)"
        r"\s+(?P<what3>(?:(?!\bby\b).)+)$",
        ranking.top,
    ),
    counted(
        "top groups",
        r"\b(?P<which>top|bottom)\s+(?P<n>\d+|five|ten)?\s*(?P<by>\w[\w ]*?)\s+by\s+(?P<what>.+)$"
        r"|^(?:which|what)\s+(?P<by2>.+?)\s+(?:has|have|had|with)\s+(?:the\s+)?(?P<which2>highest"
        r"|largest|biggest|most|lowest|smallest|least|fewest)\s+(?P<what2>.+)$",
        computing.group,
    ),
    counted(
        "rows by",
        rf"^(?:how many|count|number)\b(?:\s+(?:of\s+)?(?:the\s+)?(?:rows|records|entries)?)?"
        rf"(?:\s+are there)?\s+{_BY}\s+(?P<by>.+)$",
        computing.group,
        "orders items transactions",
    ),
    counted(
        "measure by",
        rf"\b(?P<how>{_C})\b(?:\s+(?:of|in|for))*\s*(?P<what>.*?)\s*\b{_BY}\s+(?P<by>.+)$",
        computing.group,
        "orders items transactions",
    ),
    counted(
        "group by",
        rf"^group(?:ed)?\b\s*(?P<what>.*?)\s*\bby\s+(?P<by>.+?)"
        rf"(?:\s+(?:and|with|using|,)\s*(?:the\s+|show\s+|compute\s+)*(?P<how>{_C})\b.*)?$",
        computing.group,
    ),
    counted("missing", r"\b(?:missing|nulls?|nans?|n/?as?|incomplete)\b", looking.missing),
    counted("duplicates", r"\bduplicate[ds]?\b", computing.duplicates),
    counted(
        "sort",
        r"\b(?:sort|order)(?:ed)?\b.*?\bby\s+(?P<what>.+)$",
        ranking.sort,
        _ORDERED,
    ),
    counted(
        "counts",
        r"\b(?:value[_ ]counts?|frequenc(?:y|ies)"
        r"|(?P<which>most|least) (?:common|frequent)(?: values?)?"
        r"|counts? of (?:each|every)|how many (?:of )?each"
        r"|how often (?:does|do|is|are)?(?: each| every| the)?)"
        r"(?:\s+(?:values?|in|of|for|the))*\s*(?P<what>.*?)(?:\s+(?:occurs?|appears?))?\W*$",
        computing.value_counts,
    ),
    counted(
        "unique",
        r"\b(?:unique|distinct|different)\b(?:\s+(?:values?|entries|in|of|for|the))*\s*"
        r"(?P<what>.*?)(?:\s+(?:are there|do we have|exist))?\W*$",
        computing.unique,
    ),
    looked(
        "dtypes",
        r"\bd-?types?\b|\bdata ?types?\b|\btypes?\b.*\bcolumns?\b|\bcolumns?\b.*\btypes?\b"
        r"|^what type\b|\btype of\b",
        looking.dtypes,
        "dtype dtypes kind",
    ),
    counted(
        "statistics",
        r"\b(?:statistics|stats|summary(?: statistics)?|overview)\b(?:\s+(?:of|for|about))?"
        r"(?P<what>.*)$",
        computing.describe,
    ),
    counted(
        "head",
        r"\b(?P<which>first|last|top|bottom)\s+"
        r"(?P<n>\d+|few|couple(?: of)?|three|five|ten|twenty)?\s*"
        r"(?:rows?|lines?|records?|entries|observations)\b|\b(?:head|tail|preview)\b"
        r"|^(?:show|see|print|display)\s+(?:me\s+)?(?P<n2>\d+)\s+(?:rows|lines|records)\b"
        r"|^(?:show\s+)?(?:me\s+)?(?:the\s+)?(?:data|rows|table)\W*$",
        ranking.head,
    ),
    looked(
        "columns",
        r"\b(?:how many|number of|count of|what|which|list|show|name|all|any|see)\b.*"
        r"\b(?:columns?|fields?|features|headers?)\b|^(?:the\s+)?columns?\b.{0,30}$"
        r"|\bcolumn names\b",
        looking.columns,
    ),
    counted(
        "rows",
        r"\bhow (?:many (?:rows|records|entries|observations|lines|elements|data ?points|items)"
        r"|long|big|large)\b|\b(?:number|count) of (?:rows|records|entries|observations|lines)\b"
        r"|\bshape\b|\bsize of\b|\brow count\b|\blength of\b",
        looking.rows,
    ),
    counted(
        "measure",
        rf"\b(?P<how>{computing.MEASURES}|count of)\b(?:\s+(?:value|of|in|for|the))*\s*"
        r"(?P<what>.*)$",
        computing.measure,
    ),
    counted(
        "column by",
        rf"^(?P<what>.+?)\s+\b{_BY}\s+(?P<by>.+)$",
        computing.revenue_by,
    ),
    looked(
        "data frames",
        r"^(?:what|which|list|show|are there|do i have|how many)\b.*\bdata\s?frames?\b",
        looking.data_frames,
        "dataframe dataframes loaded exist open defined available",
    ),
    looked(
        "variables",
        r"\b(?:variables|objects|workspace|namespace|in memory|defined|available"
        r"|do i have|is loaded)\b|^(?:who|whos|dir|vars|what is there)\W*$",
        looking.variables,
        "loaded exist open names name",
    ),
    counted("describe", r"^(?:describe|summari[sz]e)\b(?P<what>.*)$", computing.describe),
    counted(
        "how many",
        r"^how many (?:different )?(?P<what>.+?)(?:\s+(?:are|do|does|is|in)\b.*)?\W*$",
        computing.how_many,
    ),
    intent("bare word", r"^(?P<name>\w+)\W*$", computing.bare_word),
    intent(
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


def match(question: str, core: str) -> Iterator[tuple[Intent, Words]]:
    """Yield the intents that fit, in the table's order, with what their patterns found.

    `core` is the question without its conditions on rows, for the intents that want it so.
    """
    for kind in INTENTS:
        hit = kind.pattern.search(core if kind.scoped else question)
        if hit:
            groups = {name.rstrip("23"): v for name, v in hit.groupdict().items() if v is not None}
            yield kind, {**groups, "all": hit[0]}
