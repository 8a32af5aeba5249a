import json
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import FakeModels, PipelineWith, ScriptedModel
from libraries import SHORT_HARBOUR as HARBOUR
from libraries import TRAINS

from rag.answering.understand import check_question
from rag.config import MAX_QUESTION, Settings
from rag.errors import UsageError
from rag.models.registry import Models
from rag.pipeline import Pipeline
from rag.render.json import answer_json
from rag.types import Answer, Filter, Found, Sentence, Turn


def answer_of(events: list[object]) -> Answer:
    assert isinstance(events[-1], Answer)
    return events[-1]


def test_passages_are_hits_in_the_order_that_reading_them_gives(
    pipeline_with: PipelineWith,
) -> None:
    texts = {
        f"{n}.txt": f"Report {n}\n\nThe night train is a train of the night. It is number {n}."
        for n in range(9)
    }
    answer = (
        "The Answer\n\nNobody knows the reason. The night train to Brennau stops seventeen times at"
        " places without a name."
    )
    pipeline = pipeline_with({**texts, "answer.txt": answer})
    question = "How often does the night train stop at places without a name?"
    found, read = pipeline.search(question, 3), pipeline.passages(question, 3)
    assert len(found) == len(read) == 3
    assert read[0].chunk.document == "answer"
    assert pipeline.ask(question).hits[:3] == read


def test_the_dial_decides_how_sure_an_answer_must_be(pipeline_with: PipelineWith) -> None:
    pipeline = pipeline_with({"harbour.txt": HARBOUR})
    question = "What has the harbour authority paid for dredging?"
    best = pipeline.read(question, pipeline.search(question))[1][0]
    assert not pipeline.ask(question, certainty=best.score).abstained
    assert pipeline.ask(question, certainty=min(1.0, best.score + 0.001)).abstained
    assert not pipeline.ask("Who ate the cheese?", certainty=0).abstained


def test_the_statements_of_a_text_are_checked_against_the_library(
    pipeline_with: PipelineWith,
) -> None:
    pipeline = pipeline_with({"harbour.txt": HARBOUR, "trains.txt": TRAINS})
    told, invented = (
        "The harbour authority paid 12 million crowns.",
        "The harbour authority paid 99 million crowns.",
    )
    sentences, citations = pipeline.check(f"{told} {invented}\n\n[1] A footnote.")
    assert [(s.text, s.verdict, s.reason) for s in sentences] == [
        (told, "supported", ""),
        (invented, "unsupported", "not in the sources: 99"),
    ]
    assert [c.quote for c in citations] == [
        "The harbour authority paid 12 million crowns for dredging."
    ]


def test_an_exported_answer_holds_as_long_as_its_quotes_do(
    pipeline_with: PipelineWith, tmp_path: Path
) -> None:
    pipeline = pipeline_with({"harbour.txt": HARBOUR, "trains.txt": TRAINS})
    exported = json.dumps(answer_json(pipeline.ask("How often stops the night train to Brennau?")))
    assert {s.verdict for s in pipeline.check(exported)[0]} == {"supported"}
    longer = TRAINS.replace("The night train", "At last there is news. The night train")
    (tmp_path / "reports-0" / "trains.txt").write_text(longer, encoding="utf-8")
    list(pipeline.add([tmp_path / "reports-0"]))
    assert {s.verdict for s in pipeline.check(exported)[0]} == {"supported"}, (
        "the words are still there, elsewhere"
    )
    (tmp_path / "reports-0" / "trains.txt").write_text(
        TRAINS.replace("seventeen", "three"), encoding="utf-8"
    )
    list(pipeline.add([tmp_path / "reports-0"]))
    assert {s.reason for s in pipeline.check(exported)[0]} == {
        "the quoted words do not stand in 'trains'"
    }
    pipeline.library.remove("trains")
    assert {s.reason for s in pipeline.check(exported)[0]} == {"'trains' is not in the library"}


def test_a_quoted_opinion_is_reported_with_its_speaker(pipeline_with: PipelineWith) -> None:
    report = (
        'The Harbour Report\n\nAda Holm wrote:\n\n"The silt that we dredge in May returns to the'
        ' harbour every winter."'
    )
    answer = pipeline_with({"harbour.txt": report}, " The silt returns every winter.").ask(
        "When does the silt return?"
    )
    assert answer.answer == "According to Ada Holm, the silt returns every winter.[1]"


def test_an_answer_streams_hits_first_then_sentences_then_the_whole(
    pipeline_with: PipelineWith,
) -> None:
    pipeline = pipeline_with(
        {"harbour.txt": HARBOUR, "trains.txt": TRAINS},
        " The harbour authority paid 12 million crowns.[1]",
    )
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
    assert (citation.section, citation.note and citation.note.text) == (
        "Dredging",
        "Annual accounts, 3 March 2024.",
    )
    assert isinstance(events[0], Found)
    assert events[0].hits[0].chunk.document == "harbour"


