"""What ASGI middleware passes on, and what a request says about where it comes from."""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
Headers = dict[bytes, str]


def headers_of(scope: Message) -> Headers:
    """Return the headers of a request by their names in lower case."""
    return {key.lower(): value.decode("latin-1") for key, value in scope["headers"]}


def with_headers(message: Message, extra: Iterable[tuple[bytes, bytes]]) -> Message:
    """Return the start of a response with more headers."""
    message["headers"] = [*message.get("headers", []), *extra]
    return message


def is_known_host(headers: Headers, hosts: frozenset[str] | None) -> bool:
    """Return whether the server was addressed by one of its names; `None` stands for any name.

    A site that gives its own name to this machine (DNS rebinding) asks by that name.
    """
    if hosts is None:
        return True
    try:
        return urlsplit(f"//{headers.get(b'host', '')}").hostname in hosts
    except ValueError:
        return False


def is_same_origin(headers: Headers) -> bool:
    """Return whether the request does not come from the page of another site."""
    host = headers.get(b"host", "")
    return urlsplit(headers.get(b"origin", f"//{host}")).netloc == host
