"""How `rag serve` bears many users.

Its overhead, its searches while it generates, and two minutes of fifty users.

    python tests/benchmarks/load.py [--users 50] [--seconds 120] [--chunks 10000]

A server of its own process answers over a generated library. Each user asks one question after the
other, four searches to an answer, and waits as Retry-After says. Exit code 1: an error other than
429 or 503, or an answer to a question of another.
"""

import argparse
import asyncio
import os
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from statistics import mean, median, quantiles
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from rag.config import Settings
from rag.evaluation.synthetic import PARAGRAPHS, Reports
from rag.library.folders import library_folder
from rag.library.store import Library
from rag.models.registry import Models
from rag.pipeline import Pipeline

SEARCHES = 4  # of a user, to one answer
ALONE = 16  # searches of one client, for each figure
LONGEST_WAIT = 5.0  # seconds that a refused user waits


@dataclass(slots=True)
class Load:
    """What came of the users' requests."""

    statuses: Counter[str] = field(default_factory=Counter)
    foreign: int = 0  # answers to a question that was not the user's
    searches: list[float] = field(default_factory=list)  # seconds
    answers: list[float] = field(default_factory=list)
    resident: list[float] = field(default_factory=list)  # MB, each second

    @property
    def errors(self) -> int:
        return sum(
            count for status, count in self.statuses.items() if status not in ("200", "429", "503")
        )


def p95(values: list[float]) -> float:
    return quantiles(values, n=20)[-1]


def ms(values: list[float]) -> str:
    return (
        f"p50 {1000 * median(values):7.0f} ms   p95 {1000 * p95(values):7.0f} ms"
        if len(values) > 1
        else "too few"
    )


def resident(pid: int) -> float:
    """MB of memory of a process, where the system tells."""
    try:
        return (
            int(Path(f"/proc/{pid}/statm").read_text().split()[1])
            * os.sysconf("SC_PAGE_SIZE")
            / 1e6
        )
    except OSError:
        return 0.0


async def asked(client: httpx.AsyncClient, load: Load, question: str, path: str) -> None:
    """One question of a user, and what came of it."""
    started = time.perf_counter()
    try:
        response = await client.post(path, json={"question": question})
    except httpx.TransportError as error:
        load.statuses[type(error).__name__] += 1
        return
    load.statuses[str(response.status_code)] += 1
    if response.status_code == 200:
        answering = path == "/v1/ask"
        (load.answers if answering else load.searches).append(time.perf_counter() - started)
        if answering:
            load.foreign += response.json()["question"] != question
    elif response.status_code in (429, 503):
        await asyncio.sleep(min(LONGEST_WAIT, float(response.headers["retry-after"])))


async def user(
    client: httpx.AsyncClient, load: Load, number: int, until: float, question: Callable[[int], str]
) -> None:
    turn = 0
    while time.perf_counter() < until:
        turn += 1
        own = f"{question(1 + (7 * number + turn) % 80)} {number} {turn}"  # no two are the same
        await asked(client, load, own, "/v1/search" if turn % (SEARCHES + 1) else "/v1/ask")


async def crowd(
    url: str, pid: int, users: int, seconds: float, question: Callable[[int], str]
) -> Load:
    """What comes of so many users in so many seconds."""
    load, until = Load(), time.perf_counter() + seconds
    limits = httpx.Limits(max_connections=users)
    async with httpx.AsyncClient(base_url=url, timeout=180, limits=limits) as client:
        tasks = [
            asyncio.create_task(user(client, load, number, until, question))
            for number in range(users)
        ]
        while time.perf_counter() < until:
            load.resident.append(resident(pid))
            await asyncio.sleep(1)
        await asyncio.gather(*tasks)
    return load


