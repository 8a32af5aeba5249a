import json
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import FakeModels, PipelineWith

from rag.documents import read_document
from rag.pipeline import MAX_QUESTION, UPLOADED, checked, find_files
from rag.render import answer_json
from rag.types import Answer, Filter, Found, Sentence, Turn, UsageError

HARBOUR = """The Harbour Report

14 May 2024

Dredging

The harbour authority paid 12 million crowns for dredging.[1] Nobody was asked.

Ada Holm wrote:

"The silt returns every winter. We pay for sand that walks back."[2]

Notes

[1] Annual accounts, 3 March 2024.

[2] Letter, 5 April 2024.
"""
TRAINS = "Night Trains\n\nThe night train to Brennau stops seventeen times. It leaves at nine."


def answer_of(events: list[object]) -> Answer:
    assert isinstance(events[-1], Answer)
    return events[-1]


def test_passages_are_hits_in_the_order_that_reading_them_gives(pipeline_with: PipelineWith) -> None:
    texts = {f"{n}.txt": f"Report {n}\n\nThe night train is a train of the night. It is number {n}." for n in range(9)}
    answer = "The Answer\n\nNobody knows the reason. The night train to Brennau stops seventeen times at places without a name."
    pipeline = pipeline_with({**texts, "answer.txt": answer})
    question = "How often does the night train stop at places without a name?"
    found, read = pipeline.search(question, 3), pipeline.passages(question, 3)
    assert len(found) == len(read) == 3
    assert read[0].chunk.document == "answer"
    assert pipeline.ask(question).hits[:3] == read


def test_the_dial_decides_how_sure_an_answer_must_be(pipeline_with: PipelineWith) -> None:
    pipeline = pipeline_with({"harbour.txt": HARBOUR})
    question = "What has the harbour authority paid for dredging?"
    best = pipeline.weigh(question, pipeline.search(question))[0]
    assert not pipeline.ask(question, certainty=best.score).abstained
    assert pipeline.ask(question, certainty=min(1.0, best.score + 0.001)).abstained
    assert not pipeline.ask("Who ate the cheese?", certainty=0).abstained


def test_the_statements_of_a_text_are_checked_against_the_library(pipeline_with: PipelineWith) -> None:
    pipeline = pipeline_with({"harbour.txt": HARBOUR, "trains.txt": TRAINS})
    told, invented = "The harbour authority paid 12 million crowns.", "The harbour authority paid 99 million crowns."
    sentences, citations = pipeline.check(f"{told} {invented}\n\n[1] A footnote.")
    assert [(s.text, s.verdict, s.reason) for s in sentences] == [
        (told, "supported", ""),
        (invented, "unsupported", "not in the sources: 99"),
    ]
    assert [c.quote for c in citations] == ["The harbour authority paid 12 million crowns for dredging."]


def test_an_exported_answer_holds_as_long_as_its_quotes_do(pipeline_with: PipelineWith, tmp_path: Path) -> None:
    pipeline = pipeline_with({"harbour.txt": HARBOUR, "trains.txt": TRAINS})
    exported = json.dumps(answer_json(pipeline.ask("How often stops the night train to Brennau?")))
    assert {s.verdict for s in pipeline.check(exported)[0]} == {"supported"}
    longer = TRAINS.replace("The night train", "At last there is news. The night train")
    (tmp_path / "reports-0" / "trains.txt").write_text(longer, encoding="utf-8")
    list(pipeline.add([tmp_path / "reports-0"]))
    assert {s.verdict for s in pipeline.check(exported)[0]} == {"supported"}, "the words are still there, elsewhere"
    (tmp_path / "reports-0" / "trains.txt").write_text(TRAINS.replace("seventeen", "three"), encoding="utf-8")
    list(pipeline.add([tmp_path / "reports-0"]))
    assert {s.reason for s in pipeline.check(exported)[0]} == {"the quoted words do not stand in 'trains'"}
    pipeline.library.remove("trains")
    assert {s.reason for s in pipeline.check(exported)[0]} == {"'trains' is not in the library"}


