from pathlib import Path

import pytest
from commands import NIGHT, main
from fakes import FakeModels

import rag
from rag.cli import main as command_line
from rag.cli.commands import serve
from rag.config import Settings


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["eval"], 2, "rag eval takes the folder of a set"),
        (["eval", "nowhere"], 2, "corpus.jsonl cannot be read (No such file or directory)"),
        (["eval", "nowhere", "--library", "mine"], 2, "which brings its own library"),
        (["eval", "nowhere", "--questions", "q.jsonl"], 2, "go with --make OUT_DIR"),
        (["eval", "nowhere", "--retrieval-only", "--out", "p.jsonl"], 2, "leave one of them away"),
        (["eval", "nowhere", "--make", "set"], 2, "--make writes a new set"),
        (
            ["eval", "--make", "set", "--questions", "nowhere.txt"],
            2,
            "The questions in nowhere.txt cannot be read",
        ),
        (["eval", "--make", "set", "--library", "other"], 4, "There is no library 'other'"),
        (["add", "nowhere"], 2, "There is no file or folder 'nowhere'"),
        (["add"], 2, "Nothing to add was named"),
        (["add", "binary.txt"], 1, "binary.txt cannot be read, because the file is binary"),
        (["add", "empty.txt"], 1, "empty.txt is empty"),
        (["add", "--library", "../up", "trains.txt"], 2, "'../up'"),
        (["remove", "train"], 2, "trains"),
        (["ask", ""], 2, "The question is empty"),
        (["ask"], 2, "No question was given"),
        (["ask", "w" * 10_000], 2, "The question has 10,000 characters, at most 2,000 are read"),
        (["ask", "--library", "other", "Who?"], 4, "other"),
        (["search", ""], 2, "The question is empty"),
        (["ask", "--batch", "q.jsonl"], 2, "--out"),
        (
            ["ask", "--batch", "q.jsonl", "--out", "p.jsonl", "--conversation", "0"],
            2,
            "--conversation away",
        ),
        (
            ["ask", "--conversation", "7", "Who?"],
            2,
            "There is no conversation 7 in this library; see `rag conversations`",
        ),
        (["conversations", "--show", "7"], 2, "There is no conversation 7"),
        (["conversations", "--rename", "7", "Trains"], 2, "There is no conversation 7"),
        (["conversations", "--remove", "7"], 2, "There is no conversation 7"),
        (["conversations", "--out", "a.md"], 2, "rag conversations --show KEY --out FILE"),
        (
            ["ask", "--batch", "nowhere.jsonl", "--out", "p.jsonl"],
            2,
            "nowhere.jsonl cannot be read",
        ),
        (
            ["ask", "--batch", "bad.jsonl", "--out", "p.jsonl"],
            2,
            "Line 2 of bad.jsonl is not a question",
        ),
    ],
)
def test_bad_input_gets_one_clear_sentence_and_an_exit_code(
    library: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, message: str
) -> None:
    Path("binary.txt").write_bytes(b"a\x00b" * 50)
    Path("empty.txt").touch()
    Path("q.jsonl").write_text('{"id": 1, "question": "Who?"}\n')
    Path("bad.jsonl").write_text('{"id": 1, "question": "Who?"}\n{"question": 7}\n')
    assert main(arguments) == code
    out, err = capsys.readouterr()
    assert message in err
    assert "Traceback" not in err
    assert out == ""
    assert not Path("p.jsonl").exists()


def test_without_a_library_one_is_told_how_to_make_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ask", "Who?"]) == 4
    told = capsys.readouterr().err
    assert "make it with `rag add FOLDER`, or of the sample reports with `rag add --sam" in told
    assert not (folder / "indexes").exists()


@pytest.mark.parametrize("arguments", [["nonsense"], ["search", "-k", "0", "Who?"]])
def test_wrong_use_is_exit_code_two(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


def test_flags_replace_variables(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Settings] = []

    def make_models(settings: Settings) -> FakeModels:
        given.append(settings)
        return FakeModels()

    monkeypatch.setenv("RAG_ADAPTER", "tone.gguf")
    for flags in (
        [],
        ["--adapter", "long.gguf"],
        ["--adapter", "none", "--model", "own.gguf"],
        ["--adapter", "none", "--model", "none"],
    ):
        command_line.main(["ask", *flags, NIGHT], make_models)
    assert [(settings.model, settings.adapter, settings.generate) for settings in given] == [
        (None, Path("tone.gguf"), True),
        (None, Path("long.gguf"), True),
        (Path("own.gguf"), None, True),
        (None, None, False),
    ]


@pytest.mark.parametrize("model", ["own.gguf", "none"])
def test_an_adapter_for_another_model_is_wrong_use(
    model: str, library: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ask", "--adapter", "tone.gguf", "--model", model, "Who?"]) == 2
    told = capsys.readouterr().err
    monkeypatch.setenv("RAG_MODEL", model)
    assert main(["ask", "--adapter", "tone.gguf", "Who?"]) == 2
    assert capsys.readouterr().err == told
    assert told.startswith("rag: The adapter tone.gguf goes with the embedded language model alone")


def test_ctrl_c_ends_with_one_sentence(
    library: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("rag.pipeline.search", interrupted)
    assert main(["ask", "Who?"]) == 130
    assert capsys.readouterr().err == "rag: stopped; what was finished is kept.\n"


def test_a_library_is_asked_from_python(library: Path) -> None:
    question = "which night train to Brennau stops seventeen times"
    with rag.open_library(models=FakeModels()) as reports:
        answer = reports.ask(question)
        assert answer.citations[0].quote in reports.document("trains").text
        assert list(reports.stream(question))[-1].answer == answer.answer


def test_the_only_library_is_asked_without_its_name_and_nothing_is_added_to_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["add", "trains.txt", "--library", "trains"]) == 0
    assert main(["ask", NIGHT]) == 0
    assert "seventeen times" in capsys.readouterr().out
    assert main(["add", "trains.txt"]) == 0
    assert (folder / "indexes" / "default").is_dir()


def test_without_a_command_the_page_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[bool] = []
    monkeypatch.setattr(serve, "run_serve", lambda _, options: served.append(options.open) or 0)
    assert main([]) == 0
    assert main(["serve"]) == 0
    assert served == [True, False]