async def searches(
    url: str, clients: int, question: Callable[[int], str]
) -> tuple[float, list[float]]:
    """Searches a second of so many clients, and the seconds of each."""
    spent: list[float] = []

    async def one(client: httpx.AsyncClient, number: int) -> None:
        for turn in range(ALONE // clients or 1):
            started = time.perf_counter()
            (
                await client.post(
                    "/v1/search", json={"question": question(1 + (number * 5 + turn) % 80)}
                )
            ).raise_for_status()
            spent.append(time.perf_counter() - started)

    async with httpx.AsyncClient(base_url=url, timeout=180) as client:
        started = time.perf_counter()
        await asyncio.gather(*(one(client, number) for number in range(clients)))
        return len(spent) / (time.perf_counter() - started), spent


async def first_events(url: str, question: Callable[[int], str], count: int = 6) -> list[float]:
    """Seconds to the first event of an answer."""
    spent = []
    async with httpx.AsyncClient(
        base_url=url, timeout=180, headers={"accept": "text/event-stream"}
    ) as client:
        for number in range(1, count + 1):
            started = time.perf_counter()
            async with client.stream(
                "POST", "/v1/ask", json={"question": question(number)}
            ) as response:
                await anext(response.aiter_bytes())
                spent.append(time.perf_counter() - started)
    return spent


async def while_generating(
    url: str, question: Callable[[int], str], work: Callable[[], Awaitable[Any]]
) -> Any:
    """What the work gives while the server answers one question after the other."""

    async def ask() -> None:
        async with httpx.AsyncClient(base_url=url, timeout=180) as client:
            for number in range(1, 10_000):
                await client.post("/v1/ask", json={"question": question(number), "certainty": 0})

    asking = asyncio.create_task(ask())
    done = await work()
    asking.cancel()
    return done


def serve(settings: Settings) -> tuple[subprocess.Popen[bytes], str]:
    """A server over the library, ready, and its URL."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    command = [
        sys.executable,
        "-m",
        "rag",
        "serve",
        "--no-token",
        "--library",
        settings.library,
        "--port",
        url.rpartition(":")[2],
    ]
    environment = {**os.environ, "RAG_INDEXES": str(settings.indexes)}
    server = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    while server.poll() is None:
        try:
            if httpx.get(f"{url}/ready", timeout=10).status_code == 200:
                return server, url
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise SystemExit("the server does not start")


def main() -> int:
    parser = argparse.ArgumentParser(description="How rag serve bears many users.")
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--chunks", type=int, default=10_000)
    options = parser.parse_args()
    with TemporaryDirectory() as name:
        settings = Settings(
            Path(name) / "indexes", "load", model=None, embeddings="", generate=True
        )
        with Pipeline(settings, Models(settings)) as pipeline:
            embedder = pipeline.models.embedder
            reports = Reports(embedder.dimension)
            place = library_folder(settings.indexes, settings.library)
            with Library.open(
                place, embedder=embedder.name, dimension=embedder.dimension, create=True
            ) as library:
                for document, made, vectors in islice(
                    reports.documents(), -(-options.chunks // PARAGRAPHS)
                ):
                    library.add(document, made, vectors, Path("/generated") / document.file)
                library.optimize()
            server, url = serve(settings)
            try:
                return measured(
                    pipeline, url, server.pid, lambda number: reports.question(number)[0], options
                )
            finally:
                server.terminate()
                server.wait(20)


def measured(
    pipeline: Pipeline,
    url: str,
    pid: int,
    question: Callable[[int], str],
    options: argparse.Namespace,
) -> int:
    """Print the figures; the exit code."""
    asyncio.run(searches(url, 1, question))  # warms everything up
    direct, over_http = [], []
    for number in range(1, ALONE + 1):  # in turns
        started = time.perf_counter()
        pipeline.passages(question(number))
        direct.append(time.perf_counter() - started)
        started = time.perf_counter()
        httpx.post(
            f"{url}/v1/search", json={"question": question(number)}, timeout=60
        ).raise_for_status()
        over_http.append(time.perf_counter() - started)
    print(f"search, Python API                 {ms(direct)}")
    print(
        f"search, HTTP, in turns             {ms(over_http)}   ratio "
        f"{median(over_http) / median(direct):.2f}"
    )
    rate, rest = asyncio.run(searches(url, 1, question))
    print(f"search, 1 client at rest           {ms(rest)}   {rate:.1f} requests/s")
    rate, spent = asyncio.run(searches(url, 8, question))
    print(f"search, 8 clients at rest          {ms(spent)}   {rate:.1f} requests/s")
    _, busy = asyncio.run(while_generating(url, question, lambda: searches(url, 1, question)))
    print(
        f"search, 1 client while generating  {ms(busy)}   p95 is {p95(busy) / p95(rest):.2f} "
        "times that at rest"
    )
    print(f"ask, first event                   {ms(asyncio.run(first_events(url, question)))}")
    load = asyncio.run(crowd(url, pid, options.users, options.seconds, question))
    quarter = max(1, len(load.resident) // 4)
    first, last = mean(load.resident[:quarter]), mean(load.resident[-quarter:])
    print(f"{options.users} users, {options.seconds:.0f} s: {dict(load.statuses)}")
    print(f"  errors {load.errors}, answers to the question of another {load.foreign}")
    print(f"  searches                         {ms(load.searches)}")
    print(f"  answers                          {ms(load.answers)}")
    print(f"  memory, first and last quarter   {first:.0f} MB, {last:.0f} MB")
    return 1 if load.errors or load.foreign else 0


if __name__ == "__main__":
    sys.exit(main())