def test_a_quoted_opinion_is_reported_with_its_speaker(pipeline_with: PipelineWith) -> None:
    report = 'The Harbour Report\n\nAda Holm wrote:\n\n"The silt that we dredge in May returns to the harbour every winter."'
    answer = pipeline_with({"harbour.txt": report}, " The silt returns every winter.").ask("When does the silt return?")
    assert answer.answer == "According to Ada Holm, the silt returns every winter.[1]"


def test_an_answer_streams_hits_first_then_sentences_then_the_whole(pipeline_with: PipelineWith) -> None:
    pipeline = pipeline_with({"harbour.txt": HARBOUR, "trains.txt": TRAINS}, " The harbour authority paid 12 million crowns.[1]")
    events = list(pipeline.stream("What has the harbour authority paid for dredging?"))
    assert [type(event) for event in events] == [Found, Sentence, Answer]
    answer = answer_of(events)
    assert (answer.answer, answer.mode, answer.abstained) == (
        "The harbour authority paid 12 million crowns.[1]",
        "generated",
        False,
    )
    (citation,) = answer.citations
    assert citation.quote == "The harbour authority paid 12 million crowns for dredging."
    assert pipeline.document("harbour").text[citation.start : citation.end] == citation.quote
    assert (citation.section, citation.note and citation.note.text) == ("Dredging", "Annual accounts, 3 March 2024.")
    assert isinstance(events[0], Found)
    assert events[0].hits[0].chunk.document == "harbour"


def test_what_the_model_invents_is_not_shown_but_the_best_sentence_is(pipeline_with: PipelineWith) -> None:
    pipeline = pipeline_with({"harbour.txt": HARBOUR}, " The harbour authority paid 99 million crowns for dredging.[1]")
    answer = pipeline.ask("What has the harbour authority paid for dredging?")
    assert answer.mode == "extractive"
    assert answer.answer.startswith("The harbour authority paid 12 million crowns for dredging.[1]")
    assert "99" not in answer.answer


def test_a_true_sentence_that_was_not_asked_for_is_not_shown(pipeline_with: PipelineWith) -> None:
    pipeline = pipeline_with({"trains.txt": TRAINS}, " It leaves at nine.[1]")
    answer = pipeline.ask("How often stops the night train to Brennau?")
    assert (answer.mode, answer.sentences[0].text) == ("extractive", "The night train to Brennau stops seventeen times.")


def test_an_opinion_stays_its_speakers(pipeline_with: PipelineWith) -> None:
    answer = pipeline_with({"harbour.txt": HARBOUR}).ask("What returns every winter?")
    assert answer.answer == "Ada Holm: “The silt returns every winter. We pay for sand that walks back.”[1]"
    assert (answer.citations[0].speaker, answer.citations[0].note and answer.citations[0].note.number) == ("Ada Holm", "2")


def test_it_abstains_where_no_sentence_answers_and_asks_no_model(pipeline_with: PipelineWith) -> None:
    pipeline = pipeline_with({"harbour.txt": HARBOUR}, " Never said.")
    answer = pipeline.ask("Which painter decorated the Sistine Chapel ceiling?")
    assert (answer.abstained, answer.answer, answer.sentences, answer.citations) == (True, "", (), ())
    assert answer.hits
    assert answer.seconds.first_token is None
    assert pipeline.models.chat is not None
    assert pipeline.models.chat.prompts == []  # type: ignore[attr-defined]


def test_closing_the_stream_stops_the_model(pipeline_with: PipelineWith) -> None:
    reply = " The harbour authority paid 12 million crowns. " + "Nobody was asked. " * 200
    pipeline = pipeline_with({"harbour.txt": HARBOUR}, reply)
    stream = pipeline.stream("What has the harbour authority paid for dredging?")
    assert isinstance(next(stream), Found)
    assert isinstance(next(stream), Sentence)
    stream.close()
    model = pipeline.models.chat
    assert model is not None
    assert model.stopped == 1  # type: ignore[attr-defined]
    assert len(model.spoken) < 20  # type: ignore[attr-defined]


