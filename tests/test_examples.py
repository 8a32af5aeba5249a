"""The scripts of examples/, run as they stand there."""

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from fakes import PipelineWith, Serve

EXAMPLES = Path(__file__).parents[1] / "examples"
REPORT = "Northern Trade\n\nTrade in grain rose by 30 percent in May.\n\nFew ships came in June."
QUESTION = "trade in grain in May by percent"
UNANSWERED = "who wrote the opera"
QUOTE = "Trade in grain rose by 30 percent in May."


def load(name: str) -> ModuleType:
    """Return the script as a module."""
    specification = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert specification
    assert specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def ask_by(pipeline_with: PipelineWith) -> Callable[[ModuleType], ModuleType]:
    """Return a function that lets a script open a library of the report."""

    def with_library(script: ModuleType) -> ModuleType:
        vars(script)["open_library"] = lambda name: pipeline_with({f"{name}.txt": REPORT})
        return script

    return with_library


def test_ask_prints_the_answer_and_its_footnotes(
    ask_by: Callable[[ModuleType], ModuleType], capsys: pytest.CaptureFixture[str]
) -> None:
    ask_by(load("ask")).main("north", QUESTION)
    answer, footnote = capsys.readouterr().out.splitlines()
    assert QUOTE in answer
    assert footnote.startswith("[1] “")
    assert QUOTE in footnote
    assert footnote.endswith("(Northern Trade, paragraph 1)")


def test_ask_prints_the_nearest_passages_where_there_is_no_answer(
    ask_by: Callable[[ModuleType], ModuleType], capsys: pytest.CaptureFixture[str]
) -> None:
    ask_by(load("ask")).main("north", UNANSWERED)
    first, *passages = capsys.readouterr().out.splitlines()
    assert first.startswith("I found no passage")
    assert first.endswith(" Closest:")
    assert passages[0].strip().startswith("Northern Trade, paragraph")


def test_batch_writes_a_line_for_each_question(
    ask_by: Callable[[ModuleType], ModuleType], tmp_path: Path
) -> None:
    (tmp_path / "questions.txt").write_text(f"{QUESTION}\n\n{UNANSWERED}\n", encoding="utf-8")
    script = ask_by(load("batch"))
    script.main("north", str(tmp_path / "questions.txt"), str(tmp_path / "answers.jsonl"))
    lines = (tmp_path / "answers.jsonl").read_text(encoding="utf-8").splitlines()
    answered, declined = map(json.loads, lines)
    assert QUOTE in answered["answer"]
    assert QUOTE in answered["quotes"][0]
    assert declined == {"question": UNANSWERED, "answer": "", "abstained": True, "quotes": []}


def test_stream_prints_sentences_and_footnotes(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url = serve({"default": {"north.txt": REPORT}})
    load("stream").main(url.rstrip("/"), QUESTION)
    *sentences, footnote = capsys.readouterr().out.splitlines()
    assert QUOTE in "\n".join(sentences)
    assert footnote.startswith("[1] Northern Trade: ")
    load("stream").main(url.rstrip("/"), UNANSWERED)
    assert capsys.readouterr().out.startswith("I found no passage")


def test_stream_ends_with_the_sentence_of_an_error(serve: Serve) -> None:
    url = serve({"default": {"north.txt": REPORT}})
    with pytest.raises(SystemExit, match="empty"):
        load("stream").main(url.rstrip("/"), " ")


def test_langchain_gets_the_passages_with_their_places(
    ask_by: Callable[[ModuleType], ModuleType],
    pipeline_with: PipelineWith,
    capsys: pytest.CaptureFixture[str],
) -> None:
    script = ask_by(load("langchain_retriever"))
    script.main("north", QUESTION)
    assert capsys.readouterr().out.startswith("Northern Trade: Trade in grain rose")
    library = pipeline_with({"north.txt": REPORT})
    (document, *_) = script.ReportsRetriever(library=library, k=2).invoke(QUESTION)
    place = slice(document.metadata["start"], document.metadata["end"])
    assert library.document(document.metadata["source"]).text[place] == document.page_content


def test_llamaindex_gets_the_passages_with_their_places(
    ask_by: Callable[[ModuleType], ModuleType],
    pipeline_with: PipelineWith,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """llama-index-core brings sixty packages (nltk, SQLAlchemy, aiohttp), so where the tests are
    set up it is not installed; installed by hand, it is tested.
    """
    pytest.importorskip("llama_index.core")
    script = ask_by(load("llamaindex_retriever"))
    script.main("north", QUESTION)
    assert capsys.readouterr().out.startswith("Northern Trade: Trade in grain rose")
    library = pipeline_with({"north.txt": REPORT})
    (found, *_) = script.ReportsRetriever(library, k=2).retrieve(QUESTION)
    place = slice(found.node.start_char_idx, found.node.end_char_idx)
    assert library.document(found.node.metadata["source"]).text[place] == found.node.get_content()


def test_every_script_is_listed_and_tested() -> None:
    listed = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    tests = Path(__file__).read_text(encoding="utf-8")
    for script in EXAMPLES.glob("*.py"):
        assert f"[{script.name}]({script.name})" in listed
        assert f'load("{script.stem}")' in tests
