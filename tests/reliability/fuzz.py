"""Damaged files for every reader: what comes out is a document or one sentence.

    PYTHONPATH=tests/helpers python tests/reliability/fuzz.py [--inputs 10000] [--first 0]

Each input is a number, from which damage to a report of tests/helpers/one_report.py is drawn; the
same number is the same file for ever. A process of its own reads the files, one after the
other. Exit code 1: it died, took more CPU time or memory than an input may, or let another error
through; the numbers of these inputs are printed, and belong into `FOUND`.
"""

import argparse
import multiprocessing
import random
import re
import resource
import sys
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from multiprocessing.connection import Connection
from pathlib import Path

from lxml import etree
from one_report import FORMATS
from readers import assert_spans_inside
from reportlab import rl_config

from rag.errors import DocumentError
from rag.reading.documents import read_document

CPU_SECONDS = 20.0  # for one file of some kilobytes; the slowest take a tenth of it
WALL_SECONDS = 180.0  # on a machine that is busy with other work
MEMORY = 1_000_000_000  # bytes, of the process that has read all files so far
# Inputs in which a fault was found, by their numbers: each is read in every run.
FOUND: tuple[int, ...] = ()

_TOKENS = [
    *b"<table> </table> <tr> <td rowspan=65535> <!-- --> <![CDATA[ ]]> &lt; &co; <p> <ul>".split(),
    *b"<li> <h1> <blockquote> <pre> <sup>1</sup> <w:p> </w:p> <text:p> <style> <script>".split(),
    *rb'[1] [^1] **** ____ ```` ---- ==== |||| """" ,,,, ;;;; \\\\ (((( )))) [[[[ ]]]]'.split(),
    *b"0 -1 99999999999 1e999 NaN obj endobj stream endstream xref /Kids /Parent R".split(),
    b"\x00",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\r\r\n",
    b"\xed\xa0\x80",
    "\u202e\u200b\ufeff".encode(),
]
Damage = Callable[[bytes, random.Random], bytes]


# --- Damage ---------------------------------------------------------------------------------------


def _span(data: bytes, drawn: random.Random, longest: int = 400) -> tuple[int, int]:
    start = drawn.randrange(len(data) + 1)
    return start, min(len(data), start + drawn.randrange(1, longest))


def _flip(data: bytes, drawn: random.Random) -> bytes:
    flipped = bytearray(data)
    for _ in range(drawn.randrange(1, 20) if data else 0):
        flipped[drawn.randrange(len(flipped))] ^= 1 << drawn.randrange(8)
    return bytes(flipped)


def _cut(data: bytes, drawn: random.Random) -> bytes:
    start, end = _span(data, drawn)
    return data[:start] + data[end:]


def _double(data: bytes, drawn: random.Random) -> bytes:
    start, end = _span(data, drawn)
    return data[:start] + data[start:end] * drawn.choice([2, 3, 50]) + data[end:]


def _move(data: bytes, drawn: random.Random) -> bytes:
    start, end = _span(data, drawn)
    rest = data[:start] + data[end:]
    place = drawn.randrange(len(rest) + 1)
    return rest[:place] + data[start:end] + rest[place:]


def _insert(data: bytes, drawn: random.Random) -> bytes:
    place = drawn.randrange(len(data) + 1)
    token = drawn.choice(_TOKENS) * drawn.choice([1, 1, 2, 300])
    return data[:place] + token + data[place:]


def _number(data: bytes, drawn: random.Random) -> bytes:
    found = list(re.finditer(rb"\d+", data))
    if not found:
        return data
    number = drawn.choice(found)
    other = drawn.choice([b"0", b"-1", b"7", b"65536", b"4294967296", b"99999999999999999999"])
    return data[: number.start()] + other + data[number.end() :]


def _shorten(data: bytes, drawn: random.Random) -> bytes:
    return data[: drawn.randrange(len(data) + 1)]


def _splice(data: bytes, drawn: random.Random) -> bytes:
    """The beginning of this file and the end of another."""
    other = whole(drawn.choice(sorted(WHOLE)))
    return data[: drawn.randrange(len(data) + 1)] + other[drawn.randrange(len(other) + 1) :]


def _elements(data: bytes, drawn: random.Random) -> bytes:
    """An XML text with elements dropped, doubled, nested and stripped."""
    try:
        root = etree.fromstring(data)
    except (etree.XMLSyntaxError, ValueError):
        return _move(data, drawn)
    for _ in range(drawn.randrange(1, 8)):
        inner = list(root.iter("*"))[1:]
        if not inner:
            break
        element, place = drawn.choice(inner), drawn.choice(inner)
        match drawn.randrange(4):
            case 0:
                element.getparent().remove(element)
            case 1:
                element.addnext(etree.fromstring(etree.tostring(element, with_tail=False)))
            case 2:
                element.attrib.clear()
            case 3:
                place.append(etree.fromstring(etree.tostring(element, with_tail=False)))
    return bytes(etree.tostring(root, xml_declaration=True, encoding="utf-8"))


_DAMAGES: list[Damage] = [
    _flip,
    _cut,
    _double,
    _move,
    _insert,
    _insert,
    _number,
    _shorten,
    _splice,
    _elements,
    _elements,
]


def _as_table() -> bytes:
    rows = ["port;year;tonnes;note", *(f'Varde;{2000 + n};{n * 37};"a; ""b"""' for n in range(40))]
    return "\n".join(rows).encode()


def _as_xhtml() -> bytes:
    page = whole(".html").decode()
    return page.replace("<html", '<html xmlns="http://www.w3.org/1999/xhtml"', 1).encode()


