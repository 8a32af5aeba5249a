"""Prompt -> a stream of text pieces.   [llama-cpp-python]"""

import ctypes
import os
import threading
from collections.abc import Generator
from functools import cache
from math import prod
from pathlib import Path
from typing import Any, Literal

import numpy as np

from rag.config import BRIEF
from rag.errors import ModelError
from rag.models.bundled import LANGUAGE_MODEL, check_brief, language_model_path
from rag.types import Piece, Prompt, Vectors

_CONTEXT_TOKENS = 4096  # the prompts here stay below 2,000 tokens; more only costs memory
# What the adapter has learned to answer where no source does.
DECLINE = " Not in the passages."
_GGUF_MAGIC = b"GGUF"
_PROCESSORS = Path("/proc/cpuinfo")


class LlamaModel:
    """A GGUF model in llama.cpp, answering greedily.

    A model with a chat template of its own gets the prompt's messages, rendered in
    llama-cpp-python's sandbox; a base model completes the prompt's text. What prompts share in
    front is read once; on some processors that rounds otherwise than reading it anew. With an
    adapter the prompt has no examples, so nothing is shared, and the same prompt gives the same
    text. One prompt runs at a time; others wait.
    """

    def __init__(self, path: Path | None = None, adapter: Path | None = None) -> None:
        """Load the GGUF at `path`, by default the embedded model, and the GGUF of a LoRA adapter,
        which goes with that one only.

        Raises ModelError where one of them cannot be read or the adapter was not made for the
        model.
        """
        # Threads that wait for each other without letting go of the processor are several times
        # slower where others work too, and those that let go at once a fifth slower where nobody
        # does.
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")
        os.environ.setdefault("GOMP_SPINCOUNT", "1000")
        import llama_cpp

        self.name = model_name(path, adapter)
        if path:
            _check_gguf(path, "model")
        if adapter:
            _check_gguf(adapter, "adapter")
        if adapter == BRIEF:
            check_brief()
        self._lock = threading.Lock()
        _silence()
        _avoid_amx()
        try:
            self._llama: Any = llama_cpp.Llama(
                str(path or language_model_path()),
                n_ctx=_CONTEXT_TOKENS,
                n_threads=max(
                    2, (os.cpu_count() or 2) // 2
                ),  # two threads of one core only get in each other's way
                # a cut sliding-window cache could not be reused from question to question
                swa_full=True,
                verbose=False,
            )
        except (ValueError, AssertionError) as error:
            raise ModelError(
                f"llama.cpp cannot load the model {path or LANGUAGE_MODEL}; give a whole GGUF "
                "file of a language model."
            ) from error
        self.brief = adapter is not None
        if adapter:
            _adapt(self._llama, adapter)
        self._declining = self._llama.tokenize(DECLINE.encode(), add_bos=False, special=False)[0]
        self.context_tokens = int(self._llama.n_ctx())
        self._chats = "tokenizer.chat_template" in self._llama.metadata

    def stream(self, prompt: Prompt, max_tokens: int) -> Generator[Piece]:
        """Pieces of the completion as they come; closing the iterator stops the model."""
        chances: list[float] = []  # of the tokens chosen since the last piece
        declines = [0.0]  # where the last of them was chosen

        def weigh(_: Any, logits: Vectors) -> Vectors:
            # The likeliest token is the one that is chosen.
            shares = np.exp(logits - logits.max())
            chances.append(1.0 / float(shares.sum()))
            declines[0] = float(shares[self._declining]) * chances[-1] if self.brief else 0.0
            return logits

        settings: Any = {
            "max_tokens": max_tokens,
            "temperature": 0.0,
            "stop": list(prompt.stop),
            "stream": True,
        }
        with self._lock:
            if self.brief:
                self._llama.reset()
            if self._chats:
                messages = [
                    {"role": "system", "content": prompt.system},
                    {"role": "user", "content": prompt.user},
                ]
                chunks = self._llama.create_chat_completion(
                    messages, logits_processor=[weigh], **settings
                )
            else:
                # As tokens, since a string would be searched for control tokens, and documents may
                # hold their names.
                text = prompt.adapted if self.brief else prompt.text
                tokens = self._llama.tokenize(text.encode(), add_bos=True, special=False)
                chunks = self._llama.create_completion(tokens, logits_processor=[weigh], **settings)
            for chunk in chunks:
                choice = chunk["choices"][0]
                text = choice["delta"].get("content") or "" if self._chats else choice["text"]
                yield Piece(text, prod(chances), declines[0])
                chances.clear()

    def count_tokens(self, text: str) -> int:
        """The number of the model's own tokens in `text`."""
        return len(self._llama.tokenize(text.encode(), add_bos=False, special=False))


