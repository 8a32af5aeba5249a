"""The token that a server asks for: where it comes from, and where a request bears it."""

import hmac
import re
import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qs

from rag.errors import UsageError
from rag.files import private_folder, written_whole
from rag.http.asgi import LOOPBACK, Headers, Message

MIN_TOKEN = 16  # characters: what is shorter can be guessed over a network
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]*")  # as it may stand in a header and a cookie
_KEPT = ".token"  # beside the libraries
_COOKIE_SECONDS = 365 * 86_400  # as a bookmark of the page lasts


def read_token(host: str, file: Path | None, setting: str) -> str:
    """Return the token of `file`, or else that of the setting RAG_TOKEN.

    It is "" where only this machine can ask and none is set.

    Raises UsageError if the file cannot be read, the token is short, or there is none and other
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
    if not _is_good(token):
        found = f"has {len(token)} characters" if token else "is missing"
        raise UsageError(
            f"The token that keeps others out at {host} {found}, and {MIN_TOKEN} or more letters, "
            "digits and the like without spaces are expected; set RAG_TOKEN, name a file with "
            "--token-file, or leave --host and --no-token away."
        )
    return token


def kept_token(indexes: Path) -> str:
    """Return the token of the servers over these libraries, made when it is first asked for.

    It is kept beside the libraries, where their owner alone can read it, so that a bookmark and a
    cookie outlast the server. Where the folder cannot be written to, it holds for one server.
    """
    file = indexes / _KEPT
    with suppress(OSError, UnicodeDecodeError):
        if _is_good(token := file.read_text(encoding="utf-8").strip()):
            file.chmod(0o600)
            return token
    token = secrets.token_urlsafe(24)
    with suppress(OSError):
        private_folder(indexes)
        with written_whole(file) as unfinished:
            unfinished.write_text(token, encoding="utf-8")
    return token


def _is_good(token: str) -> bool:
    return len(token) >= MIN_TOKEN and _TOKEN.fullmatch(token) is not None


class TokenCheck:
    """Compares the token of a request with those the server knows."""

    def __init__(self, token: str, key: str = "") -> None:
        """Require the `token` or the `key`, which only programs of the same user can read.

        With "" as `token` nothing is required.
        """
        self.required = bool(token)
        self._known = [known.encode() for known in (token, key) if known]

    def accepts(self, scope: Message, headers: Headers) -> bool:
        """Return whether the request may go on, by its Authorization header or its cookie."""
        if self.required and (given := _bearer(headers)):
            return self.knows(given)
        return self.accepts_cookie(scope, headers)

    def accepts_cookie(self, scope: Message, headers: Headers) -> bool:
        """Return whether the request may go on, by its cookie alone."""
        return not self.required or any(map(self.knows, _cookies(scope, headers)))

    def knows(self, token: str) -> bool:
        """Return whether the token is a known one, in constant time."""
        return any(hmac.compare_digest(token.encode(), known) for known in self._known)


def sign_in(check: TokenCheck, scope: Message) -> tuple[Message, bytes]:
    """Return the start and the body of the answer to a page request without a good cookie.

    The address /?token=… with a known token sets the cookie and leads to the page.
    """
    given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
    if scope["path"] == "/" and check.knows(given):
        cookie = (
            f"{_cookie_name(scope)}={given}; HttpOnly; SameSite=Strict; Path=/; "
            f"Max-Age={_COOKIE_SECONDS}"
        )
        headers = [
            (b"location", b"/"),
            (b"set-cookie", cookie.encode()),
            (b"referrer-policy", b"no-referrer"),
            (b"cache-control", b"no-store"),
        ]
        return {"type": "http.response.start", "status": 303, "headers": headers}, b""
    headers = [(b"content-type", b"text/plain")]
    body = b"Open the page by the address that `rag serve` printed: /?token=... with its token."
    return {"type": "http.response.start", "status": 401, "headers": headers}, body


def _bearer(headers: Headers) -> str:
    kind, _, token = headers.get(b"authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def _cookie_name(scope: Message) -> str:
    """Return the name of the cookie: browsers send the cookies of one port to all others."""
    return f"rag_token_{(scope.get('server') or ('', 0))[1]}"


def _cookies(scope: Message, headers: Headers) -> Iterator[str]:
    """Yield the values of our cookie; ignore everything else in the header.

    There may be several, where another program of this machine set one of the same name.
    """
    for pair in headers.get(b"cookie", "").split(";"):
        name, _, value = pair.partition("=")
        if name.strip() == _cookie_name(scope):
            yield value.strip()
