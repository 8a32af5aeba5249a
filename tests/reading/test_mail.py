"""Mails: who wrote what, and what they quote."""

from email.message import EmailMessage
from pathlib import Path

import pytest
from outlook_files import outlook_mail
from readers import read, shown

from rag.errors import DocumentError
from rag.reading.mail import mail_blocks

BODY = """Dear skippers,

the east lock is closed from 11 to 22 March 2024.

On 1 March 2024 the office wrote:
> The east lock is closed from 18 to 29 March 2024.
"""


def mail(html: bool = False) -> bytes:
    message = EmailMessage()
    message["From"] = "Harbour Office <office@harbour.example>"
    message["To"] = "All skippers <all@harbour.example>"
    message["Date"] = "Tue, 5 Mar 2024 09:12:00 +0100"
    message["Subject"] = "Closing of the east lock – März"
    if html:
        message.set_content("<p>The <b>east lock</b> is closed.</p>", subtype="html")
    else:
        message.set_content(BODY)
    message.add_attachment(b"%PDF-", maintype="application", subtype="pdf", filename="plan.pdf")
    return message.as_bytes()


def test_a_mail_has_sender_date_and_subject_and_its_quotation_is_apart(tmp_path: Path) -> None:
    document = read(tmp_path, mail(), "note.eml")
    assert (document.title, document.date) == ("Closing of the east lock – März", "2024-03-05")
    assert shown(document, "text") == [
        "From: Harbour Office <office@harbour.example>",
        "To: All skippers <all@harbour.example>",
        "Date: Tue, 05 Mar 2024 09:12:00 +0100",
        "Dear skippers,",
        "the east lock is closed from 11 to 22 March 2024.",
        "On 1 March 2024 the office wrote:\nThe east lock is closed from 18 to 29 March 2024.",
    ]
    assert shown(document, "furniture") == ["Attachment: plan.pdf"]


def test_what_a_mail_quotes_is_set_off() -> None:
    assert [
        (block.text, block.quoted) for block in mail_blocks("Yes.\n> Is it closed?\nIndeed.")
    ] == [
        ("Yes.", False),
        ("Is it closed?", True),
        ("Indeed.", False),
    ]
    below = mail_blocks("Yes.\n\n-----Original Message-----\nIs it closed?")
    assert [block.quoted for block in below] == [False, True]


def test_a_mail_in_html_is_read_as_a_page(tmp_path: Path) -> None:
    assert "The east lock is closed." in shown(read(tmp_path, mail(html=True), "a.eml"), "text")


@pytest.mark.parametrize("data", [b"From: \xff\n\n", b"\xd0\xcf\x11\xe0__properties_version1.0"])
def test_what_is_no_mail_is_refused_or_read_as_text(tmp_path: Path, data: bytes) -> None:
    name = "a.msg" if data.startswith(b"\xd0") else "a.eml"
    if name == "a.eml":
        assert read(tmp_path, data, name).text
        return
    with pytest.raises(DocumentError):
        read(tmp_path, data.replace(b"__p", b"_\0_\0p\0"), name)


SUBJECT, BODY_TEXT, SENDER, ADDRESS, HEADERS, CODE_PAGE = 0x37, 0x1000, 0x0C1A, 0x0C1F, 0x7D, 0x3FFD


def test_a_mail_that_outlook_saved_is_read(tmp_path: Path) -> None:
    head = (
        "From: =?iso-8859-1?Q?H=E4fen?= <office@harbour.example>\r\nTo: All <all@harbour.example>"
        "\r\nDate: Tue, 5 Mar 2024 09:12:00 +0100\r\n\r\n"
    )
    data = outlook_mail({SUBJECT: "Closing – März", BODY_TEXT: BODY, HEADERS: head})
    document = read(tmp_path, data, "note.msg")
    assert (document.title, document.date) == ("Closing – März", "2024-03-05")
    assert shown(document, "text")[:4] == [
        "From: Häfen <office@harbour.example>",
        "To: All <all@harbour.example>",
        "Date: Tue, 5 Mar 2024 09:12:00 +0100",
        "Dear skippers,",
    ]


def test_a_place_in_a_directory_is_no_address_and_old_mails_have_a_code_page(
    tmp_path: Path,
) -> None:
    texts: dict[int, str | bytes] = {
        SUBJECT: "漁港".encode("cp950"),
        BODY_TEXT: "燈塔高三十四米。".encode("cp950"),
        SENDER: b"Bo Dahl",
        ADDRESS: b"/o=Harbour/cn=Recipients/cn=bo",
    }
    document = read(tmp_path, outlook_mail(texts, {CODE_PAGE: 950}), "note.msg")
    assert document.title == "漁港"
    assert shown(document, "text") == ['From: "Bo Dahl"', "燈塔高三十四米。"]


def test_a_mail_in_a_code_page_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    data = outlook_mail({SUBJECT: b"Note", BODY_TEXT: b"Closed."}, {CODE_PAGE: 54321})
    with pytest.raises(DocumentError, match="damaged"):
        read(tmp_path, data, "note.msg")