def _as_pdf() -> bytes:
    """The report with plain streams, so that damage reaches what they draw, and without dates."""
    before = rl_config.invariant, rl_config.pageCompression
    rl_config.invariant, rl_config.pageCompression = 1, 0
    try:
        return FORMATS[".pdf"]()
    finally:
        rl_config.invariant, rl_config.pageCompression = before


WHOLE: dict[str, Callable[[], str | bytes]] = {
    **FORMATS,
    ".csv": _as_table,
    ".xhtml": _as_xhtml,
    ".pdf": _as_pdf,
}


@cache
def whole(suffix: str) -> bytes:
    """The undamaged file of a kind, the same bytes in every process."""
    made = WHOLE[suffix]()
    data = made.encode() if isinstance(made, str) else made
    return _zipped(_members(data)) if data.startswith(b"PK") else data


def _members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _zipped(contents: dict[str, bytes]) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in contents.items():
            archive.writestr(zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0)), content)
    return out.getvalue()


def damaged(number: int) -> tuple[str, bytes]:
    """The input of that number: a suffix, and what the file holds."""
    drawn = random.Random(number)
    suffix = drawn.choice(sorted(WHOLE))
    data = whole(suffix)
    if data.startswith(b"PK") and drawn.random() < 0.85:
        return suffix, _with_damaged_members(data, drawn)
    for _ in range(drawn.randrange(1, 6)):
        data = drawn.choice(_DAMAGES)(data, drawn)
    return suffix, data[:2_000_000]


def _with_damaged_members(data: bytes, drawn: random.Random) -> bytes:
    """A ZIP that opens, with damage in its members: what lies behind the check sums."""
    contents = _members(data)
    for _ in range(drawn.randrange(1, 4)):
        names = sorted(contents)  # the long ones hold the text
        (name,) = drawn.choices(names, [len(contents[name]) for name in names])
        for _ in range(drawn.randrange(1, 4)):
            # Most that is no XML any more is refused at once, and tells nothing of the readers.
            harm = _elements if drawn.random() < 0.9 else drawn.choice(_DAMAGES)
            contents[name] = harm(contents[name], drawn)[:2_000_000]
    if drawn.random() < 0.1:
        contents.pop(drawn.choice(sorted(contents)))
    return _zipped(contents)


# --- Reading --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one input."""

    number: int
    kind: str  # "read", "refused", or what went wrong
    told: str  # the sentence, or how it went wrong
    seconds: float = 0.0  # of CPU time
    memory: int = 0  # bytes, the most the process has taken so far

    @property
    def is_fault(self) -> bool:
        return self.kind not in ("read", "refused")


def _read_for_ever(inputs: Connection, folder: Path) -> None:
    while (number := inputs.recv()) is not None:
        suffix, data = damaged(number)
        path = folder / f"report{suffix}"
        path.write_bytes(data)
        started = time.process_time()
        kind, told = "read", ""
        try:
            assert_spans_inside(read_document(path))
        except DocumentError as error:
            kind, told = "refused", str(error)
            if "\n" in told or not told.endswith("."):
                kind = "no sentence"
        except BaseException:
            kind, told = "error", traceback.format_exc()
        spent = time.process_time() - started
        memory = _most_memory()
        if kind in ("read", "refused") and spent > CPU_SECONDS:
            kind = "slow"
        if kind in ("read", "refused") and memory > MEMORY:
            kind = "large"
        inputs.send(Outcome(number, kind, told, spent, memory))


def _most_memory() -> int:
    """The most bytes this process has held.

    `getrusage` also counts what the process was that started it, which may be a suite with models.
    """
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    held = re.search(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="ascii"))
    return int(held[1]) * 1024 if held else 0


def outcomes(numbers: Iterator[int]) -> Iterator[Outcome]:
    """What comes of each input; after a death, another process reads on."""
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        child = None
        for number in numbers:
            if child is None:
                ours, theirs = context.Pipe()
                child = context.Process(target=_read_for_ever, args=(theirs, Path(folder)))
                child.start()
                theirs.close()
            try:
                ours.send(number)
                outcome = ours.recv() if ours.poll(WALL_SECONDS) else None
                yield outcome or Outcome(number, "hang", f"more than {WALL_SECONDS:.0f} s")
                alive = outcome is not None and outcome.kind != "large"
            except (EOFError, OSError):
                child.join()
                yield Outcome(number, "crash", f"exit code {child.exitcode}")
                alive = False
            if not alive:
                child.kill()
                child.join()
                child = None
        if child is not None:
            ours.send(None)
            child.join()


def main() -> int:
    """Print what came of all inputs, and each fault; return the exit code."""
    parser = argparse.ArgumentParser(description="Damaged files for every reader.")
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="the number of the first input")
    options = parser.parse_args()
    started, faults = time.monotonic(), 0
    kinds, formats = Counter[str](), Counter[str]()
    slowest, memory = (0.0, -1), 0
    for outcome in outcomes(iter(range(options.first, options.first + options.inputs))):
        kinds[outcome.kind] += 1
        formats[f"{damaged(outcome.number)[0]} {outcome.kind}"] += 1
        slowest = max(slowest, (outcome.seconds, outcome.number))
        memory = max(memory, outcome.memory)
        if outcome.is_fault:
            faults += 1
            suffix = damaged(outcome.number)[0]
            print(f"{outcome.kind} at {outcome.number} ({suffix}): {outcome.told}", flush=True)
    print(f"{options.inputs} inputs from {options.first} on: {dict(kinds)}")
    print(f"  {dict(sorted(formats.items()))}")
    print(f"  slowest                 {slowest[0]:.1f} s of CPU time, input {slowest[1]}")
    print(f"  most memory             {memory / 1e6:.0f} MB")
    print(f"  in all                  {time.monotonic() - started:.0f} s")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
