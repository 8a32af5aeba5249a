"""Answers of every shape."""

from hypothesis import strategies as st

from rag.types import Answer, Hit, Seconds

FLOATS = st.floats(allow_nan=False)


ANSWERS = st.builds(
    Answer,
    hits=st.lists(st.builds(Hit, score=FLOATS)).map(tuple),
    seconds=st.builds(Seconds, FLOATS, st.none() | FLOATS, FLOATS),
)
