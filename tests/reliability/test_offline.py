"""The running product asks no other machine for anything.

Strace reads the system calls, native code's too.

What Python can be kept from, a library in C++ does all the same; its reports go out some forty
seconds after the work, and at the end of the process. So the server is watched for longer than
that. Every command runs with an empty HOME, in which nothing but this project's own cache may be
found afterwards.
"""

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from mcp import Client, StdioServerParameters
from visit import CHROMIUM, CHROMIUM_OPTIONS

from rag.models.bundled import embedding_model_folder

pytestmark = pytest.mark.models

ROOT = Path(__file__).parents[2]
QUESTION = (  # of the samples
    "When is the first auction for large consumers under the new reserve law?"
)
WATCHED_SECONDS = 70  # after an answer: the telemetry that this test is about came after forty
LONGEST = 900  # seconds of one command: only one that hangs takes as long

# What is read of the network: who is spoken to. io_uring could speak to anybody unseen.
CALLS = "network,io_uring_setup"
SPEAKS = ("connect", "sendto", "sendmsg", "sendmmsg")
LINE = re.compile(
    r"\d+ +(?:(?P<call>\w+)\((?P<arguments>.*)|<\.\.\. \w+ resumed>.*|\+\+\+ .* \+\+\+)"
)
FAMILY = re.compile(r"sa_family=(\w+)([^}]*)")
INTERNET = re.compile(r'sin6?_port=htons\((\d+)\).*?inet_(?:addr\(|pton\(AF_INET6, )"([^"]+)"')
# Services of this machine that look names up for others.
RESOLVERS = ("systemd/resolve", "avahi", "mdnsd")


def spoken_to(trace: str) -> list[str]:
    """Return the lines of a trace in which another machine is spoken to, a name is looked up, or
    that are not understood.

    `trace` is what `strace -f -s 0 -e trace=…` writes. What is sent does not stand in it, so it
    cannot pass for an address.
    """
    found = []
    for line in trace.splitlines():
        match = LINE.fullmatch(line)
        if match is None or match["call"] == "io_uring_setup":
            found.append(line)
        elif match["call"] in SPEAKS:
            families = FAMILY.findall(match["arguments"])
            unread = match["call"] == "connect" and not families
            if unread or any(not stays_here(family, address) for family, address in families):
                found.append(line)
    return found


def stays_here(family: str, address: str) -> bool:
    match family:
        case "AF_INET" | "AF_INET6":
            internet = INTERNET.search(address)
            return (
                internet is not None and ip_address(internet[2]).is_loopback and internet[1] != "53"
            )
        case "AF_UNIX":
            return not any(resolver in address for resolver in RESOLVERS)
        case _:
            return family in ("AF_NETLINK", "AF_UNSPEC")  # the kernel; the end of a connection


@dataclass(frozen=True, slots=True)
class Laptop:
    """A folder with a HOME of its own, in which commands run under strace."""

    folder: Path

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def environment(self, **more: str) -> dict[str, str]:
        """What a user has set who has set nothing.

        No variable that keeps a library quiet comes in from outside.
        """
        paths = os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), str(ROOT))))
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "TMPDIR": str(self.folder / "tmp"),
            "PYTHONPATH": paths,
            "PYTHONDONTWRITEBYTECODE": "1",
            "RAG_INDEXES": str(self.folder / "indexes"),
            **more,
        }

    def command(self, name: str, *arguments: str) -> list[str]:
        """Return a command that runs Python with these arguments, its trace in `name`.trace, its
        process id in `name`.pid.
        """
        kept = self.folder / name
        strace = [
            "strace",
            "-f",
            "--seccomp-bpf",
            "-qq",
            "-s",
            "0",
            "-e",
            f"trace={CALLS}",
            "-e",
            "signal=none",
            "-o",
            f"{kept}.trace",
        ]
        return [
            *strace,
            "sh",
            "-c",
            'echo $$ >"$0"; exec "$@"',
            f"{kept}.pid",
            sys.executable,
            *arguments,
        ]

    def rag(
        self, name: str, *arguments: str, exit_code: int = 0, **more: str
    ) -> subprocess.CompletedProcess[str]:
        command = self.command(name, "-m", "rag", *arguments)
        environment = self.environment(**more)
        done = subprocess.run(
            command,
            cwd=self.folder / "work",
            env=environment,
            capture_output=True,
            text=True,
            timeout=LONGEST,
            check=False,
        )
        self.check(name)
        assert done.returncode == exit_code, done.stderr
        return done

    def check(self, name: str) -> None:
        """Assert that no other machine was spoken to and that nothing was written where it does
        not belong.
        """
        trace = (self.folder / f"{name}.trace").read_text()
        strange = [
            str(path)
            for path in sorted(self.home.rglob("*"))
            if path.is_file() and not path.is_relative_to(self.ours)
        ]
        strange += [str(path) for path in (self.folder / "work").iterdir()]
        assert (spoken_to(trace), strange) == ([], [])

    @property
    def ours(self) -> Path:
        return self.home / ".cache" / "rag-reports"


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Laptop:
    if sys.platform != "linux":
        pytest.skip(
            "that nothing is sent is not tested: strace reads the system calls of Linux only"
        )
    if not shutil.which("strace"):
        pytest.skip(
            "that nothing is sent is not tested: there is no strace; scripts/test_tools.sh or "
            "your system brings it"
        )
    made = Laptop(tmp_path_factory.mktemp("offline"))
    for folder in ("home", "tmp", "work"):
        (made.folder / folder).mkdir()
    tried = subprocess.run(
        made.command("try", "-c", ""), capture_output=True, text=True, check=False
    )
    if tried.returncode:
        pytest.skip(
            "that nothing is sent is not tested: strace may not trace here "
            f"({tried.stderr.strip()})"
        )
    return made


