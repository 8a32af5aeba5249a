"""What runs on the fakes of all tests, from a pipeline to a server."""

import json
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fakes import FakeModels, PipelineWith, Serve, ServiceWith
from team_server import team_server

from rag import serve as server
from rag.config import CERTAINTY, Settings
from rag.pipeline import Pipeline
from rag.protocols import ChatModel, ModelSet
from rag.service.service import Service

if TYPE_CHECKING:
    import httpx

# A run in the background of a shell ignores Ctrl-C, and so would every program that it starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def no_models(folder: Path) -> Path:
    """Make a folder of models that has none, and of which nothing is suggested any more."""
    folder.mkdir(exist_ok=True)
    known = {"version": 1, "installed": [], "used": {}, "suggested": True}
    (folder / "models.json").write_text(json.dumps(known), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def team_address() -> Iterator[str]:
    """The address of a PostgreSQL server, which is started once and stopped at the end."""
    with team_server() as address:
        yield address


@pytest.fixture
def pipeline_with(tmp_path: Path) -> Iterator[PipelineWith]:
    """Makes a pipeline over the texts given by file name.

    Its language model says `replies`, and there is none without any.
    """
    opened: list[Pipeline] = []

    def make(texts: Mapping[str, str], *replies: str) -> Pipeline:
        folder = tmp_path / f"reports-{len(opened)}"
        folder.mkdir()
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
        settings = Settings(
            tmp_path / "indexes",
            f"library-{len(opened)}",
            model=None,
            embeddings="",
            generate=bool(replies),
        )
        opened.append(Pipeline(settings, FakeModels(*replies)))
        failed = [added for added in opened[-1].add([folder]) if added.outcome == "failed"]
        assert not failed, f"the test's own texts are no reports: {failed}"
        return opened[-1]

    yield make
    for pipeline in opened:
        pipeline.close()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A service of no library yet, without a language model."""
    settings = Settings(
        tmp_path / "indexes",
        "default",
        None,
        "",
        generate=False,
        models=no_models(tmp_path / "models"),
    )
    service = Service(settings, FakeModels())
    yield service
    service.close()


def fill(
    settings: Settings,
    models: ModelSet,
    libraries: Mapping[str, Mapping[str, str]],
    folder: Path,
) -> None:
    """Make the libraries given as {name: {file: text}} of files below the folder."""
    for name, texts in libraries.items():
        (folder / name).mkdir()
        for file, text in texts.items():
            (folder / name / file).write_text(text, encoding="utf-8")
        with Pipeline(replace(settings, library=name), models) as pipeline:
            outcomes = [added.outcome for added in pipeline.add([folder / name])]
            assert outcomes == ["added"] * len(texts)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Serve a page over the libraries given as {name: {file: text}}, with fakes; return its URL.

    The language model is `chat`, or says `replies`.
    """
    closing: list[Callable[[], None]] = []

    def start(
        libraries: Mapping[str, Mapping[str, str]],
        *replies: str,
        chat: ChatModel | None = None,
        certainty: float = CERTAINTY,
    ) -> str:
        models = FakeModels(*replies, chat=chat)
        settings = Settings(
            tmp_path / "indexes",
            "default",
            None,
            embeddings="",
            generate=bool(chat or replies),
            certainty=certainty,
            models=no_models(tmp_path / "models"),
        )
        fill(settings, models, libraries, tmp_path)
        url, close = server.serve(settings, models, "127.0.0.1", None)
        closing.append(close)
        return url

    yield start
    for close in closing:
        close()


@pytest.fixture
def service_with(tmp_path: Path) -> ServiceWith:
    """Make a service over the libraries given as {name: {file: text}}.

    The language model is `chat`, or says `replies`.
    """

    def make(
        libraries: Mapping[str, Mapping[str, str]], *replies: str, chat: ChatModel | None = None
    ) -> Service:
        models = FakeModels(*replies, chat=chat)
        generate = bool(chat or replies)
        own = no_models(tmp_path / "models")
        settings = Settings(
            tmp_path / "indexes", "grain", None, embeddings="", generate=generate, models=own
        )
        fill(settings, models, libraries, tmp_path)
        return Service(settings, models)

    return make


@pytest.fixture
def client(service_with: ServiceWith) -> "Iterator[httpx.Client]":
    """A client of a server whose model has one good sentence to say."""
    import httpx
    from served import GRAIN, SAID, serving

    wool = {"west.txt": "Western Trade\n\nWool fell by 5 percent."}
    service = service_with({"grain": GRAIN, "wool": wool}, SAID)
    with serving(service) as url, httpx.Client(base_url=url, timeout=60) as client:
        yield client


@pytest.fixture(autouse=True)
def _no_settings_of_the_developer(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    # RAG_CACHE stays: it only says where the files made from the embedded models lie.
    # Libraries lie in the working folder, and never among those of the developer.
    monkeypatch.setenv("RAG_INDEXES", "indexes")
    for name in (
        "RAG_LIBRARY",
        "RAG_MODEL",
        "RAG_ADAPTER",
        "RAG_EMBEDDINGS",
        "RAG_RERANKER",
        "RAG_SERVER",
        "RAG_SERVER_KEY",
        "RAG_PASSAGE_TOKENS",
        "RAG_OCR",
        "RAG_STORE",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RAG_MODELS", str(no_models(tmp_path_factory.mktemp("own") / "models")))
