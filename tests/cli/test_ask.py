import json
from pathlib import Path

import pytest
from commands import main


def test_an_answer_goes_to_stdout_and_everything_else_to_stderr(
    library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ask", "How often stops the night train to Brennau?"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("The night train to Brennau stops seventeen times.[1]")
    assert '\n\n[1] "The night train to Brennau stops seventeen times.' in out
    assert err.startswith("Reading\n  Night Trains (¶1)")


def test_the_json_of_an_answer_is_one_value(
    library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ask", "--json", "How often stops the night train to Brennau?"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["mode"], answer["citations"][0]["document"]) == ("extractive", "trains")


def test_an_abstention_is_exit_code_three(
    library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ask", "Who painted the ceiling of a chapel?"]) == 3
    first, *_ = capsys.readouterr().out.splitlines()
    assert first == "I found no passage that answers this. Closest:"


def test_a_text_is_checked_sentence_by_sentence(
    library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("draft.txt").write_text(
        "The night train to Brennau stops seventeen times.", encoding="utf-8"
    )
    assert main(["check", "draft.txt"]) == 0
    assert capsys.readouterr().out.startswith(
        "  supported  The night train to Brennau stops seventeen times.[1]\n\n[1] "
    )
    Path("draft.txt").write_text(
        "The night train to Brennau stops eighteen times.", encoding="utf-8"
    )
    assert main(["check", "--json", "draft.txt"]) == 1
    (sentence,) = json.loads(capsys.readouterr().out)["sentences"]
    assert (sentence["verdict"], sentence["reason"]) == (
        "unsupported",
        "not in the sources: eighteen",
    )
    assert main(["check", "nowhere.txt"]) == 2
    assert "nowhere.txt cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize("certainty", ["1.5", "-1", "much"])
def test_a_certainty_that_is_no_share_is_wrong_use(certainty: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["ask", "--certainty", certainty, "Who?"])
    assert stopped.value.code == 2


def test_search_prints_passages(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search", "-k", "1", "--json", "night train"]) == 0
    (hit,) = json.loads(capsys.readouterr().out)
    assert (hit["document"], hit["found_by"]) == ("trains", "both")


@pytest.mark.parametrize("command", ["search", "ask"])
def test_filters_leave_passages_out(
    library: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    Path("ferry.txt").write_text(
        "Ferries\n\n3 May 2024\n\nThe night ferry to Brennau stops twice.", encoding="utf-8"
    )
    assert main(["add", "ferry.txt"]) == 0
    capsys.readouterr()

    def documents(*arguments: str) -> set[str]:
        main([command, "--json", "night train to Brennau stops", *arguments])
        found = json.loads(capsys.readouterr().out)
        return {hit["document"] for hit in (found if command == "search" else found["hits"])}

    assert (
        documents()
        == documents("--document", "ferry", "--document", "TRAINS")
        == {"ferry", "trains"}
    )
    assert documents("--document", "trains") == {"trains"}
    assert documents("--after", "2024-05", "--before", "2024-05-03") == {"ferry"}
    assert documents("--speaker", "Holm") == documents("--section", "Dredging") == set()
    assert main([command, "Brennau", "--document", "train"]) == 2
    assert "did you mean 'trains'" in capsys.readouterr().err
    assert main([command, "Brennau", "--after", "May"]) == 2
    assert "'May' is not a date" in capsys.readouterr().err


def test_a_batch_is_answered_in_order_with_its_ids(library: Path) -> None:
    lines = [
        {"id": "a", "question": "How often stops the night train to Brennau?"},
        {"id": "b", "question": "nine?", "history": [{"role": "user", "text": "it leaves at"}]},
    ]
    Path("q.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n", encoding="utf-8")
    assert main(["ask", "--batch", "q.jsonl", "--out", "p.jsonl"]) == 0
    predictions = [
        json.loads(line) for line in Path("p.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert [p["id"] for p in predictions] == ["a", "b"]
    assert "It leaves at nine.[1]" in predictions[1]["answer"]
    assert not list(Path.cwd().glob("*.part"))