@pytest.fixture(scope="module")
def library(laptop: Laptop) -> Laptop:
    """The laptop with the samples in its library, their embedding model converted from the
    start.
    """
    laptop.rag("add", "add", "--samples")
    return laptop


@dataclass(frozen=True, slots=True)
class Served:
    url: str
    process: "subprocess.Popen[str]"
    answered: float  # when, by the monotonic clock


@pytest.fixture(scope="module")
def served(library: Laptop) -> Iterator[Served]:
    """A server that has answered once. The other tests run meanwhile, and the last one ends it."""
    command = library.command("serve", "-m", "rag", "serve")
    process = subprocess.Popen(
        command,
        cwd=library.folder / "work",
        env=library.environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        told = re.search(r"(http://127\.0\.0\.1:\d+)/\?token=(\S+)", line)
        assert told, line
        page, (url, token) = told[0], told.groups()
        body = json.dumps({"question": QUESTION}).encode()
        headers = {"content-type": "application/json", "authorization": f"Bearer {token}"}
        with urlopen(Request(f"{url}/v1/ask", body, headers), timeout=LONGEST) as answer:
            assert json.load(answer)["answer"]
        yield Served(page, process, time.monotonic())
    finally:
        if process.poll() is None:
            os.kill(int((library.folder / "serve.pid").read_text()), signal.SIGKILL)
        process.communicate()


@pytest.mark.parametrize(
    "call",
    [
        (
            "1 connect(5, {sa_family=AF_INET, sin_port=htons(443),"
            ' sin_addr=inet_addr("192.0.2.1")}, 16) = 0'
        ),
        (
            "1 connect(5, {sa_family=AF_INET, sin_port=htons(53),"
            ' sin_addr=inet_addr("127.0.0.53")}, 16) = 0'
        ),
        (
            "1 connect(5, {sa_family=AF_INET6, sin6_port=htons(443), sin6_flowinfo=htonl(0), "
            'inet_pton(AF_INET6, "2001:db8::1", '
            "&sin6_addr), sin6_scope_id=0}, 28 <unfinished ...>"
        ),
        (
            '1 connect(5, {sa_family=AF_UNIX, sun_path="/run/systemd/resolve/io.systemd.Resolve"}, '
            "42) = 0"
        ),
        (
            '1 sendto(5, ""..., 9, 0, {sa_family=AF_INET, sin_port=htons(9), '
            'sin_addr=inet_addr("192.0.2.1")}, 16) = 9'
        ),
        (
            "1 sendmsg(5, {msg_name={sa_family=AF_INET, sin_port=htons(53), "
            'sin_addr=inet_addr("127.0.0.1")}}, 0) = 9'
        ),
        "1 connect(5, {sa_family=AF_BLUETOOTH}, 8) = 0",
        "1 connect(5, 0x7ffd, 16) = -1 EFAULT (Bad address)",
        "1 io_uring_setup(8, {flags=0}) = 5",
        "what is no line of a trace",
    ],
)
def test_a_call_that_leaves_this_machine_is_found(call: str) -> None:
    assert spoken_to(call) == [call]


@pytest.mark.parametrize(
    "call",
    [
        (
            "1 connect(5, {sa_family=AF_INET, sin_port=htons(7860), "
            'sin_addr=inet_addr("127.0.0.1")}, 16) = 0'
        ),
        (
            "1 connect(5, {sa_family=AF_INET6, sin6_port=htons(80), sin6_flowinfo=htonl(0), "
            'inet_pton(AF_INET6, "::1", &sin6_addr), '
            "sin6_scope_id=0}, 28) = 0"
        ),
        (
            '1 connect(5, {sa_family=AF_UNIX, sun_path="/var/run/nscd/socket"}, 110) = -1 ENOENT'
            " (No such file or directory)"
        ),
        (
            "1 accept4(5, {sa_family=AF_INET, sin_port=htons(41000), "
            'sin_addr=inet_addr("127.0.0.1")}, [16], SOCK_CLOEXEC) = 6'
        ),
        '1 sendto(6, ""..., 99, 0, NULL, 0) = 99',
        "1 <... connect resumed>) = 0",
        "1 +++ exited with 0 +++",
    ],
)
def test_a_call_that_stays_on_this_machine_is_let_pass(call: str) -> None:
    assert spoken_to(call) == []


@pytest.mark.parametrize(
    "code",
    [
        "socket.getaddrinfo('rag-reports.invalid', 80)",
        "socket.socket(type=socket.SOCK_DGRAM).connect(('192.0.2.1', 9))",
    ],
    ids=["a-look-up", "an-address"],
)
def test_the_trace_shows_what_a_program_asks_of_others(laptop: Laptop, code: str) -> None:
    code = f"import contextlib, socket\nwith contextlib.suppress(OSError): {code}"
    subprocess.run(
        laptop.command("control", "-c", code), env=laptop.environment(), check=True, timeout=LONGEST
    )
    assert spoken_to((laptop.folder / "control.trace").read_text())


def test_adding_reports_sends_nothing(library: Laptop) -> None:
    assert list(library.ours.glob("*.onnx")), "the models were not converted under the trace"


def test_asking_sends_nothing(library: Laptop) -> None:
    assert "19 March 2024" in library.rag("ask", "ask", QUESTION).stdout


def test_a_model_of_sentence_transformers_sends_nothing(library: Laptop, served: Served) -> None:
    hub = library.folder / "hub"  # as huggingface_hub keeps what was once downloaded
    kept = hub / "models--owner--model"
    (kept / "refs").mkdir(parents=True)
    (kept / "refs" / "main").write_text("0" * 40)
    (kept / "snapshots").mkdir()
    (kept / "snapshots" / ("0" * 40)).symlink_to(embedding_model_folder())
    settings = {"HF_HUB_CACHE": str(hub), "RAG_LIBRARY": "others"}
    report = str(ROOT / "samples" / "seed-bank.txt")
    library.rag("add-others", "add", report, RAG_EMBEDDINGS="owner/model", **settings)
    missing = library.rag(
        "add-missing", "add", report, exit_code=4, RAG_EMBEDDINGS="owner/missing", **settings
    )
    assert "is not on this machine" in missing.stderr


def test_an_assistants_tools_send_nothing(library: Laptop, served: Served) -> None:
    strace, *arguments = library.command("mcp", "-m", "rag", "mcp")
    server = StdioServerParameters(
        command=strace, args=arguments, env=library.environment(), cwd=library.folder / "work"
    )

    async def talk() -> None:
        async with Client(server) as client:
            answer = await client.call_tool("ask", {"question": QUESTION})
            assert answer.structured_content is not None
            assert answer.structured_content["citations"]

    asyncio.run(talk())
    library.check("mcp")


def test_an_evaluation_sends_nothing(library: Laptop, served: Served) -> None:
    folder = library.folder / "set"
    folder.mkdir()
    text = (ROOT / "samples" / "winter-reserve.txt").read_text(encoding="utf-8")
    document = {"doc_id": "winter", "title": "The Coldest Hour", "text": text}
    question = {
        "id": "1",
        "question": QUESTION,
        "answers": ["19 March 2024"],
        "answerable": True,
        "gold_doc_ids": ["winter"],
        "gold_passages": ["the first auction has been set for 19 March 2024"],
        "gold_mode": "any",
    }
    (folder / "corpus.jsonl").write_text(json.dumps(document) + "\n", encoding="utf-8")
    (folder / "questions.jsonl").write_text(json.dumps(question) + "\n", encoding="utf-8")
    assert "of 1" in library.rag("eval", "eval", str(folder)).stdout


@pytest.mark.page
def test_the_page_answers_in_a_browser_while_its_server_is_watched(served: Served) -> None:
    if not shutil.which(CHROMIUM):
        pytest.skip(f"the page is not watched with a browser on it: there is no {CHROMIUM}")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, args=CHROMIUM_OPTIONS.split()
        )
        shown: Any = chromium.new_page()
        shown.set_default_timeout(LONGEST * 1000)
        shown.goto(served.url)
        shown.wait_for_selector("#report .document-list")
        shown.fill("#asking textarea", QUESTION)
        shown.press("#asking textarea", "Enter")
        shown.wait_for_selector(".footnotes")
        chromium.close()


def test_a_server_sends_nothing_for_a_minute_after_its_answer_nor_at_its_end(
    library: Laptop, served: Served
) -> None:
    time.sleep(max(0.0, served.answered + WATCHED_SECONDS - time.monotonic()))
    os.kill(int((library.folder / "serve.pid").read_text()), signal.SIGTERM)
    assert served.process.wait(LONGEST) == 0
    library.check("serve")