def test_what_the_model_invents_is_not_shown_but_the_best_sentence_is(
    pipeline_with: PipelineWith,
) -> None:
    pipeline = pipeline_with(
        {"harbour.txt": HARBOUR}, " The harbour authority paid 99 million crowns for dredging.[1]"
    )
    answer = pipeline.ask("What has the harbour authority paid for dredging?")
    assert answer.mode == "extractive"
    assert answer.answer.startswith("The harbour authority paid 12 million crowns for dredging.[1]")
    assert "99" not in answer.answer


def completing(pipeline: Pipeline) -> Pipeline:
    """The pipeline with a model that completes texts, and so only restates a short answer."""
    chat = pipeline.models.chat
    assert isinstance(chat, ScriptedModel)
    chat.follows_instructions = False
    return pipeline


def test_a_model_that_completes_puts_the_short_answer_into_a_sentence(
    pipeline_with: PipelineWith,
) -> None:
    reply = " The night train stops in Brennau seventeen times."
    pipeline = completing(pipeline_with({"trains.txt": TRAINS}, reply))
    answer = pipeline.ask("How often stops the night train in Brennau?")
    assert (answer.answer, answer.mode) == (f"{reply.strip()}[1]", "generated")
    (citation,) = answer.citations
    assert citation.quote == "The night train to Brennau stops seventeen times."
    assert citation.focus
    text = pipeline.document("trains").text
    assert text[citation.focus.start : citation.focus.end] == "seventeen times"
    assert isinstance(pipeline.models.chat, ScriptedModel)
    (prompt,) = pipeline.models.chat.prompts
    assert prompt.text.endswith(
        "Question: How often stops the night train in Brennau?\nAnswer: seventeen times\nSentence:"
    )


@pytest.mark.parametrize(
    "reply",
    [
        " The night train to Brennau stops at nine.",  # the short answer is lost
        " The night train to Brennau never stops seventeen times.",  # denied
        " The old night train to Brennau stops seventeen times.",  # "old" stands nowhere
        " The night train to Brennau stops seventeen times. It leaves at nine.",  # more than one
        " Seventeen times.",  # no sentence that says of what
        " ",
    ],
)
def test_where_a_restatement_does_not_hold_the_sentence_itself_answers(
    pipeline_with: PipelineWith, reply: str
) -> None:
    answer = completing(pipeline_with({"trains.txt": TRAINS}, reply)).ask(
        "How often stops the night train to Brennau?"
    )
    assert (answer.mode, answer.answer) == (
        "extractive",
        "The night train to Brennau stops seventeen times.[1]",
    )


def test_an_opinion_stays_its_speakers(pipeline_with: PipelineWith) -> None:
    answer = pipeline_with({"harbour.txt": HARBOUR}).ask("What returns every winter?")
    assert answer.answer == "Ada Holm: “The silt returns every winter.”[1]"
    assert (
        answer.citations[0].speaker,
        answer.citations[0].note and answer.citations[0].note.number,
    ) == ("Ada Holm", "2")


def test_it_abstains_where_no_sentence_answers_and_asks_no_model(
    pipeline_with: PipelineWith,
) -> None:
    pipeline = pipeline_with({"harbour.txt": HARBOUR}, " Never said.")
    answer = pipeline.ask("Which painter decorated the Sistine Chapel ceiling?")
    assert (answer.abstained, answer.answer, answer.sentences, answer.citations) == (
        True,
        "",
        (),
        (),
    )
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
    history = [
        Turn("user", "the night train to Brennau"),
        Turn("assistant", "The silt returns every winter."),
    ]
    assert pipeline.search("how many times?", history=history)[0].chunk.document == "trains"


def test_a_model_is_asked_a_follow_up_as_it_was_understood_and_answers_that(
    pipeline_with: PipelineWith,
) -> None:
    report = (
        "Sand\n\nThe port paid 12 million crowns in 2021. The port paid 15 million crowns in 2022."
    )
    pipeline = pipeline_with({"sand.txt": report}, " The port paid 15 million crowns in 2022.")
    history = [
        Turn("user", "How much has the port paid in 2021?"),
        Turn("assistant", "A great deal."),
    ]
    answer = pipeline.ask("And the year after, in 2022?", history)
    assert answer.sentences[0].text == "The port paid 15 million crowns in 2022."
    assert isinstance(pipeline.models.chat, ScriptedModel)
    (prompt,) = pipeline.models.chat.prompts
    assert "How much has the port paid in 2022?" in prompt.user
    assert "A great deal." not in prompt.user