def test_a_follow_up_is_searched_with_the_question_before_it(pipeline_with: PipelineWith) -> None:
    pipeline = pipeline_with({"harbour.txt": HARBOUR, "trains.txt": TRAINS})
    history = [Turn("user", "the night train to Brennau"), Turn("assistant", "The silt returns every winter.")]
    assert pipeline.search("how many times?", history=history)[0].chunk.document == "trains"


def test_a_phrase_of_an_earlier_question_does_not_bind_the_next(pipeline_with: PipelineWith) -> None:
    pipeline = pipeline_with({"harbour.txt": HARBOUR, "trains.txt": TRAINS})
    history = [Turn("user", "“The silt returns every winter”")]
    assert {hit.chunk.document for hit in pipeline.search("night train", history=history)} == {"harbour", "trains"}
    assert {hit.chunk.document for hit in pipeline.search("“The silt returns every winter”")} == {"harbour"}


def test_a_filter_holds_for_hits_and_answers(pipeline_with: PipelineWith) -> None:
    pipeline = pipeline_with({"harbour.txt": HARBOUR, "trains.txt": TRAINS})
    question = "What returns every winter?"
    (hit,) = pipeline.search(question, only=Filter(speaker="holm"))
    assert "walks back" in hit.chunk.text
    assert not pipeline.ask(question, only=Filter(documents=("harbour",), after="2024-05", section="dredging")).abstained
    for only in (Filter(documents=("trains",)), Filter(before="2024-04"), Filter(speaker="nobody")):
        assert pipeline.ask(question, only=only).abstained
    with pytest.raises(UsageError, match="did you mean 'trains'"):
        pipeline.ask(question, only=Filter(documents=("train",)))


def test_unchanged_files_are_skipped_and_changed_ones_replaced(pipeline_with: PipelineWith, tmp_path: Path) -> None:
    pipeline = pipeline_with({"trains.txt": TRAINS})
    path = tmp_path / "reports-0" / "trains.txt"
    assert [added.outcome for added in pipeline.add([path])] == ["unchanged"]
    path.write_text(TRAINS.replace("seventeen", "three"), encoding="utf-8")
    assert [added.outcome for added in pipeline.add([path])] == ["replaced"]
    assert "seventeen" not in pipeline.document("trains").text
    assert len(pipeline.library.documents()) == 1


def test_a_file_that_fails_keeps_its_old_version_and_the_others_go_on(pipeline_with: PipelineWith, tmp_path: Path) -> None:
    pipeline = pipeline_with({"a.txt": HARBOUR, "b.txt": TRAINS})
    folder = tmp_path / "reports-0"
    (folder / "a.txt").write_bytes(b"%PDF-1.7 \x00\x01")
    (folder / "c.txt").write_text("The Third\n\nA third report about cheese.", encoding="utf-8")
    outcomes = {added.path.name: added.outcome for added in pipeline.add([folder])}
    assert outcomes == {"a.txt": "failed", "b.txt": "unchanged", "c.txt": "added"}
    assert pipeline.document("a").title == "The Harbour Report"


def test_two_files_of_one_name_are_two_documents(pipeline_with: PipelineWith, tmp_path: Path) -> None:
    pipeline = pipeline_with({"trains.txt": TRAINS})
    other = tmp_path / "elsewhere" / "trains.txt"
    other.parent.mkdir()
    other.write_text("Day Trains\n\nThe day train never stops.", encoding="utf-8")
    (added,) = pipeline.add([other])
    assert (added.outcome, added.document != "trains") == ("added", True)
    assert {d.title for d in pipeline.library.documents()} == {"Night Trains", "Day Trains"}


def test_a_renamed_file_is_not_read_again_and_its_document_follows_it(pipeline_with: PipelineWith, tmp_path: Path) -> None:
    pipeline = pipeline_with({"trains.txt": TRAINS})
    before = pipeline.document("trains")
    moved = tmp_path / "reports-0" / "later" / "night.txt"
    moved.parent.mkdir()
    (tmp_path / "reports-0" / "trains.txt").rename(moved)
    pipeline.models.embedder.encode = None  # type: ignore[method-assign,assignment]
    (added,) = pipeline.add([tmp_path / "reports-0"])
    assert (added.path, added.outcome, added.document) == (moved, "unchanged", "trains")
    (document,) = pipeline.library.documents()
    assert (document.path, document.file) == (moved, "night.txt")
    assert pipeline.document("trains") == replace(before, file="night.txt")
    assert pipeline.gone([tmp_path / "reports-0"]) == []


