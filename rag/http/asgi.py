"""What ASGI middleware passes on, and what a request says about where it comes from."""

import ipaddress
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_HOST = re.compile(
    r"(?:\[(?P<address>[0-9A-Fa-f:.]{2,45})\]|(?P<name>[A-Za-z0-9._~-]{1,255}))"
    r"(?::(?P<port>[0-9]{1,5}))?"
)
_ORIGIN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}://(?P<host>.{1,300})")
_LAST_PORT = 65535

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


def are_well_formed(headers: Headers) -> bool:
    """Return whether the headers that name hosts are well-formed, where they are sent.

    RFC 9110 and RFC 6454 say how.

    A proxy in front states the name and the protocol it was asked by; several proxies separate
    theirs with commas.
    """
    host, origin = headers.get(b"host"), headers.get(b"origin")
    forwarded = headers.get(b"x-forwarded-host")
    how = headers.get(b"x-forwarded-proto", "http").split(",")
    return (
        (host is None or _host_and_port(host) is not None)
        and (origin in (None, "null") or _origin_host(origin or "") is not None)
        and (
            forwarded is None
            or all(_host_and_port(part.strip()) is not None for part in forwarded.split(","))
        )
        and all(part.strip() in ("http", "https") for part in how)
    )


def is_known_host(headers: Headers, hosts: frozenset[str] | None) -> bool:
    """Return whether the server was addressed by one of its names; `None` stands for any name.

    A site that gives its own name to this machine (DNS rebinding) asks by that name.
    """
    if hosts is None:
        return True
    named = _host_and_port(headers.get(b"host", ""))
    return named is not None and named[0] in hosts


def is_same_origin(headers: Headers) -> bool:
    """Return whether the request does not come from the page of another site."""
    origin = headers.get(b"origin")
    if origin is None:
        return True
    named = _host_and_port(headers.get(b"host", ""))
    return named is not None and _origin_host(origin) == named


def _origin_host(origin: str) -> tuple[str, str] | None:
    """Return the name and the port of an origin, None if it is not well formed."""
    found = _ORIGIN.fullmatch(origin)
    return _host_and_port(found["host"]) if found else None


def _host_and_port(host: str) -> tuple[str, str] | None:
    """Return the name, in lower case and without brackets, and the port, "" if none is named.

    None if it is not well formed.
    """
    found = _HOST.fullmatch(host)
    if found is None or int(found["port"] or 0) > _LAST_PORT:
        return None
    if found["address"]:
        try:
            ipaddress.IPv6Address(found["address"])
        except ValueError:
            return None
    return (found["address"] or found["name"]).lower(), found["port"] or ""