@pytest.mark.parametrize(
    ("limit", "value"), [("grounded._MAX_ANSWER_TOKENS", 7), ("generate._PATIENCE", -1.0)]
)
def test_a_sentence_that_a_limit_cuts_off_is_not_taken_for_a_whole_one(
    limit: str, value: float, pipeline_with: PipelineWith, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"rag.answering.{limit}", value)
    pipeline = pipeline_with(
        {"harbour.txt": HARBOUR}, "The harbour authority paid 12 million crowns every year."
    )
    assert pipeline.ask("What has the harbour authority paid for dredging?").mode == "extractive"


def test_a_report_that_tells_otherwise_is_quoted_behind_what_the_model_writes(
    pipeline_with: PipelineWith,
) -> None:
    other = "The Other Report\n\nThe harbour authority paid 15 million crowns."
    pipeline = pipeline_with(
        {"harbour.txt": HARBOUR, "other.txt": other},
        " The harbour authority paid 12 million crowns.",
    )
    answer = pipeline.ask("How many crowns has the harbour authority paid?")
    assert answer.mode == "generated"
    assert {c.document for c in answer.citations} == {"harbour", "other"}
    assert answer.answer.endswith(
        "The Other Report says otherwise: The harbour authority paid 15 million crowns.[2]"
    )


def test_the_words_of_somebody_are_no_statement_of_the_report(pipeline_with: PipelineWith) -> None:
    pipeline = pipeline_with({"harbour.txt": HARBOUR})
    (opinion, said), _ = pipeline.check(
        "The silt returns every winter. According to Ada Holm, the silt returns every winter."
    )
    assert (opinion.verdict, said.verdict) == ("partly", "supported")
    assert opinion.reason == "these are the words of Ada Holm, who is not named"


def test_a_phrase_of_an_earlier_question_does_not_bind_the_next(
    pipeline_with: PipelineWith,
) -> None:
    pipeline = pipeline_with({"harbour.txt": HARBOUR, "trains.txt": TRAINS})
    history = [Turn("user", "“The silt returns every winter”")]
    assert {hit.chunk.document for hit in pipeline.search("night train", history=history)} == {
        "harbour",
        "trains",
    }
    assert {hit.chunk.document for hit in pipeline.search("“The silt returns every winter”")} == {
        "harbour"
    }


def test_a_filter_holds_for_hits_and_answers(pipeline_with: PipelineWith) -> None:
    pipeline = pipeline_with({"harbour.txt": HARBOUR, "trains.txt": TRAINS})
    question = "What returns every winter?"
    (hit,) = pipeline.search(question, only=Filter(speaker="holm"))
    assert "walks back" in hit.chunk.text
    assert not pipeline.ask(
        question, only=Filter(documents=("harbour",), after="2024-05", section="dredging")
    ).abstained
    for only in (Filter(documents=("trains",)), Filter(before="2024-04"), Filter(speaker="nobody")):
        assert pipeline.ask(question, only=only).abstained
    with pytest.raises(UsageError, match="did you mean 'trains'"):
        pipeline.ask(question, only=Filter(documents=("train",)))


@pytest.mark.parametrize("question", ["", "   ", "?!", "x" * (MAX_QUESTION + 1)])
def test_a_question_that_is_none_is_refused(question: str) -> None:
    with pytest.raises(UsageError):
        check_question(question)


def test_the_status_names_what_is_there(pipeline_with: PipelineWith) -> None:
    status = pipeline_with({"trains.txt": TRAINS}).status()
    assert (
        status["documents"],
        status["passages"],
        status["embedding_model"],
        status["language_model"],
    ) == (
        1,
        1,
        "words",
        "none",
    )
    assert int(status["bytes"]) > 0


def test_the_language_model_is_named_with_its_adapter(tmp_path: Path) -> None:
    settings = Settings(
        tmp_path, "reports", model=None, embeddings="", generate=True, adapter=Path("tone.gguf")
    )
    assert Models(settings).chat_name == "gemma-3-270m-q4_k_m + tone"
    assert Models(replace(settings, adapter=None)).chat_name == "gemma-3-270m-q4_k_m"
    assert Models(replace(settings, generate=False)).chat_name == "none"


def test_fakes_speak_the_models_protocol() -> None:
    assert FakeModels().chat is None
    assert FakeModels("Yes.").chat_name == "scripted"


def test_what_an_answer_had_said_when_it_was_stopped_is_kept_with_its_proof(
    pipeline_with: PipelineWith,
) -> None:
    told = "Trade in grain rose by 30 percent in May."
    pipeline = pipeline_with({"north.txt": f"Northern Trade\n\n{told} Nobody came."})
    said = [
        Sentence(told, "supported", (1,)),
        Sentence("The moon is made of green cheese.", "supported", (1,)),
    ]
    answer = pipeline.finish("What rose?", said, ())
    assert answer is not None
    assert [sentence.text for sentence in answer.sentences] == [told]
    assert [citation.quote for citation in answer.citations] == [told]
    assert answer.notes == ("Stopped before the end of the answer.",)
    assert pipeline.finish("What rose?", said[1:], ()) is None
