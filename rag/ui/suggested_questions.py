"""Questions for a new user: made from the documents, asked, and shown if answered well.

A question is made by turning a sentence that states one fact. It is shown where the answer is that
very sentence, certain, and short.
"""

import logging
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest

from rag.errors import RagError
from rag.service.service import Service
from rag.text.sentences import sentence_spans
from rag.text.tokens import FUNCTION_WORDS, MONTHS, content_of, stem, words_of
from rag.types import Answer, Document

_log = logging.getLogger(__name__)

SUGGESTED = 4  # shown
_TRIED = 24  # questions asked for them at most: each takes a second or two
_DOCUMENTS = 8  # that questions are made from, from all over the library
_LONGEST = 90  # characters of a question
_LEAST_CONFIDENCE = 0.8
_MOST_OF_QUESTION = 30  # of an answer
_SUBJECT_WORDS = 12  # the most frequent words of a document tell its subject

_MONTH = "|".join(MONTHS)
_ON = rf"(?:\d{{1,2}} (?:{_MONTH}) \d{{4}}|(?:{_MONTH}) \d{{1,2}}, \d{{4}}|(?:{_MONTH} )?\d{{4}})\b"
_SUBJECT = (
    r"(?P<subject>(?:[Tt]he|[Aa]n?|[A-Z][\w’'-]+) (?:(?! and | or | but )[^,;:.()]){2,60}?"
    r"|[A-Z][\w’'-]{3,})"
)
_NAME = r"(?P<name>[A-Z][\w’'-]+(?: [A-Z][\w’'.-]+){1,3})"
_MADE = (
    r"(?:\w+ed|built|begun|held|made|sold|lost|won|found|taken|given|written|sent|drawn|cut|set)\b"
)
_BOTH = r"(?:\w+ed|built|made|found|led|held|sold|bought|won)"  # the same in "was … by"
_DID = r"(?:\w+ed|met|led|built|won|wrote|found|became|took|gave|sent|bought|sold|wrote|held)"
# A sentence that states one fact -> the question it answers.
_TURNED: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), question)
    for pattern, question in (
        (
            rf"{_SUBJECT} (?P<be>was|were|is|are) (?P<done>{_MADE}[^,;:.]{{0,40}}?) (?:in|on) "
            rf"{_ON}",
            "When {be} {subject} {done}?",
        ),
        (
            rf"(?:In|On) {_ON},? {_SUBJECT} (?P<be>was|were) (?P<done>{_MADE}[^,;:.]{{0,40}})\.$",
            "When {be} {subject} {done}?",
        ),
        (
            rf"{_SUBJECT} will be (?P<done>{_MADE}[^,;:.]{{0,40}}?) (?:in|on) {_ON}",
            "When will {subject} be {done}?",
        ),
        (rf"{_SUBJECT} was (?P<did>{_BOTH}) by ", "Who {did} {subject}?"),
        (
            rf"{_SUBJECT} (?P<be>is|was|are) (?:about )?\d[\d,.]* \w+ "
            r"(?P<how>long|high|wide|deep|old)\b",
            "How {how} {be} {subject}?",
        ),
        (rf"{_SUBJECT} costs (?=[^,;:.]*\d)", "How much does {subject} cost?"),
        (rf"{_SUBJECT} cost (?=[^,;:.]*\d)", "How much did {subject} cost?"),
        (rf"{_SUBJECT} has \d[\d,.]* (?P<noun>[a-z]+s)\b", "How many {noun} does {subject} have?"),
        (rf"{_SUBJECT} had \d[\d,.]* (?P<noun>[a-z]+s)\b", "How many {noun} did {subject} have?"),
        (rf"The (?P<role>[a-z][^,;:.]{{3,50}}?) (?P<be>is|was) {_NAME}\b", "Who {be} the {role}?"),
        (rf"{_NAME}, the (?P<role>[a-z][^,;:.]{{5,50}}),", "Who is the {role}?"),
        (rf"{_NAME} (?P<rest>{_DID} [^,;:.]{{12,60}})\.?$", "Who {rest}?"),
    )
)


@dataclass(frozen=True, slots=True)
class SuggestedQuestion:
    """A question, and the sentence that is to answer it."""

    question: str
    document: str
    start: int
    end: int


def candidate_questions(documents: Sequence[Document]) -> list[SuggestedQuestion]:
    """Return questions that the documents should answer, each document's best ones first.

    Those of all documents come in turns.
    """
    made = [_questions_of(document) for document in documents]
    return [candidate for candidate in chain.from_iterable(zip_longest(*made)) if candidate]


def is_answered_well(candidate: SuggestedQuestion, answer: Answer) -> bool:
    """Return whether the answer is the candidate's sentence, confident, direct and short."""
    if answer.abstained or answer.confidence < _LEAST_CONFIDENCE or not answer.citations:
        return False
    first = answer.citations[0]
    is_it = first.document == candidate.document and (
        first.start < candidate.end and candidate.start < first.end
    )
    short = len(answer.sentences) == 1 and len(answer.answer.split()) <= _MOST_OF_QUESTION
    return bool(is_it and first.focus and short)


