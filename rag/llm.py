"""Prompt -> a stream of text pieces.                                                                [llama-cpp-python]"""

import os
import threading
from collections.abc import Generator
from functools import cache
from pathlib import Path
from typing import Any

from rag.embedded import LANGUAGE_MODEL, language_model_path
from rag.types import ModelError, Prompt

_CONTEXT_TOKENS = 4096  # the prompts here stay below 2,000 tokens; more only costs memory
_GGUF_MAGIC = b"GGUF"
_PROCESSORS = Path("/proc/cpuinfo")


class LlamaModel:
    """A GGUF model in llama.cpp, answering greedily, so that the same prompt gives the same text.

    A model with a chat template of its own gets the prompt's messages, rendered in llama-cpp-python's sandbox; a base model
    completes the prompt's text. The key-value cache of the last prompt is kept, so what prompts share in front is read once.
    One prompt runs at a time; others wait.
    """

    def __init__(self, path: Path | None = None) -> None:
        """Load the GGUF at `path`, by default the embedded model. Raises ModelError where it cannot be read."""
        # Threads that wait for each other without letting go of the processor are several times slower where others work too.
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")
        import llama_cpp

        self.name = path.stem if path else LANGUAGE_MODEL
        if path:
            _check_gguf(path)
        self._lock = threading.Lock()
        _silence()
        _avoid_amx()
        try:
            self._llama: Any = llama_cpp.Llama(
                str(path or language_model_path()),
                n_ctx=_CONTEXT_TOKENS,
                n_threads=max(2, (os.cpu_count() or 2) // 2),  # two threads of one core only get in each other's way
                swa_full=True,  # a cut sliding-window cache could not be reused from question to question
                verbose=False,
            )
        except (ValueError, AssertionError) as error:
            raise ModelError(
                f"llama.cpp cannot load the model {path or LANGUAGE_MODEL}; give a whole GGUF file of a language model."
            ) from error
        self.context_tokens = int(self._llama.n_ctx())
        self._chats = "tokenizer.chat_template" in self._llama.metadata

    def stream(self, prompt: Prompt, max_tokens: int) -> Generator[str]:
        """Pieces of the completion as they come; closing the iterator stops the model."""
        with self._lock:
            if self._chats:
                messages = [{"role": "system", "content": prompt.system}, {"role": "user", "content": prompt.user}]
                for chunk in self._llama.create_chat_completion(
                    messages, max_tokens=max_tokens, temperature=0.0, stop=list(prompt.stop), stream=True
                ):
                    yield chunk["choices"][0]["delta"].get("content") or ""
            else:
                # As tokens, since a string would be searched for control tokens, and documents may hold their names.
                tokens = self._llama.tokenize(prompt.text.encode(), add_bos=True, special=False)
                for chunk in self._llama.create_completion(
                    tokens, max_tokens=max_tokens, temperature=0.0, stop=list(prompt.stop), stream=True
                ):
                    yield chunk["choices"][0]["text"]

    def count_tokens(self, text: str) -> int:
        """The number of the model's own tokens in `text`."""
        return len(self._llama.tokenize(text.encode(), add_bos=False, special=False))


@cache
def _silence() -> Any:
    """Stop llama.cpp from telling the terminal of its caches, `verbose` or not.

    What comes back is the function that is told instead: llama.cpp keeps a bare pointer to it, so it must never be freed.
    """
    import llama_cpp

    told = llama_cpp.llama_log_callback(lambda level, text, data: None)
    llama_cpp.llama_log_set(told, None)
    return told


@cache
def _avoid_amx() -> None:
    """Keep llama.cpp from the matrix unit of large Intel processors, with which it crashes at the first prompt.

    Its tile configuration is not initialised (ggml-org/llama.cpp issue 20824, pull request 26954). The unit is used for weights
    in buffers of their own only, and `Llama` has no parameter that does without.
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


def _check_gguf(path: Path) -> None:
    try:
        with path.open("rb") as file:
            magic = file.read(len(_GGUF_MAGIC))
    except OSError as error:
        raise ModelError(
            f"The model {path} cannot be opened ({error.strerror or error}); give the path of a GGUF file, or leave out --model "
            "for the embedded one."
        ) from error
    if magic != _GGUF_MAGIC:
        raise ModelError(f"{path} is not a GGUF model: it begins with {magic!r}, expected {_GGUF_MAGIC!r}; give a GGUF file.")
