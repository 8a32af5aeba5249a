"""The API in OpenAI's form, by OpenAI's own client."""

import base64
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import openai
import pytest
from fakes import ServiceWith, WordsEmbedder, words
from served import GRAIN, QUESTION, QUOTE, SAID, serving


@pytest.fixture
def assistant(service_with: ServiceWith) -> Iterator[openai.OpenAI]:
    """OpenAI's client of a server whose model has one good sentence to say, three times."""
    wool = {"west.txt": "Western Trade\n\nWool fell by 5 percent."}
    service = service_with({"grain": GRAIN, "wool": wool}, *[SAID] * 3)
    with (
        serving(service) as url,
        openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as assistant,
    ):
        yield assistant


def test_openais_client_gets_an_answer_with_footnotes_and_annotations(
    assistant: openai.OpenAI,
) -> None:
    done = assistant.chat.completions.create(
        model="rag", messages=[{"role": "user", "content": QUESTION}], temperature=0
    )
    message = done.choices[0].message
    assert message.content is not None
    assert message.content.startswith(f'{SAID}[1]\n\n[1] "{QUOTE}"\n')
    (annotation,) = [a.to_dict() for a in message.annotations or []]
    cited = annotation["url_citation"]
    assert message.content[cited["start_index"] : cited["end_index"]] == "[1]"
    assert (annotation["quote"], annotation["document"], cited["title"]) == (
        QUOTE,
        "north",
        "Northern Trade",
    )
    assert httpx.get(cited["url"]).json()["text"][annotation["start"] :].startswith(QUOTE)


def test_the_pieces_openais_client_gets_are_the_whole_answer(assistant: openai.OpenAI) -> None:
    stream = assistant.chat.completions.create(
        model="grain", messages=[{"role": "user", "content": QUESTION}], stream=True
    )
    chunks = [chunk.choices[0] for chunk in stream]
    assert [c.delta.content for c in chunks][:2] == ["", f"{SAID}[1]"]
    assert "".join(c.delta.content or "" for c in chunks).startswith(
        f'{SAID}[1]\n\n[1] "{QUOTE}"\n'
    )
    assert chunks[-1].finish_reason == "stop"


def test_a_question_leans_on_the_one_before_it(assistant: openai.OpenAI) -> None:
    def said(*messages: Any) -> str:
        done = assistant.chat.completions.create(model="wool", messages=messages)
        return str(done.choices[0].message.content)

    before = [
        {"role": "user", "content": "wool fell by percent"},
        {"role": "assistant", "content": "Yes."},
    ]
    follow_up = {"role": "user", "content": "fell"}
    assert said(*before, follow_up).startswith("Wool fell by 5 percent.[1]")


def test_openais_client_hears_what_is_wrong(assistant: openai.OpenAI) -> None:
    assert [model.id for model in assistant.models.list()] == ["rag", "grain", "wool"]
    with pytest.raises(openai.UnprocessableEntityError, match="not the user's"):
        assistant.chat.completions.create(
            model="rag", messages=[{"role": "system", "content": "wool"}]
        )


def test_any_name_of_a_model_is_answered_with_a_warning(assistant: openai.OpenAI) -> None:
    asked: Any = {"messages": [{"role": "user", "content": QUESTION}]}
    done = assistant.chat.completions.create(model="gpt-4o", **asked)
    assert str(done.choices[0].message.content).startswith(f"{SAID}[1]")
    assert done.model == "gpt-4o"
    assert done.to_dict()["warning"] == "There is no library 'gpt-4o', so 'grain' was asked."
    assert "warning" not in assistant.chat.completions.create(model="grain", **asked).to_dict()


def test_usage_counts_the_words_of_messages_and_answer(assistant: openai.OpenAI) -> None:
    """The embedder of these tests counts words."""
    asked: Any = {
        "model": "rag",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": QUESTION},
        ],
    }
    done = assistant.chat.completions.create(**asked)
    assert done.usage
    assert done.usage.prompt_tokens == len(words(QUESTION)) + 2
    assert done.usage.completion_tokens == len(words(str(done.choices[0].message.content)))
    assert done.usage.total_tokens == done.usage.prompt_tokens + done.usage.completion_tokens
    streamed = assistant.chat.completions.create(
        **asked, stream=True, stream_options={"include_usage": True}
    )
    *_, last = streamed
    assert last.choices == []
    assert last.usage == done.usage


def test_a_response_has_the_answer_its_citations_and_its_usage(assistant: openai.OpenAI) -> None:
    done = assistant.responses.create(model="rag", input=QUESTION)
    assert done.output_text.startswith(f'{SAID}[1]\n\n[1] "{QUOTE}"\n')
    (content,) = done.output[0].content  # type: ignore[union-attr,misc]
    (cited,) = (note.to_dict() for note in content.annotations)  # type: ignore[union-attr]
    assert done.output_text[cited["start_index"] : cited["end_index"]] == "[1]"
    assert cited["quote"] == QUOTE
    assert httpx.get(cited["url"]).status_code == 200
    assert done.usage
    assert done.usage.total_tokens == done.usage.input_tokens + done.usage.output_tokens


def test_the_events_of_a_response_are_the_whole_of_it(assistant: openai.OpenAI) -> None:
    with assistant.responses.stream(model="rag", input=QUESTION) as stream:
        events = list(stream)
        whole = stream.get_final_response()
    assert events[0].type == "response.created"
    assert events[-1].type == "response.completed"
    pieces = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert pieces[0] == f"{SAID}[1]"
    assert "".join(pieces) == whole.output_text
    assert [event.sequence_number for event in events] == list(range(len(events)))


def test_a_response_takes_a_conversation_and_refuses_to_go_on_with_what_was_not_kept(
    assistant: openai.OpenAI,
) -> None:
    turns: Any = [
        {"role": "user", "content": "wool fell by percent"},
        {"role": "assistant", "content": "Yes."},
        {"role": "user", "content": [{"type": "input_text", "text": "fell"}]},
    ]
    done = assistant.responses.create(model="wool", input=turns)
    assert done.output_text.startswith("Wool fell by 5 percent.[1]")
    with pytest.raises(openai.UnprocessableEntityError, match="keeps no responses"):
        assistant.responses.create(model="rag", input="wool", previous_response_id=done.id)
    with pytest.raises(openai.UnprocessableEntityError, match="question is empty"):
        assistant.responses.create(model="rag", input=" ", stream=True)


@pytest.mark.parametrize("encoding", ["base64", "float"])
def test_embeddings_are_those_of_the_search(encoding: Any, assistant: openai.OpenAI) -> None:
    texts = ["Trade in grain", "wool"]
    made = assistant.embeddings.create(model="any", input=texts, encoding_format=encoding)
    expected = WordsEmbedder().encode(texts)
    assert made.model == "words"
    assert made.usage.total_tokens == 4
    for number, row in enumerate(made.data):
        vector: Any = row.embedding
        if isinstance(vector, str):  # as it was asked for
            vector = np.frombuffer(base64.b64decode(vector), "<f4")
        assert np.allclose(vector, expected[number])
    with pytest.raises(openai.UnprocessableEntityError):
        assistant.embeddings.create(model="any", input=[])