def model_name(path: Path | None, adapter: Path | None) -> str:
    """How the model at `path` with an adapter is called: `gemma-3-270m-q4_k_m + brief`."""
    return " + ".join([path.stem if path else LANGUAGE_MODEL, *([adapter.stem] if adapter else [])])


def _adapt(llama: Any, adapter: Path) -> None:
    """Load the adapter and apply it to all that the model reads.

    Raises ModelError where llama.cpp cannot use it.

    `Llama` can do the same, but takes a failure for success, over which llama.cpp crashes, and then
    does not map the model into memory.
    """
    import llama_cpp

    loaded = llama_cpp.llama_adapter_lora_init(llama.model, os.fsencode(adapter))
    if not loaded:
        raise ModelError(
            f"llama.cpp cannot use {adapter} as an adapter of {LANGUAGE_MODEL}; give a whole GGUF "
            "LoRA adapter that was made for "
            "this model, or leave out --adapter."
        )
    adapters, scales = (
        (llama_cpp.llama_adapter_lora_p_ctypes * 1)(loaded),
        (ctypes.c_float * 1)(1.0),
    )
    llama_cpp.llama_set_adapters_lora(llama.ctx, adapters, 1, scales)


@cache
def _silence() -> Any:
    """Stop llama.cpp from telling the terminal of its caches, `verbose` or not.

    What comes back is the function that is told instead: llama.cpp keeps a bare pointer to it, so
    it must never be freed.
    """
    import llama_cpp

    told = llama_cpp.llama_log_callback(lambda level, text, data: None)
    llama_cpp.llama_log_set(told, None)
    return told


@cache
def _avoid_amx() -> None:
    """Keep llama.cpp from the matrix unit of large Intel processors, with which it crashes at the
    first prompt.

    Its tile configuration is not initialised (ggml-org/llama.cpp issue 20824, pull request 26954).
    The unit is used for weights in buffers of their own only, and `Llama` has no parameter that
    does without.
    """
    from llama_cpp import llama_cpp

    try:
        if " amx_" not in _PROCESSORS.read_text(encoding="utf-8"):
            return
    except OSError:  # not on Linux, and llama.cpp asks for the unit on Linux alone
        return
    defaults = llama_cpp.llama_model_default_params

    def without_buffers_of_their_own() -> Any:
        parameters = defaults()
        parameters.use_extra_bufts = False
        return parameters

    llama_cpp.llama_model_default_params = without_buffers_of_their_own


def _check_gguf(path: Path, kind: Literal["model", "adapter"]) -> None:
    try:
        with path.open("rb") as file:
            magic = file.read(len(_GGUF_MAGIC))
    except OSError as error:
        raise ModelError(
            f"The {kind} {path} cannot be opened ({error.strerror or error}); give the path of a "
            f"GGUF file or leave out --{kind}."
        ) from error
    if magic != _GGUF_MAGIC:
        raise ModelError(
            f"{path} is not a GGUF {kind}: it begins with {magic!r}, expected {_GGUF_MAGIC!r}; "
            "give a GGUF file."
        )