class SuggestedQuestions:
    """The questions shown for each library, found in the background. Safe from several threads."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._lock = threading.Lock()
        self._found: dict[str, tuple[int, list[str] | None]] = {}  # None: under way

    def of(self, library: str) -> list[str] | None:
        """Return the questions for the library as it is now; None while they are looked for.

        Raises LibraryError where the library cannot be used.
        """
        generation = self._service.pipeline(library).library.generation
        with self._lock:
            of, questions = self._found.get(library, (-1, None))
            if of == generation:
                return questions
            self._found[library] = (generation, None)
        threading.Thread(target=self._find, args=(library, generation), daemon=True).start()
        return None

    def _find(self, library: str, generation: int) -> None:
        try:
            questions = self._answered(library)
        except Exception as error:
            if self._service.closed:
                return  # what was being asked went away with the server
            if not isinstance(error, RagError):
                raise
            _log.warning("No questions were suggested for %r: %s", library, error)
            questions = []
        with self._lock:
            if self._found.get(library, (generation, None))[0] == generation:
                self._found[library] = (generation, questions)

    def _answered(self, library: str) -> list[str]:
        pipeline = self._service.pipeline(library)
        names = [document.name for document in pipeline.library.documents()]
        chosen = names[:: max(1, len(names) // _DOCUMENTS)][:_DOCUMENTS]
        candidates = candidate_questions([pipeline.document(name) for name in chosen])
        asked = lambda question: self._service.attempt(library, question)  # noqa: E731
        return choose_answered(candidates[:_TRIED], asked)


def choose_answered(
    candidates: Sequence[SuggestedQuestion], ask: Callable[[str], Answer], limit: int = SUGGESTED
) -> list[str]:
    """Ask one candidate after the other; return the first `limit` that are answered well."""
    good: list[str] = []
    for candidate in candidates:
        if len(good) == limit:
            break
        if is_answered_well(candidate, ask(candidate.question)):
            good.append(candidate.question)
    return good


def _questions_of(document: Document) -> list[SuggestedQuestion]:
    """Return the questions of a document, those nearest to its subject first."""
    counted = Counter(
        stem(word) for word in words_of(document.text) if word.lower() not in FUNCTION_WORDS
    )
    subject = content_of(document.title) | {word for word, _ in counted.most_common(_SUBJECT_WORDS)}
    turned = {c.question: c for c in _turned(document)}
    said = {c.question: c for c in _said(document)}

    def distance(candidate: SuggestedQuestion) -> float:
        near = subject & content_of(candidate.question)
        return -len(near) / len(words_of(candidate.question))

    return [*sorted(turned.values(), key=distance), *sorted(said.values(), key=distance)]


def _said(document: Document) -> Iterator[SuggestedQuestion]:
    """Yield what is asked of a quotation: what its speaker said about a name in it."""
    counted = Counter(word.removesuffix("'s") for word in words_of(document.text))
    # A name is never written small, and the subject is named more than once.
    names = {
        word: number
        for word, number in counted.items()
        if word[0].isupper() and number > 1 and word.lower() not in counted
        if len(word) > 2 and word not in MONTHS and word.lower() not in FUNCTION_WORDS
    }
    for quotation in document.quotations:
        words = words_of(document.text[quotation.start : quotation.end])
        named = [word.removesuffix("'s") for word in words]
        said = [word for word in named if word in names and word not in quotation.speaker]
        if quotation.speaker and said:
            name = max(said, key=lambda word: names[word])
            question = f"What did {quotation.speaker} say about {name}?"
            if len(question) <= _LONGEST:
                yield SuggestedQuestion(question, document.name, quotation.start, quotation.end)


def _turned(document: Document) -> Iterator[SuggestedQuestion]:
    for paragraph in document.paragraphs:
        if paragraph.kind != "text":
            continue
        text = document.text[paragraph.start : paragraph.end]
        for start, end in sentence_spans(text):
            place = (paragraph.start + start, paragraph.start + end)
            if document.quotations_in(*place):
                continue  # what somebody says is no fact
            for pattern, form in _TURNED:
                if not (match := pattern.match(text[start:end])):
                    continue
                question = form.format(**_in_a_question(match.groupdict()))
                if len(question) <= _LONGEST and not _leans(question):
                    yield SuggestedQuestion(question, document.name, *place)
                    break


def _in_a_question(parts: dict[str, str]) -> dict[str, str]:
    """Return the parts of a sentence as they stand within one."""
    subject = parts.get("subject", "")
    first, _, rest = subject.partition(" ")
    if first in ("The", "A", "An"):
        parts["subject"] = f"{first.lower()} {rest}"
    return parts


_LEANING_WORD = re.compile(
    r"(?i)\b(?:it|its|he|she|they|them|him|his|her|their|this|that|these|those"
    r"|which|who|whose|where|when|while|we|our|there|here|then|i)\b"
)


def _leans(question: str) -> bool:
    """Return whether the question names something that only the sentences around it explain."""
    return bool(_LEANING_WORD.search(question.split(" ", 1)[1]))
