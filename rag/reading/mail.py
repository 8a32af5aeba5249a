"""A mail (EML, MSG) -> its head, its words, and apart from them what it quotes.   [python-oxmsg]"""

import codecs
import re
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.errors import HeaderParseError, MessageError
from email.header import decode_header, make_header
from email.message import MIMEPart
from email.utils import parsedate_to_datetime
from io import BytesIO
from itertools import groupby

from rag.errors import DocumentError
from rag.reading.blocks import Block, Content, decoded
from rag.reading.web.html import html_content
from rag.reading.xml import parsed
from rag.text.characters import visible
from rag.types import Fact

_HEAD = ("From", "To", "Cc", "Date", "Subject")
# What programs write above a mail that they quote, in the languages of their menus.
_QUOTES_BELOW = re.compile(
    r"(?i)-{2,}\s*(?:original message|forwarded message|ursprüngliche nachricht|message d'origine|"
    r"mensaje original|messaggio originale)\s*-{2,}|"
    r"(?:on|am|le|el|il) .{5,120}(?:wrote|schrieb[^:]{0,60}|a écrit|escribió|ha scritto)\s?:|_{20,}"
)
_SIGNATURE = re.compile(r"--\s?")
# What Outlook calls people beside their names: nothing, or their place in a directory.
_NO_ADDRESS = re.compile(r"\s*<(?:/o=[^>]*)?>", re.IGNORECASE)
_CODE_PAGE = re.compile(r"windows[-_](\d{3,5})")  # as oxmsg calls them, "windows-950"
_MAIL = re.compile(rb"(?im)^(?:from|to|subject|date|received|return-path|message-id):\s")


def is_mail(data: bytes) -> bool:
    """Return whether a file opens with the head of a mail: three of its usual lines at least."""
    head = re.split(rb"\r?\n\r?\n", data[:20_000], maxsplit=1)[0]
    return len({line.lower() for line in _MAIL.findall(head)}) >= 3


def read_eml(data: bytes) -> Content:
    """Return the head of a mail, its text, and what it quotes as quoted blocks.

    Of a mail with a text in two forms the plain one; names of attachments are furniture. Raises
    DocumentError where the file is no mail.
    """
    try:
        message = message_from_bytes(data, policy=policy.default)
        head = [(name, str(message[name])) for name in _HEAD if message[name]]
        body = message.get_body(("plain", "html"))
        names = [part.get_filename() for part in message.iter_attachments()]
        words = _words(body) if body is not None else []
    except (MessageError, ValueError, LookupError, AttributeError, TypeError) as error:
        raise _damaged("EML") from error
    if not head:
        raise _damaged("EML")
    return _mail(head, words, [name for name in names if name])


def _words(body: MIMEPart) -> list[Block]:
    payload = body.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else str(body.get_payload()).encode()
    charset = body.get_content_charset() or ""
    if body.get_content_subtype() == "html":
        return list(html_content(parsed(decoded(data, charset))).blocks)
    return list(mail_blocks(visible(decoded(data, charset))))


def read_msg(data: bytes) -> Content:
    """Return what `read_eml` returns, for a mail that Outlook saved.

    Raises DocumentError if the file is no such mail.
    """
    from oxmsg import Message
    from oxmsg.domain.model import UnrecognizedCodePageError, UnsupportedEncodingError

    unknown = UnrecognizedCodePageError, UnsupportedEncodingError
    try:
        message = Message.load(BytesIO(data))
        headers = {name.lower(): value for name, value in message.message_headers.items()}
        to = ", ".join(f"{r.name} <{r.email_address}>" for r in message.recipients)
        sent = message.sent_date
        fields = {
            "From": message.sender or "",
            "To": headers.get("to") or to,
            "Date": headers.get("date") or (sent.isoformat(" ", "minutes") if sent else ""),
            "Subject": message.subject or "",
        }
        names = [a.file_name for a in message.attachments if a.file_name]
        text, page = message.body, message.html_body
    # What oxmsg raises where a part is missing or is no mail.
    except (LookupError, ValueError, TypeError, AttributeError, OSError, *unknown) as error:
        raise _damaged("MSG") from error
    words = list(mail_blocks(visible(text))) if text else []
    if not words and page:
        words = list(html_content(parsed(page)).blocks)
    head = [(name, _NO_ADDRESS.sub("", _decoded(value))) for name, value in fields.items()]
    return _mail([(name, value) for name, value in head if value], words, names)


def _decoded(header: str) -> str:
    """Return a line of a head with its encoded words ("=?utf-8?Q?…?=") as text."""
    try:
        return str(make_header(decode_header(header)))
    except (HeaderParseError, LookupError, ValueError):
        return header


def _code_page(name: str) -> codecs.CodecInfo | None:
    """Return the codec of a code page of Windows by a name that Python does not know."""
    found = _CODE_PAGE.fullmatch(name)
    try:
        return codecs.lookup(f"cp{found[1]}") if found else None
    except LookupError:
        return None


codecs.register(_code_page)


def _damaged(kind: str) -> DocumentError:
    return DocumentError(
        f"The {kind} file is damaged, where a whole mail was expected: save it from the mail "
        "program again."
    )


def _mail(head: list[tuple[str, str]], words: list[Block], attachments: list[str]) -> Content:
    stated = {name: " ".join(visible(value).split()) for name, value in head}
    date = _iso_of_mail(stated.get("Date", ""))
    subject = stated.get("Subject", "")
    blocks = [Block(subject, 1)] if subject else []
    blocks += [Block(f"{n}: {v}", 0, "text") for n, v in stated.items() if n != "Subject"]
    blocks += words
    blocks += [Block(f"Attachment: {name}", 0, "furniture") for name in attachments]
    facts = [Fact("title", subject, "Subject")] if subject else []
    if sender := stated.get("From", ""):
        facts.append(Fact("author", sender, "From"))
    if date:
        facts.append(Fact("date", date, "Date"))
    return Content(blocks, title=subject, date=date, facts=facts)


def _iso_of_mail(date: str) -> str:
    try:
        return parsedate_to_datetime(date).date().isoformat()
    except (ValueError, TypeError):
        return date[:10] if re.match(r"\d{4}-\d\d-\d\d", date) else ""


def mail_blocks(text: str) -> Iterator[Block]:
    """Yield the paragraphs of a mail; quoted ones, after ">" or below a heading, set apart.

    A quoted block is set off, so that its words are not taken for the sender's.
    """
    below = False
    for paragraph in re.split(r"\n[ \t]*\n", text):
        lines = []
        for line in paragraph.split("\n"):
            below = below or bool(_QUOTES_BELOW.fullmatch(line.strip()))
            quoted = below or line.lstrip().startswith(">")
            lines.append((quoted, re.sub(r"^[>\s]+", "", line).rstrip()))
        for quoted, group in groupby(lines, lambda line: line[0]):
            text = "\n".join(line for _, line in group).strip()
            if text and not _SIGNATURE.fullmatch(text):
                yield Block(text, 0, "text", quoted=quoted)
