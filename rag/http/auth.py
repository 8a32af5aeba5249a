"""The token that a server may ask for: where it is read, and where a request bears it."""

import hmac
import re
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from urllib.parse import parse_qs

from rag.errors import UsageError
from rag.http.asgi import LOOPBACK, Headers, Message

MIN_TOKEN = 16  # characters: what is shorter can be guessed over a network
_COOKIE = "rag_token"
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]*")  # as it may stand in a header and a cookie


def read_token(host: str, file: Path | None, setting: str) -> str:
    """Return the token of `file`, or else that of the setting RAG_TOKEN.

    It is "" where only this machine can ask and none is set.

    Raises UsageError where the file cannot be read, the token is short, or there is none and other
    machines could ask.
    """
    try:
        token = (file.read_text(encoding="utf-8") if file else setting).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"The token in {str(file)!r} cannot be read; name a text file of one line."
        ) from error
    if not (file or token) and host in LOOPBACK:
        return ""
    if len(token) < MIN_TOKEN or not _TOKEN.fullmatch(token):
        found = f"has {len(token)} characters" if token else "is missing"
        raise UsageError(
            f"The token that keeps others out at {host} {found}, and {MIN_TOKEN} or more letters, "
            "digits and the like without spaces are expected; set RAG_TOKEN, name a file with "
            "--token-file, or leave --host away."
        )
    return token


class TokenCheck:
    """Compares the token of a request with those the server knows."""

    def __init__(self, token: str, key: str = "") -> None:
        """With a `token` requests must bear it, or the `key` that programs of the user can read."""
        self.required = bool(token)
        self._known = [known.encode() for known in (token, key) if known]

    def accepts(self, headers: Headers) -> bool:
        """Return whether the request may go on, by its Authorization header or its cookie."""
        return not self.required or self.knows(_bearer(headers) or _cookie(headers))

    def accepts_cookie(self, headers: Headers) -> bool:
        """Return whether the request may go on, by its cookie alone."""
        return not self.required or self.knows(_cookie(headers))

    def knows(self, token: str) -> bool:
        """Return whether the token is a known one, in constant time."""
        return any(hmac.compare_digest(token.encode(), known) for known in self._known)


def sign_in(check: TokenCheck, scope: Message) -> tuple[Message, bytes]:
    """Return the start and the body of the answer to a page request without a good cookie.

    The address /?token=… with a known token sets the cookie and leads to the page.
    """
    given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
    if scope["path"] == "/" and check.knows(given):
        cookie = f"{_COOKIE}={given}; HttpOnly; SameSite=Strict; Path=/"
        headers = [(b"location", b"/"), (b"set-cookie", cookie.encode())]
        return {"type": "http.response.start", "status": 303, "headers": headers}, b""
    headers = [(b"content-type", b"text/plain")]
    body = b"Open the page as /?token=... with the token of this server."
    return {"type": "http.response.start", "status": 401, "headers": headers}, body


def _bearer(headers: Headers) -> str:
    kind, _, token = headers.get(b"authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def _cookie(headers: Headers) -> str:
    try:
        morsel = SimpleCookie(headers.get(b"cookie", "")).get(_COOKIE)
    except CookieError:
        return ""
    return morsel.value if morsel else ""
