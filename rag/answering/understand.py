"""A question as typed -> the question as understood: its shape and the documents it names. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rag.answering.scope import named_documents, names_kind, resolve
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
    may_be_list: bool = False  # whether a fact it asks for may be several things, too


# --- Words of questions ---------------------------------------------------------------------------
# `tests/benchmarks/wordings.py` measures these patterns on questions of every shape.

_KIND = r"(?:documents?|reports?|files?|papers?|texts?|articles?|sources?|studies|minutes)"
_HERE = r"(?:(?:in|of) (?:the|this|my|our|your) (?:library|collection)|here|on file)"
_AUXILIARY = (
    r"(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|may|must|might)"
)
_QUESTION_WORD = r"(?:what|which|who|whose|whom|when|where|why|how)"
_PREPOSITION = r"(?:of|in|on|at|for|to|from|by|with|under|about|above|below|between|against)"
# What people put around a question: "Can you tell me …", "I want to know …".
_WRAPPINGS = re.compile(
    r"(?i)^(?:(?:please|so|and|well|hello|hi)\b[, ]+"
    r"|(?:can|could|would|will) you (?:please |kindly )?(?:check |find out |say )?"
    r"|(?:can|could|may) i (?:have|get|see) |i(?:'d| would)? (?:want|need|like)(?: to have)? "
    r"(?=(?:an?|the) )"
    r"|(?:i(?:'d| would)? (?:want|need|like) to know|(?:do|does) (?:you|we|anybody|anyone) know"
    r"|(?:tell|show|explain to) (?:me|us)|say|i wonder)[: ]+"
    rf"(?={_QUESTION_WORD}|whether|if|by|in|on|for|to)\b)+"
)
# "Under the new rules, can I …": what comes before the question itself.
_SETTING = re.compile(
    rf"(?i)^(?:under|in|according to|for|on|at|as of|during) [^,?]{{2,60}}, (?={_AUXILIARY}\b)"
)
_COURTESY = re.compile(r"(?i)(?:,? (?:please|thanks|thank you|for me))+$")
_IN_SHORT = re.compile(r"(?i),? in (?:short|(?:a few|two|three) (?:lines|words|sentences))$")
_WHETHER = re.compile(r"(?i)(?:if|whether) .+")

_WRITING = (
    r"(?:wrote|authored|prepared|drafted|edited|published|compiled|translated|issued|penned|signed"
    r"|produced|composed|has written|put together)"
)
_WRITTEN = (
    r"(?:written|published|issued|dated|released|made|drafted|prepared|compiled|signed|printed"
    r"|finished|(?:last )?(?:updated|revised|changed)|(?:come|came) out|appear|from)"
)
# A question for the record of a document is one only where its subject is a document.
_RECORD_PATTERNS: tuple[tuple[Record, str], ...] = (
    (
        "count",
        rf"(?:how many {_KIND} (?:are (?:there|here|in|indexed|stored)\b"
        r"|(?:do|have|can) (?:you|we|i)\b|does (?:the|this|my|your) \w+ (?:have|hold|contain))"
        rf"|(?:the |what is the )?number of {_KIND} (?:{_HERE}|there)$|count (?:the|all) {_KIND}$"
        r"|how (?:large|big) is (?:the|this|my) (?:library|collection)$)",
    ),
    (
        "count",
        rf"how many (?P<subject>(?:\w+ )*{_KIND}(?: (?:of|by|from|on|about) .+?)?) "
        rf"(?:are there|are {_HERE}|are stored|do (?:you|we|i) have|have (?:you|we|i))$",
    ),
    (
        "documents",
        r"(?:what|which|list|show|name|give)(?: me)?(?: are)?(?: a list of)?(?: all)?(?: of)?"
        rf"(?: the| my| your)? {_KIND}"
        r"(?: (?:are there|do (?:you|we|i) have|are available|(?:have )?(?:been )?added"
        rf"|have (?:you|we|i) added|(?:are )?{_HERE}|does .* (?:hold|contain)))?$",
    ),
    ("documents", rf"(?:a |the )?list of (?:the |all |all the )?{_KIND}$"),
    (
        "documents",
        rf"what (?:is|do (?:you|we|i) have|can i (?:read|ask about)) {_HERE}$",
    ),
    (
        "mentions",
        rf"(?:(?:which|what|list|name|show me|find)(?: me)?(?: all| every)?(?: of)?"
        rf"(?: the| these| my)? )?{_KIND} (?:that |which )?(?:(?:mention|discuss|refer to|"
        r"talk about|speak of|deal with|cover|cite|name|are about|write about|contain|"
        r"say something about|have something on)s?|mentioning|discussing|citing|naming|about) "
        r"(?P<subject>.+)",
    ),
    (
        "mentions",
        rf"(?:(?:in|by) (?:which|what)|list the|show me the) {_KIND} (?:in which )?(?:is|are|was|"
        r"were|does|do)? ?(?P<subject>.+?) (?:is |are )?(?:appear|occur|turn up|come up|mentioned"
        r"|discussed|cited|named|found|treated|covered)s?$",
    ),
    ("mentions", r"where (?:is|are) (?P<subject>.+?) (?:mentioned|discussed|cited|named)$"),
    (
        "author",
        rf"(?:who|which (?:person|people|institute|authors?)|by whom) (?:(?:has |have )?{_WRITING}"
        r"|(?:is|was|were) the author of|(?:are|were) the authors of) (?P<subject>.+)",
    ),
    (
        "author",
        r"(?:(?:what|who) (?:is|are|was|were) the )?(?:names? of the )?authors? of (?P<subject>.+)",
    ),
    ("author", r"by whom (?:is|was|were) (?P<subject>.+?) (?:written|drafted|prepared|edited)$"),
    ("author", r"(?P<subject>.+) (?:is|was|were) written by whom$"),
    ("author", r"who is (?P<subject>.+) by$"),
    (
        "date",
        r"(?:when|(?:in|from) (?:which|what) year|on (?:which|what) day|since when) "
        rf"(?:was|were|did|does|is) (?P<subject>.+?) (?:date from|{_WRITTEN})$",
    ),
    ("date", rf"when (?P<subject>.+?) (?:was|were|is) {_WRITTEN}$"),
    ("date", r"from (?:which|what) year (?:is|are|was|were) (?P<subject>.+)"),
    (
        "date",
        r"(?:(?:what|which)(?:'s| is| was) )?(?:the )?(?:publication )?date (?:of|on) "
        r"(?P<subject>.+)",
    ),
    ("date", r"(?:what|which) date (?:does|do) (?P<subject>.+?) (?:bear|have|carry)$"),
    ("date", r"(?:how (?:old|recent)|what date|from when) (?:is|are) (?P<subject>.+)"),
    ("date", r"(?:what|which) year is (?P<subject>.+?) from$"),
    (
        "title",
        r"(?:(?:what(?:'s| is)|give me) )?(?:the )?(?:full |exact )?title of (?P<subject>.+)",
    ),
    ("title", r"(?:what|how) (?:is|are) (?P<subject>.+?) (?:called|titled|entitled)$"),
    ("length", r"how (?:long|big|extensive) is (?P<subject>.+?)(?:, in (?:pages|words))?$"),
    (
        "length",
        r"(?:what is the )?(?:the )?(?:length|word count|number of (?:pages|words|sections)) of "
        r"(?P<subject>.+)",
    ),
    (
        "length",
        r"how many (?:pages|words|sections|paragraphs|chapters) (?:does|do|are in|has|is) "
        r"(?P<subject>.+?)(?: have| has| contain| run to)?$",
    ),
)
_SUMMARY = (
    r"(?:summary|overview|outline|briefing|digest|gist|recap|rundown|account|essence|main points"
    r"|key points|takeaways"
    r"|main ideas?|main message|message|contents?)"
)
_OVERVIEWS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?:how would you )?(?:summari[sz]e|sum up|outline|recap|condense|brief me on|"
        r"introduce me to|walk me through|bring me up to date on|describe the contents? of) "
        r"(?P<subject>.+)",
        r"(?:(?:give|write|make|show|get)(?: me| us)? |what(?:'s| is| was| are) )?(?:an? |the )?"
        rf"(?:\w+ )?{_SUMMARY} (?:of|on|about|for) (?P<subject>.+)",
        r"what (?:is|are|was|were|'s) (?:the (?:main|key|central|most important) |the )"
        r"(?:points?|findings?|messages?|conclusions?|results|takeaways|arguments?) "
        r"(?:of|in|from) (?P<subject>.+)",
        r"what(?:'s| is| are| was| were) (?P<subject>.+?) (?:all )?about$",
        r"what(?:'s| is| was| has been) (?:said|known|reported|written)(?: here)? (?:about|on|of) "
        r"(?P<subject>.+)",
        r"(?:say in (?:short|a few words) )?what (?:do|does) (?P<source>.+?) "
        r"(?:say|tell us|have to say|write|report|think|state|reveal)s? "
        r"(?:about|on|of|regarding|concerning) (?P<subject>.+)",
        r"(?:tell me|what (?:do (?:you|we)|should i|can you tell me)(?: know)?|anything|everything"
        r"|something) (?:more |something |everything )?(?:about|on|of) (?P<subject>.+)",
        r"(?:in (?:short|a few (?:words|sentences|lines)),? )?what (?:do|does) (?P<subject>.+?) "
        r"(?:say|contain|cover|deal with|discuss)$",
        r"what topics (?:do|does) (?P<subject>.+?) (?:cover|discuss|treat|deal with)$",
    )
)
# A request for an overview only where the subject is a document; else for something in one.
_OF_DOCUMENT = re.compile(
    r"(?i)(?:what(?:'s| is) in|what happened (?:at|in|to|during|on)|describe|explain|report on) "
    r"(?P<subject>.+)"
)
_COMPARISON = re.compile(
    r"(?i)\bcompare\b|\bcompar(?:ed|ing|ison)\b|\bdifferences?\b|\bsimilarit|\bdiffer(?:s|ed)?\b"
    r"|\b(?:dis)?agree (?:on|about|in)\b|\bdisagree\b|\bcontradict|\bdistinguish|\bside by side\b"
    r"|\bversus\b|\bvs\b|\bcontrast\b|\bgap between\b|\beach of the (?:two|three|four)\b"
    r"|\b(?:the|do|both) two\b.+\b(?:want|say|propose|begin|differ|agree)\b|\bchanged? between\b"
    r"|\bhow (?:has|have|had|did|does|do) .+\b(?:from|between|since)\b.+\b(?:to|and|until)\b"
    r"|\b(?:change|rise|rose|risen|fall|fell|fallen|grow|grew|grown|go up|gone up|go down|gone down"
    r"|increase|decrease)d?\b.* between\b"
    r"|\b(?:risen|rise|gone up|grown) or (?:fallen|fall|gone down|shrunk)\b"
    r"|\b(?:more|less|fewer|\w{2,}er|most|best|worst)\b.*,? .+ or .+"
    r"|\b(?:more|less|fewer|(?!rath|oth)\w{2,}er)\b[^,]* than (?!\d|the limit|expected|usual)"
    rf"|\b(?P<asks>{_QUESTION_WORD}(?: \w+)?)\b.+[ ,](?:and|or),? (?:{_PREPOSITION} )?(?P=asks)\b"
    rf"|\b(?P<before>in|of|at|by|for|on|from|during) (?:[\w.]+ ){{1,4}}and (?P=before) "
)
_YES_NO = re.compile(rf"(?i){_AUXILIARY}(?:n['’]t)? |am ")
_PLURAL = r"(?:\w{2,}(?<![sui'’])s|people|children|men|women|criteria)(?<!was)(?<!has)(?<!does)"
_PAST = r"(?:\w+ed|got|made|gave|won|took|came|went|sent|bought|sold|lost|left|fell|rose|spoke)"
_ASKS_FOR_LIST = re.compile(
    r"(?i)(?:list|name|enumerate|mention) (?!of\b)"
    r"|(?:which|what) (?:are|were) (?:the|all|its|their|his|her)\b"
    rf"|(?:{_PREPOSITION} )?(?:which|whose) (?:all |of the )?{_PLURAL}\b"
    rf"|(?:{_PREPOSITION} )?what {_PLURAL}(?= (?:{_AUXILIARY}|{_PREPOSITION}|{_PAST})\b|$)"
    rf"|(?:{_PREPOSITION} )?(?:which|what) (?!{_AUXILIARY}\b)\w+ (?!{_AUXILIARY}\b){_PLURAL}"
    rf"(?= (?:{_AUXILIARY}|{_PAST})\b|$)"
    r"|(?:which|what) (?:two|three|four|five|six|seven|eight|nine|ten)\b"
    r"|what (?:does|do|did|will|would|should|must|can|may) .+ (?:recommend|propose|plan|demand|"
    r"require|suggest|promise|include|list|forbid|offer|change)s?$"
    r"|who (?:all|attended|took part|spoke|voted|objected|are|were|received)\b"
    r"|who (?:is|was) (?:all )?(?:quoted|interviewed|cited|named|mentioned)"
    r"|(?:give|show)(?: me)? (?:all|a list|the \w{2,}(?<!s)s)\b"
    rf"|(?!{_QUESTION_WORD}\b)(?:(?:all|the|all the) )?(?:\w+ )?{_PLURAL} {_PREPOSITION} "
)
# What somebody does, or has to do, may be one thing or several.
_ASKS_FOR_DEEDS = re.compile(
    r"(?i)what (?:(?:\w+ )?(?:do|does|did|will|would|should|must|can|may|has|have)|made|caused"
    r"|led|drove|went) "
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
    asked = _COURTESY.sub("", _WRAPPINGS.sub("", question.strip().rstrip("?.! ")))
    if about := _of_record(question, asked, documents):
        return about
    named = named_documents(question, documents)
    if _COMPARISON.search(asked) or len(set(YEAR.findall(asked))) > 1:
        return Understood(question, "comparison", named)
    asked, is_in_short = _IN_SHORT.subn("", asked)
    for form in _OVERVIEWS:
        if match := form.match(asked):
            return _overview(question, match.groupdict(), documents)
    if is_in_short:
        return _overview(question, {"subject": asked}, documents)
    asked = _SETTING.sub("", asked)
    if (match := _OF_DOCUMENT.match(asked)) and (meant := resolve(match["subject"], documents)):
        return Understood(question, "overview", meant)
    if _YES_NO.match(asked) or _WHETHER.match(asked):
        return Understood(question, "yes_no", named)
    if _ASKS_FOR_LIST.match(asked):
        return Understood(question, "list", named)
    return Understood(question, "fact", named, may_be_list=bool(_ASKS_FOR_DEEDS.match(asked)))


def _of_record(question: str, asked: str, documents: Sequence[DocumentInfo]) -> Understood | None:
    """Return the question as one for the record of documents, or of the library; None if not."""
    for record, pattern in _RECORD_PATTERNS:
        if not (match := re.match(pattern, asked, re.IGNORECASE)):
            continue
        subject = match.groupdict().get("subject", "")
        if record in ("documents", "mentions") or (record == "count" and not subject):
            return Understood(question, "about", (), subject, record)
        # "How long is the bridge to the island" asks for no length of "Bridges of the Island".
        find = resolve if record != "length" or names_kind(subject) else named_documents
        if named := find(subject, documents):
            return Understood(question, "about", named, subject, record)
    return None


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
