"""Answer and Hits -> the JSON of the command line and the API, and back.

The text of the terminal.
"""

from collections.abc import Sequence
from dataclasses import asdict, is_dataclass
from functools import cache
from types import UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from rag.types import Answer, Citation, Conversation, Hit, Sentence

_OF_HITS = ("title", "score", "found_by", "date")  # what a hit has beside its chunk


def answer_json(answer: Answer) -> dict[str, Any]:
    """Return the answer as JSON values, in the shape README.md describes; nothing is lost."""
    return asdict(answer) | {"hits": [hit_json(hit) for hit in answer.hits]}


def hit_json(hit: Hit) -> dict[str, Any]:
    """Return the hit as JSON values."""
    return asdict(hit.chunk) | {
        "title": hit.title,
        "score": hit.score,
        "found_by": hit.found_by,
        "date": hit.date,
    }


def read_hit(values: Any) -> Hit:
    """Return the hit that `hit_json` gave these values for.

    Raises ValueError if they are of another shape.
    """
    try:
        hit: Hit = _typed(Hit, _nested(values))
    except (KeyError, TypeError, OverflowError) as error:
        raise ValueError("these values are no hit") from error
    return hit


def read_answer(values: Any) -> Answer:
    """Return the answer that `answer_json` gave these values for.

    Raises ValueError if they are of another shape.
    """
    try:
        answer: Answer = _typed(Answer, values | {"hits": [_nested(hit) for hit in values["hits"]]})
    except (KeyError, TypeError, OverflowError) as error:
        raise ValueError("these values are no answer") from error
    return answer


def _nested(hit: dict[str, Any]) -> dict[str, Any]:
    chunk = {**hit}
    return {key: chunk.pop(key) for key in _OF_HITS if key in chunk} | {"chunk": chunk}


_kinds = cache(get_type_hints)


def _typed(kind: Any, value: Any) -> Any:
    """Convert JSON values to the dataclass, tuple, literal or plain type expected of them.

    The input is not trusted.
    """
    origin, inner = get_origin(kind), get_args(kind)
    if isinstance(value, dict) and isinstance(kind, type) and is_dataclass(kind):
        kinds = _kinds(kind)
        return kind(**{name: _typed(kinds[name], part) for name, part in value.items()})
    if isinstance(value, list) and origin is tuple:
        return tuple(_typed(inner[0], item) for item in value)
    if origin is UnionType:  # of a kind and None
        return None if value is None else _typed(inner[0], value)
    if kind is float and type(value) is int:  # JSON has one kind of number
        return float(value)
    if value not in inner if origin is Literal else type(value) is not kind:
        raise TypeError
    return value


def checked_json(sentences: Sequence[Sentence], citations: Sequence[Citation]) -> dict[str, Any]:
    """Return checked sentences as JSON values, in the form that an answer's have."""
    return {
        "sentences": [asdict(s) for s in sentences],
        "citations": [asdict(citation) for citation in citations],
    }


def conversation_json(conversation: Conversation) -> dict[str, str | int]:
    """Return what a list of conversations shows, as JSON values."""
    values = asdict(conversation)
    return {"conversation": values.pop("key")} | values
