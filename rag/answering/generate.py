"""A prompt -> pieces of text as a model writes them, within limits of length and time."""

import time
from collections.abc import Generator
from contextlib import closing

from rag.protocols import ChatModel
from rag.types import Prompt

# Seconds that a model may write; then the sources answer, or what it has written so far.
_PATIENCE = 120.0


def generate(chat: ChatModel, prompt: Prompt, max_tokens: int) -> Generator[str | None]:
    """Yield the pieces as they come, and None behind them where the model came to its end.

    A text cut by its length or by time has no None. Closing the iterator stops the model.
    """
    until = time.monotonic() + _PATIENCE
    with closing(chat.stream(prompt, max_tokens)) as pieces:
        for number, piece in enumerate(pieces, 1):
            yield piece
            if number >= max_tokens or time.monotonic() > until:
                return
    yield None
