"""Run GGUF language models in llama.cpp.   [llama-cpp-python]"""

import ctypes
import os
import threading
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rag.catalogue.gguf import GgufHeader, read_header
from rag.catalogue.memory import check_memory, memory_needed
from rag.config import PASSAGE_TOKENS
from rag.errors import ModelError
from rag.models.bundled import (
    LANGUAGE_MODEL,
    LANGUAGE_MODEL_PACKAGE,
    language_model_path,
    writer_adapter,
)
from rag.models.chat_template import ChatFrame, chat_frame
from rag.types import Prompt

# Beside the passages: instructions, question and answer, and what counting by parts misses.
_TOKENS_BESIDE = 2048
# Threads that wait for each other without letting go of the processor are several times slower
# where others work too, and those that let go at once a fifth slower where nobody does. OpenMP
# reads these when llama.cpp is loaded, and never again.
_THREADS = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "1000"}
_PROCESSORS = Path("/proc/cpuinfo")
INSTALL_LANGUAGE_MODEL = "pip install 'rag-reports[llm]'"


class LlamaModel:
    """A GGUF model in llama.cpp, decoding greedily.

    A model with a chat template of its own gets the prompt's messages in the frame that the
    template makes; a base model completes the prompt's text. The common beginning of prompts is
    read once, and on some processors that rounds differently from reading it again. One prompt runs
    at a time; others wait.
    """

    def __init__(
        self,
        path: Path | None = None,
        adapter: Path | None = None,
        cache: Path | None = None,
        passage_tokens: int = PASSAGE_TOKENS,
    ) -> None:
        """Load the GGUF at `path`, by default the embedded model, and the GGUF of a LoRA adapter.

        An adapter goes with the embedded model only, by default the one of this project; the model
        is kept in the folder `cache`, by default the user's. The model can read `passage_tokens` of
        passages beside instructions and question, or as much as it was trained to read where that
        is less.

        Raises ModelError where one of them cannot be read, the adapter was not made for the model,
        or the model does not fit into the free memory; also where llama-cpp-python or the weights
        of the embedded model are not installed.
        """
        self.name = model_name(path, adapter)
        _check_can_run(self.name, path)
        context = context_for(None, passage_tokens)
        self._frame: ChatFrame | None = None
        if path:
            header = read_header(path)
            context = context_for(header, passage_tokens)
            check_memory(self.name, memory_needed(header, context))
            self._frame = _frame_of(self.name, header)
        if adapter:
            read_header(adapter, "adapter")
        import llama_cpp

        self._lock = threading.Lock()
        _silence()
        _avoid_amx()
        try:
            with _without_templates():
                self._llama: Any = llama_cpp.Llama(
                    str(path or language_model_path(cache)),
                    n_ctx=context,
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
        if path is None:
            _adapt(self._llama, adapter or writer_adapter())
        self.context_tokens = int(self._llama.n_ctx())
        self.passage_tokens = passages_for(self.context_tokens, passage_tokens)
        self.follows_instructions = self._frame is not None

    def stream(self, prompt: Prompt, max_tokens: int) -> Generator[str]:
        """Yield pieces of the completion as they come; closing the iterator stops the model."""
        settings: Any = {
            "max_tokens": max_tokens,
            "temperature": 0.0,
            "stop": list(prompt.stop),
            "stream": True,
        }
        with self._lock:
            pieces = self._llama.create_completion(self._tokens_of(prompt), **settings)
            for chunk in pieces:
                yield chunk["choices"][0]["text"]

    def _tokens_of(self, prompt: Prompt) -> list[int]:
        """Return the prompt as tokens; only the frame's own control tokens become such."""
        if self._frame is None:
            return self._tokens(prompt.text, add_bos=True)
        frame = self._frame
        tokens = self._tokens("", add_bos=True)
        if frame.opens and not tokens:
            tokens = [self._llama.token_bos()]
        joined = f"{prompt.system}\n\n{prompt.user}"
        tokens += self._tokens(frame.before, special=True)
        if frame.between:
            tokens += self._tokens(prompt.system) + self._tokens(frame.between, special=True)
        tokens += self._tokens(prompt.user if frame.between else joined)
        return tokens + self._tokens(frame.behind, special=True)

    def _tokens(self, text: str, *, add_bos: bool = False, special: bool = False) -> list[int]:
        tokens: list[int] = self._llama.tokenize(text.encode(), add_bos=add_bos, special=special)
        return tokens

    def count_tokens(self, text: str) -> int:
        """Return the number of the model's own tokens in `text`."""
        return len(self._llama.tokenize(text.encode(), add_bos=False, special=False))


def missing_for(path: Path | None) -> str:
    """Return what the model at `path`, None being the embedded one, lacks to run here.

    "" where it lacks nothing. llama.cpp is loaded for it, and no model.
    """
    if failure := _load_library():
        return failure
    if path is None and find_spec(LANGUAGE_MODEL_PACKAGE) is None:
        return "the weights of the embedded language model are not installed"
    return ""


def _check_can_run(name: str, path: Path | None) -> None:
    if missing := missing_for(path):
        raise ModelError(
            f"The language model {name} cannot run here ({missing}); bring what it needs with: "
            f"{INSTALL_LANGUAGE_MODEL} (docs/quickstart.md), or answer without one: --model none."
        )


@cache
def _load_library() -> str:
    """Load llama.cpp; return why that is impossible, "" where it is loaded."""
    try:
        with _set_for_import(_THREADS):
            import llama_cpp  # noqa: F401 - it is used by those who call this first
    except ModuleNotFoundError:
        return "llama-cpp-python is not installed"
    except (ImportError, OSError, RuntimeError) as error:  # built for another system, say
        return f"llama-cpp-python cannot be loaded: {' '.join(str(error).split())}"
    return ""


def context_for(header: GgufHeader | None, passage_tokens: int) -> int:
    """Return how many tokens a model is to read at once, None being the embedded one."""
    wanted = (passage_tokens or PASSAGE_TOKENS) + _TOKENS_BESIDE
    trained = header.context_tokens if header else 0
    return min(wanted, trained) if trained else wanted


def passages_for(context: int, wanted: int) -> int:
    """Return how many tokens of passages a model with that context can be shown."""
    return min(wanted, max(context - _TOKENS_BESIDE, context // 2))


def _frame_of(name: str, header: GgufHeader) -> ChatFrame | None:
    """Return the frame of the model's chat template, None where it has none."""
    return chat_frame(name, header.chat_template) if header.chat_template else None


class _NoTemplate:
    """Stands in for the formatter of llama.cpp's bindings.

    That one's compiler evaluates the constants of a template, as in `'a' * 10**11`.
    """

    def __init__(self, **_: object) -> None:
        pass

    def to_chat_handler(self) -> None:
        """Handle no message: `LlamaModel` has a frame."""


@contextmanager
def _without_templates() -> Iterator[None]:
    """Keep llama.cpp's bindings from compiling the templates of a model that they load."""
    from llama_cpp import llama_chat_format

    formatter = llama_chat_format.Jinja2ChatFormatter
    llama_chat_format.Jinja2ChatFormatter = _NoTemplate
    try:
        yield
    finally:
        llama_chat_format.Jinja2ChatFormatter = formatter


@contextmanager
def _set_for_import(variables: Mapping[str, str]) -> Iterator[None]:
    """Set those environment variables that are unset, and unset them again afterwards."""
    added = {name: value for name, value in variables.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


def model_name(path: Path | None, adapter: Path | None) -> str:
    """Return the name of the model at `path` with an adapter: `gemma-3-270m-q4_k_m + tone`."""
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
    """Stop llama.cpp from printing what it caches, with and without `verbose`.

    Return the function that is called instead: llama.cpp keeps a bare pointer to it, so
    it must never be freed.
    """
    import llama_cpp

    ignore = llama_cpp.llama_log_callback(lambda level, text, data: None)
    llama_cpp.llama_log_set(ignore, None)
    return ignore


@cache
def _avoid_amx() -> None:
    """Keep llama.cpp from the matrix unit of large Intel processors.

    With it, it crashes at the first prompt.

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
