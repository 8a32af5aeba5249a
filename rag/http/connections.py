"""How long a client may take to send a request, and who makes room when many say nothing.

[uvicorn]
"""

import asyncio
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 10.0  # for the lines and headers of a request; a browser sends them at once
BODY_SECONDS = 300.0  # for the body: 50 MB over a slow link
# Bytes of a body that are taken after its request was answered: a client that is cut off at once
# may not see the answer.
_MAX_UNWANTED = 1_000_000
KEEP_ALIVE_SECONDS = 5  # between two requests


_Phase = Literal["head", "body", "answer"]


def _phase_of(cycle: Any) -> _Phase:  # noqa: ANN401 - uvicorn's own, of one request
    """Return what a connection waits for: a request, the rest of its body, or our answer."""
    if cycle is None or cycle.response_complete:
        return "head"
    return "body" if cycle.more_body else "answer"


def protocol_class(
    most: int, head_seconds: float = HEAD_SECONDS, body_seconds: float = BODY_SECONDS
) -> "type[H11Protocol]":
    """Return a protocol for uvicorn that keeps `most` connections open, and its clients to time.

    One more makes room: of those that wait for their client the one that has waited longest is
    closed. So silent clients lock out nobody; only requests that are being answered do.
    """
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class Protocol(H11Protocol):
        phase: _Phase
        since: float
        timer: asyncio.TimerHandle | None = None
        unwanted = 0  # bytes

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self.enter("head")
            if len(self.connections) > most:
                self.make_room()

        def data_received(self, data: bytes) -> None:
            before = self.cycle
            if before and before.response_complete and before.more_body:  # of a body nobody wants
                self.unwanted += len(data)
                if self.unwanted > _MAX_UNWANTED:
                    self.transport.abort()
                    return
            super().data_received(data)
            phase = _phase_of(self.cycle)
            if phase != self.phase or self.cycle is not before:
                self.enter(phase)

        def connection_lost(self, exc: Exception | None) -> None:
            self.stop_timer()
            super().connection_lost(exc)

        def enter(self, phase: _Phase) -> None:
            self.stop_timer()
            self.phase, self.since = phase, self.loop.time()
            if phase != "answer":
                seconds = head_seconds if phase == "head" else body_seconds
                self.timer = self.loop.call_later(seconds, self.transport.abort)

        def stop_timer(self) -> None:
            if self.timer:
                self.timer.cancel()
                self.timer = None

        def make_room(self) -> None:
            """Close the connection that has waited longest for its client, if one does."""
            others: list[Any] = [other for other in self.connections if other is not self]
            waiting = [other for other in others if _phase_of(other.cycle) != "answer"]
            if waiting:
                longest = min(waiting, key=lambda other: other.since)
                longest.transport.abort()
                self.connections.discard(longest)  # not only once it has heard of its end

    return Protocol
