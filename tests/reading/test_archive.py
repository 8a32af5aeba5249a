import zipfile
from io import BytesIO

import pytest

from rag.errors import DocumentError
from rag.reading import archive
from rag.reading.archive import members, office_kind


def zipped(**files: bytes) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return out.getvalue()


def test_members_are_what_was_packed() -> None:
    assert members(zipped(a=b"one", b=b"two")) == {"a": b"one", "b": b"two"}


def test_a_bomb_is_stopped_at_its_ratio(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "SMALL", 1_000)
    with pytest.raises(DocumentError, match="expands to more than"):
        members(zipped(bomb=b"0" * 1_000_000))


def test_a_member_without_a_name_is_damage() -> None:
    with pytest.raises(DocumentError, match="damaged"):
        members(zipped(a=b"one").replace(b"a", b"\0"))


@pytest.mark.parametrize("at", [0, 10, 30, 60])
def test_a_broken_archive_is_told_in_a_sentence(at: int) -> None:
    data = zipped(a=b"one" * 50)
    for read in (members, office_kind):
        with pytest.raises(DocumentError, match="damaged"):
            read(data[:at])


def test_what_is_no_office_file_is_named() -> None:
    assert office_kind(zipped(a=b"one")) == "a ZIP archive"
    assert office_kind(zipped(mimetype=b"application/epub+zip")) == "EPUB"
