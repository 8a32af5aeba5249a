"""The Model Context Protocol, by its own client.

Within the process, over HTTP, and over standard input and output.
"""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from fakes import EndlessModel, ServiceWith
from mcp import Client, MCPError, StdioServerParameters
from served import GRAIN, QUESTION, QUOTE, SAID, serving

from rag.http.mcp import make_server


def run(server: Any, talk: Callable[[Client], Awaitable[None]]) -> None:
    async def talked() -> None:
        async with Client(server) as client:
            await talk(client)

    asyncio.run(talked())


async def talk(client: Client) -> None:
    """What an assistant does.

    It looks at what there is, searches, asks, and reads the words an answer rests on.
    """
    tools = await client.list_tools()
    assert [tool.name for tool in tools.tools] == ["search", "ask", "read_passage"]
    assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools.tools)
    found = await client.call_tool("search", {"question": QUESTION, "k": 1})
    assert found.structured_content is not None
    assert [hit["text"] for hit in found.structured_content["hits"]] == [QUOTE]
    answer = (await client.call_tool("ask", {"question": QUESTION})).structured_content
    assert answer is not None
    assert answer["answer"] == f"{SAID}[1]"
    (citation,) = answer["citations"]
    span = {key: citation[key] for key in ("document", "start", "end")}
    passage = (await client.call_tool("read_passage", span)).structured_content
    assert passage is not None
    assert passage["text"] == citation["quote"] == QUOTE
    resources = await client.list_resources()
    assert [(r.name, str(r.uri)) for r in resources.resources] == [
        ("north", "rag://documents/north"),
        ("south", "rag://documents/south"),
    ]
    read = await client.read_resource("rag://documents/north")
    assert QUOTE in read.contents[0].text  # type: ignore[union-attr]


def test_an_assistant_searches_asks_and_reads_over_http(service_with: ServiceWith) -> None:
    with serving(service_with({"grain": GRAIN}, SAID)) as url:
        run(f"{url}/mcp", talk)


def test_an_assistant_searches_asks_and_reads_over_standard_input_and_output(
    service_with: ServiceWith, tmp_path: Path
) -> None:
    service_with({"grain": GRAIN})
    faked = (
        "from rag.cli.main import main; from fakes import FakeModels;"
        f"main(['mcp', '--library', 'grain'], lambda _: FakeModels({SAID!r}))"
    )
    tests = Path(__file__).parent
    paths = f"{tests / 'helpers'}{os.pathsep}{tests.parent}"
    environment = {"RAG_INDEXES": str(tmp_path / "indexes"), "PYTHONPATH": paths}
    run(StdioServerParameters(command=sys.executable, args=["-c", faked], env=environment), talk)


def test_what_is_wrong_is_said_in_the_sentence_of_the_error(service_with: ServiceWith) -> None:
    async def wrong(client: Client) -> None:
        passage = await client.call_tool("read_passage", {"document": "nort"})
        assert passage.is_error
        assert (
            "There is no document 'nort' in the library 'grain'; did you mean 'north'?"
            in passage.content[0].text
        )  # type: ignore[union-attr]
        question = await client.call_tool("search", {"question": "?"})
        assert question.is_error
        with pytest.raises(MCPError):
            await client.read_resource("rag://documents/nothing")
        with pytest.raises(MCPError):
            await client.read_resource("rag://documents/..%2f..%2fetc%2fpasswd")

    run(make_server(service_with({"grain": GRAIN})), wrong)


def test_a_reading_ends_where_the_text_does(service_with: ServiceWith) -> None:
    async def read(client: Client) -> None:
        async def span(start: int, end: int) -> tuple[int, int, str]:
            read = (
                await client.call_tool(
                    "read_passage", {"document": "north", "start": start, "end": end}
                )
            ).structured_content
            assert read is not None
            return read["start"], read["end"], read["text"]

        assert await span(0, 8) == (0, 8, "Northern")
        assert (await span(9, 10**9))[2].startswith("Trade")
        assert await span(10**9, 10**9) == (10**9, 10**9, "")

    run(make_server(service_with({"grain": GRAIN})), read)


def test_another_site_cannot_talk_to_it(service_with: ServiceWith) -> None:
    import httpx

    with serving(service_with({"grain": GRAIN})) as url:
        assert (
            httpx.post(
                f"{url}/mcp", json={}, headers={"origin": "http://elsewhere.example"}
            ).status_code
            == 403
        )
        assert (
            httpx.post(f"{url}/mcp", json={}, headers={"host": "elsewhere.example"}).status_code
            == 421
        )


@pytest.mark.parametrize("over_http", [False, True])
def test_an_ask_that_is_cancelled_stops_the_model(
    service_with: ServiceWith, over_http: bool
) -> None:
    model = EndlessModel(SAID)
    service = service_with({"grain": GRAIN}, chat=model)

    async def cancelled(client: Client) -> None:
        asked = asyncio.create_task(client.call_tool("ask", {"question": QUESTION}))
        assert await asyncio.to_thread(model.started.wait, 10)
        asked.cancel()
        assert await asyncio.to_thread(model.stopped.wait, 10)
        assert (await client.call_tool("read_passage", {"document": "north"})).structured_content, (
            "the server goes on"
        )

    with serving(service) if over_http else nullcontext(make_server(service)) as server:
        run(f"{server}/mcp" if over_http else server, cancelled)
    service.close()
