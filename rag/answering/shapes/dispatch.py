"""The shapes of an answer: one function for each, all of one signature."""

from collections.abc import Iterator

from rag.answering.shapes.about import about
from rag.answering.shapes.comparison import comparison
from rag.answering.shapes.fact import fact
from rag.answering.shapes.lists import listed
from rag.answering.shapes.overview import overview
from rag.answering.shapes.request import Request, ShapeFunction
from rag.answering.shapes.yes_no import yes_no
from rag.answering.verify import Claim
from rag.types import Mode, Shape

SHAPES: dict[Shape, ShapeFunction] = {
    "about": about,
    "comparison": comparison,
    "fact": fact,
    "list": listed,
    "overview": overview,
    "yes_no": yes_no,
}
# What is answered as a fact if there is no answer of its own shape.
_ELSE_A_FACT = ("about", "list", "yes_no")


def answer_in_shape(request: Request) -> Iterator[tuple[Shape, Mode, Claim]]:
    """Yield the claims of the answer in the shape of the question, or else as a fact."""
    shape = request.question.shape
    shapes: tuple[Shape, ...] = (shape, "fact") if shape in _ELSE_A_FACT else (shape,)
    leads_in = bool(request.evidence) and request.evidence[0].text.rstrip().endswith(":")
    if shape == "fact" and (request.question.may_be_list or leads_in):
        shapes = ("list", *shapes)
    for shape in shapes:
        claims = SHAPES[shape](request)
        first = next(claims, None)
        if first is not None:
            yield (shape, *first)
            for mode, claim in claims:
                yield shape, mode, claim
            return