def test_a_copy_of_a_file_is_unchanged_until_it_says_something_else(pipeline_with: PipelineWith, tmp_path: Path) -> None:
    pipeline = pipeline_with({"trains.txt": TRAINS, "zebra.txt": TRAINS})
    (document,) = pipeline.library.documents()
    assert document.path == tmp_path / "reports-0" / "trains.txt"
    (tmp_path / "reports-0" / "zebra.txt").write_text(TRAINS.replace("nine", "ten"), encoding="utf-8")
    assert [added.outcome for added in pipeline.add([tmp_path / "reports-0"])] == ["unchanged", "added"]


def test_a_file_that_takes_the_content_of_another_has_it_in_the_library(pipeline_with: PipelineWith, tmp_path: Path) -> None:
    pipeline = pipeline_with({"harbour.txt": HARBOUR, "trains.txt": TRAINS})
    (tmp_path / "reports-0" / "harbour.txt").write_text(TRAINS, encoding="utf-8")
    assert [added.outcome for added in pipeline.add([tmp_path / "reports-0"])] == ["replaced", "unchanged"]
    assert pipeline.document("harbour").title == pipeline.document("trains").title == "Night Trains"


def test_what_was_uploaded_is_never_gone_and_follows_no_file(pipeline_with: PipelineWith, tmp_path: Path) -> None:
    pipeline = pipeline_with({"harbour.txt": HARBOUR})
    path = tmp_path / "trains.txt"
    path.write_text(TRAINS, encoding="utf-8")
    pipeline.add_document(read_document(path), UPLOADED / "trains.txt")
    assert [added.outcome for added in pipeline.add([path])] == ["unchanged"]
    assert [d.path for d in pipeline.library.documents() if d.name == "trains"] == [UPLOADED / "trains.txt"]
    assert pipeline.gone([Path("/")]) == []


def test_a_file_that_cannot_be_looked_for_is_not_gone(pipeline_with: PipelineWith, tmp_path: Path) -> None:
    pipeline = pipeline_with({"trains.txt": TRAINS})
    document = pipeline.document("trains")
    pipeline.add_document(replace(document, name="a"), tmp_path / f"{'x' * 300}.txt")  # the system refuses to look for it
    pipeline.add_document(replace(document, name="b"), tmp_path / "x.txt")
    assert [d.name for d in pipeline.gone([tmp_path])] == ["b"]


def test_folders_are_searched_for_reports_and_hidden_files_left_out(tmp_path: Path) -> None:
    for name in ("b/two.md", "one.txt", ".hidden/three.txt", ".four.txt", "picture.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    assert find_files([tmp_path, tmp_path / "one.txt"]) == [tmp_path / "b/two.md", tmp_path / "one.txt"]
    with pytest.raises(UsageError, match=r"no file or folder.*nowhere"):
        find_files([tmp_path / "nowhere"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="No reports were found"):
        find_files([tmp_path / "empty"])


@pytest.mark.parametrize("question", ["", "   ", "?!", "x" * (MAX_QUESTION + 1)])
def test_a_question_that_is_none_is_refused(question: str) -> None:
    with pytest.raises(UsageError):
        checked(question)


def test_the_status_names_what_is_there(pipeline_with: PipelineWith) -> None:
    status = pipeline_with({"trains.txt": TRAINS}).status()
    assert (status["documents"], status["passages"], status["embedding_model"], status["language_model"]) == (
        1,
        1,
        "words",
        "none",
    )
    assert int(status["bytes"]) > 0


def test_fakes_speak_the_models_protocol() -> None:
    assert FakeModels().chat is None
    assert FakeModels("Yes.").chat_name == "scripted"
