import re
from pathlib import Path

import pytest
from readers import read, zipped

from rag.errors import DocumentError
from rag.reading import archive
from rag.reading.archive import members, office_kind


def test_members_are_what_was_packed() -> None:
    assert members(zipped({"a": b"one", "b": b"two"})) == {"a": b"one", "b": b"two"}


def test_a_bomb_is_stopped_at_its_ratio(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "SMALL_ARCHIVE", 1_000)
    with pytest.raises(DocumentError, match="expands to more than"):
        members(zipped({"bomb": b"0" * 1_000_000}))


def test_a_member_without_a_name_is_damage() -> None:
    with pytest.raises(DocumentError, match="damaged"):
        members(zipped({"a": b"one"}).replace(b"a", b"\0"))


@pytest.mark.parametrize("at", [0, 10, 30, 60])
def test_a_broken_archive_is_told_in_a_sentence(at: int) -> None:
    data = zipped({"a": b"one" * 50})
    for opened in (members, office_kind):
        with pytest.raises(DocumentError, match="damaged"):
            opened(data[:at])


def test_what_is_no_office_file_is_named() -> None:
    assert office_kind(zipped({"a": b"one"})) == "a ZIP archive"
    assert office_kind(zipped({"mimetype": b"application/epub+zip"})) == "EPUB"


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="expands to more than"):
        read(
            tmp_path,
            zipped({"mimetype": "application/epub+zip", "a": "0" * 3_000_000}),
            "bomb.epub",
        )


def test_too_many_members_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="more than the 5,000 members"):
        read(tmp_path, zipped({str(number): "" for number in range(5_001)}), "many.epub")


def test_an_archive_with_a_password_is_refused(tmp_path: Path) -> None:
    data = bytearray(zipped({"mimetype": "application/epub+zip"}))
    for header, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(header) + flags] |= 1
    with pytest.raises(DocumentError, match="the archive is encrypted with a password"):
        read(tmp_path, bytes(data), "locked.epub")


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"visio/document.xml": "", "[Content_Types].xml": ""}, "it is another Office file inside"),
        ({"a.txt": "text"}, "it is a ZIP archive inside"),
        ({"mimetype": "application/epub+zip"}, "the EPUB lacks its META-INF/container.xml"),
        (
            {"META-INF/container.xml": "<a>", "mimetype": "application/epub+zip"},
            "a part of the file is no well-formed XML",
        ),
        (
            {
                "META-INF/container.xml": "<a/>",
                "META-INF/encryption.xml": "<e><EncryptionMethod "
                'Algorithm="http://www.w3.org/2001/04/xmlenc#aes128-cbc"/></e>',
            },
            "the EPUB is encrypted (DRM): add a copy without protection.",
        ),
    ],
)
def test_archives_that_are_no_report_are_refused_in_one_sentence(
    tmp_path: Path, members: dict[str, str], message: str
) -> None:
    with pytest.raises(
        DocumentError, match=re.escape(f"book.epub cannot be read, because {message}")
    ):
        read(tmp_path, zipped(members), "book.epub")
