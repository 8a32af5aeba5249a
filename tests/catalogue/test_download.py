import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from gguf_files import write_gguf
from hub import Hub, serving_hub

from rag.catalogue.download import pull
from rag.catalogue.entries import CatalogueEntry, find_entry
from rag.errors import ModelError

FILE = "tiny.gguf"
ENTRY = replace(
    find_entry("qwen3.5-2b"), repository="us/tiny", files=(FILE,), sha256="", revision="main"
)
MEGABYTE = 1 << 20


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    data = write_gguf(tmp_path / "source.gguf").read_bytes()
    with serving_hub({f"us/tiny/{FILE}": data}) as hub:
        set_endpoint(monkeypatch, hub.url)
        yield hub


def set_endpoint(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Do what HF_ENDPOINT does, which is read when the client is imported."""
    from huggingface_hub import constants

    template = url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)


def pulled(entry: CatalogueEntry, folder: Path) -> tuple[Path, str]:
    return pull(entry, folder, lambda *_: None)


def test_a_file_is_brought_whole_and_checked(hub: Hub, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    path, sha256 = pull(ENTRY, tmp_path / "new", lambda *news: told.append(news))
    data = hub.files[f"us/tiny/{FILE}"]
    assert path.read_bytes() == data
    assert sha256 == hub.sha256(f"us/tiny/{FILE}")
    assert told[-1] == (FILE, len(data), len(data))
    assert [file.name for file in path.parent.iterdir()] == [FILE]


def test_what_is_there_of_an_interrupted_download_is_continued(hub: Hub, tmp_path: Path) -> None:
    data = hub.files[f"us/tiny/{FILE}"]
    (tmp_path / f"{FILE}.part").write_bytes(data[:100])
    path, _ = pulled(ENTRY, tmp_path)
    assert path.read_bytes() == data
    assert hub.ranges == ["bytes=100-"]


def test_a_wrong_sha256_of_the_catalogue_is_refused_and_removed(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is not the expected one"):
        pulled(replace(ENTRY, sha256="0" * 64), tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []


def test_a_file_changed_on_this_disk_is_refused_and_removed(hub: Hub, tmp_path: Path) -> None:
    data = hub.files[f"us/tiny/{FILE}"]
    (tmp_path / f"{FILE}.part").write_bytes(b"x" * 100)
    with pytest.raises(ModelError, match="is not the expected one"):
        pulled(ENTRY, tmp_path)
    assert not (tmp_path / FILE).exists()
    path, _ = pulled(ENTRY, tmp_path)
    assert path.read_bytes() == data


def test_what_is_no_gguf_file_is_refused_and_removed(hub: Hub, tmp_path: Path) -> None:
    hub.files[f"us/tiny/{FILE}"] = b"<html>sign in</html>"
    with pytest.raises(ModelError, match="is not a GGUF model"):
        pulled(ENTRY, tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []


def test_a_model_of_many_files_needs_its_weights_and_not_every_setting(
    hub: Hub, tmp_path: Path
) -> None:
    entry = replace(ENTRY, kind="embedder", files=("config.json", "special_tokens_map.json"))
    with pytest.raises(ModelError, match=r"The hub has no file config\.json in us/tiny"):
        pulled(entry, tmp_path / "new")
    hub.files["us/tiny/config.json"] = b"{}"
    folder, _ = pulled(entry, tmp_path / "new")
    assert [file.name for file in folder.iterdir()] == ["config.json"]


def test_a_hub_that_cannot_be_reached_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_endpoint(monkeypatch, "http://127.0.0.1:9")
    with pytest.raises(ModelError, match=r"cannot be pulled from http://127\.0\.0\.1:9"):
        pulled(ENTRY, tmp_path)


PULL = """
import sys
from dataclasses import replace
from pathlib import Path
from rag.catalogue.download import pull
from rag.catalogue.entries import find_entry

entry = replace(find_entry("qwen3.5-2b"), repository="us/tiny", files=("tiny.gguf",))
pull(entry, Path(sys.argv[1]), lambda *_: None)
"""


def test_a_download_killed_half_way_goes_on_where_it_was(hub: Hub, tmp_path: Path) -> None:
    name = f"us/tiny/{FILE}"
    # The client writes in blocks of ten megabytes.
    hub.files[name] += bytes(25 * MEGABYTE)
    hub.breaks_at = 21 * MEGABYTE
    process = subprocess.Popen(
        [sys.executable, "-c", PULL, str(tmp_path)], env=environment_of(hub.url)
    )
    part = tmp_path / f"{FILE}.part"
    assert hub.stalled.wait(60)
    while not part.exists() or part.stat().st_size < 10 * MEGABYTE:
        assert process.poll() is None
    process.kill()
    process.wait()
    there = part.stat().st_size
    assert not (tmp_path / FILE).exists()

    path, sha256 = pulled(ENTRY, tmp_path)
    assert hub.ranges == [f"bytes={there}-"]
    assert path.read_bytes() == hub.files[name]
    assert sha256 == hub.sha256(name)


def environment_of(url: str) -> dict[str, str]:
    import os

    return {**os.environ, "HF_ENDPOINT": url, "PYTHONPATH": str(Path(__file__).parents[2])}
