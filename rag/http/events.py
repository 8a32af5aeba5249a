"""Server-sent events: answers and jobs as they come about.   [fastapi]"""

import json

from fastapi import Request


def wants_events(request: Request) -> bool:
    """Return whether the request asks for events and not for one JSON."""
    return "text/event-stream" in request.headers.get("accept", "")


def event_of(name: str, value: object) -> str:
    """Return an event with a JSON value."""
    return f"event: {name}\ndata: {json.dumps(value, ensure_ascii=False)}\n\n"
