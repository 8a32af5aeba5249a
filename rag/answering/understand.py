"""A question as typed -> the question as understood: its shape and the documents it names. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rag.answering.scope import named_documents, resolve
from rag.config import MAX_QUESTION
from rag.errors import UsageError
from rag.text.dates import YEAR
from rag.types import DocumentInfo, Shape

# What a library knows of a document, or of itself, without reading a text.
Record = Literal["", "author", "date", "title", "length", "count", "documents", "mentions"]


@dataclass(frozen=True, slots=True)
class Understood:
    """A question as it is understood."""

    text: str
    shape: Shape
    documents: tuple[str, ...] = ()  # names of those that it names: they are looked in first
    subject: str = ""  # what it asks an overview of, or which documents mention
    record: Record = ""  # which part of the record of these documents it asks for


_KIND = r"(?:documents?|reports?|files?|papers?|texts?|articles?|sources?|studies)"
_POLITE = r"(?:please,? |can you |could you |would you )*"
# The beginning of a question decides its shape; the first pattern that fits counts. A question for
# the record of a document is one only if its subject is a document of the library.
_RECORD_PATTERNS: tuple[tuple[Record, str], ...] = (
    (
        "count",
        rf"how many {_KIND} (?:are (?:there|here|in|indexed|stored)\b"
        rf"|(?:do|have|can) (?:you|we|i)\b|does (?:the|this|my|your) \w+ (?:have|hold|contain))",
    ),
    (
        "count",
        rf"how many (?P<subject>(?:\w+ )*{_KIND}(?: (?:of|by|from|on|about) .+?)?) "
        r"(?:are there|are in the library|do (?:you|we|i) have|have (?:you|we|i))$",
    ),
    (
        "documents",
        r"(?:what|which|list|show|name)(?: me)?(?: are)?(?: all)?(?: of)?(?: the| my| your)? "
        rf"{_KIND}"
        rf"(?: (?:are there|do (?:you|we|i) have|are available|have (?:you|we|i) added"
        rf"|(?:are )?in (?:the|this|my|your) (?:library|collection)|does .* (?:hold|contain)))?$",
    ),
    (
        "mentions",
        rf"(?:which|what)(?: of (?:the|these|my))? {_KIND} (?:mention|discuss|refer to|talk about|"
        rf"speak of|deal with|cover|are about|write about|contain|say something about)s? "
        rf"(?P<subject>.+)",
    ),
    (
        "author",
        r"who (?:wrote|authored|prepared|drafted|edited|published|has written"
        r"|(?:is|was) the author of|(?:are|were) the authors of) (?P<subject>.+)",
    ),
    (
        "author",
        r"(?:what|who) (?:is|are|was|were) the (?:name of the )?authors? of (?P<subject>.+)",
    ),
    ("author", r"who is (?P<subject>.+) by$"),
    (
        "date",
        r"(?:when|in (?:which|what) year|on (?:which|what) day) (?:was|were|did) (?P<subject>.+?) "
        r"(?:written|published|issued|dated|released|come out|appear|from)$",
    ),
    ("date", r"(?:what(?:'s| is| was) )?the (?:publication )?date of (?P<subject>.+)"),
    ("date", r"(?:how old|what date|from when) is (?P<subject>.+)"),
    ("date", r"(?:what|which) year is (?P<subject>.+?) from$"),
    ("title", r"what(?:'s| is) the (?:full |exact )?title of (?P<subject>.+)"),
    ("length", r"how (?:long|big) is (?P<subject>.+)"),
    (
        "length",
        r"how many (?:pages|words|sections|paragraphs|chapters) (?:does|do|are in|has|is) "
        r"(?P<subject>.+?)(?: have| has| contain| run to)?$",
    ),
)
_OVERVIEWS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?:summari[sz]e|sum up|outline|recap|brief me on|describe the contents? of) "
        r"(?P<subject>.+)",
        r"(?:give|write|make|show|get)(?: me| us)? (?:a|an|the)? ?(?:\w+ )?"
        r"(?:summary|overview|outline|briefing|digest|gist) (?:of|on|about|for) (?P<subject>.+)",
        r"(?:a |an |the )?(?:\w+ )?(?:summary|overview|gist|outline|key points|main points) "
        r"(?:of|on|about) (?P<subject>.+)",
        r"what (?:is|are|was|were|'s) (?:the (?:main|key|central|most important) |the )"
        r"(?:points?|findings?|messages?|conclusions?|results|takeaways|arguments?|gist|content) "
        r"(?:of|in|from) (?P<subject>.+)",
        r"what(?:'s| is| are| was| were) (?P<subject>.+?) (?:all )?about$",
        r"what(?:'s| is| was| has been) (?:said|known|reported|written)(?: here)? (?:about|on|of) "
        r"(?P<subject>.+)",
        r"what (?:do|does|did) (?P<source>.+?) (?:say|tell us|write|report|think|state|reveal)s? "
        r"(?:about|on|of|regarding|concerning) (?P<subject>.+)",
        r"tell me (?:more |something |everything )?about (?P<subject>.+)",
        r"what (?:do|does) (?P<subject>.+?) (?:say|contain|cover|deal with|discuss)$",
    )
)
_COMPARISON = re.compile(
    r"(?i)\bcompare\b|\bcompar(?:ed|ing|ison)\b|\bdifferences? between\b|\bdiffer(?:s|ed)?\b"
    r"|\bversus\b|\bvs\b|\bcontrast\b"
    r"|\bhow (?:has|have|had|did|does|do) .+\b(?:from|between|since)\b.+\b(?:to|and|until)\b"
    r"|\b(?:more|less|fewer|\w{2,}er|most|best|worst)\b.*,? .+ or .+"
)
_ASKS_FOR_LIST = re.compile(
    r"(?i)(?:list|name|enumerate) |(?:which|what) (?:are|were) (?:the|all|its|their|his|her)\b"
    r"|(?:(?:on|in|for|under|at|by|from|to|with|of) )?(?:which|what) "
    r"(?!(?:is|was|has|does|happens|percent)\b)(?:\w+ ){0,2}?\w{2,}(?<!s)s\b"
    r"(?! (?:is|was|has|does|percent)\b)"
    r"|(?:which|what) (?:two|three|four|five|six|seven|eight|nine|ten)\b"
    r"|what (?:does|do|did|will|would|should|must|can|may) .+ "
    r"(?:recommend|propose|plan|demand|require|suggest|promise|include|list)s?$"
    r"|who (?:received|attended|took part)\b|who (?:are|were) "
    r"|who (?:is|was) (?:all )?(?:quoted|interviewed|cited|named|mentioned)"
    r"|(?:give|show) me (?:all|a list|the)\b"
    r"|(?:the |all |all the )?\w{2,}(?<!s)s (?:to|of|in|for|at|on) "
)
_YES_NO = re.compile(
    r"(?i)(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|may|must|am"
    r"|is(?:n't)|are(?:n't)|was(?:n't)|did(?:n't)|do(?:n't)|does(?:n't)|has(?:n't)) "
)


def check_question(question: str) -> str:
    """Return the question without white space around it.

    Raises UsageError if it is empty or longer than MAX_QUESTION.
    """
    question = question.strip()
    if not any(c.isalnum() for c in question):
        raise UsageError("The question is empty; type a question in plain words.")
    if len(question) > MAX_QUESTION:
        raise UsageError(
            f"The question has {len(question):,} characters, at most {MAX_QUESTION:,} are read; "
            "ask it in fewer words, and add longer texts to the library."
        )
    return question


def understand(question: str, documents: Sequence[DocumentInfo]) -> Understood:
    """Return the question with its shape, the documents it names and what it is about."""
    asked = re.sub(rf"(?i)^{_POLITE}", "", question.strip().rstrip("?.! "))
    for record, pattern in _RECORD_PATTERNS:
        if not (match := re.match(pattern, asked, re.IGNORECASE)):
            continue
        subject = match.groupdict().get("subject", "")
        if record in ("documents", "mentions") or (record == "count" and not subject):
            return Understood(question, "about", (), subject, record)
        if named := resolve(subject, documents):
            return Understood(question, "about", named, subject, record)
    named = named_documents(question, documents)
    for form in _OVERVIEWS:
        if match := form.match(asked):
            return _overview(question, match.groupdict(), documents)
    if _COMPARISON.search(asked) or len(set(YEAR.findall(asked))) > 1:
        return Understood(question, "comparison", named)
    if _YES_NO.match(asked):
        return Understood(question, "yes_no", named)
    return Understood(question, "list" if _ASKS_FOR_LIST.match(asked) else "fact", named)


def _overview(
    question: str, parts: dict[str, str | None], documents: Sequence[DocumentInfo]
) -> Understood:
    """Return the question as one for an overview of documents, or of a subject in some or all."""
    subject, source = parts["subject"] or "", parts.get("source") or ""
    if source:
        named = resolve(source, documents)
        return Understood(question, "overview", named, subject if named else f"{source}: {subject}")
    named = resolve(subject, documents)
    return Understood(question, "overview", named, "" if named else subject)
