"""What a server has done, as numbers for Prometheus: never a question, a text or a name."""

import threading
from collections import Counter
from collections.abc import Mapping

_BUCKETS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)  # seconds
_HELP = {
    "rag_requests_total": "Requests by route and status; those refused have status 4xx or 503.",
    "rag_request_seconds": "Seconds from a request to the end of its answer, by route.",
    "rag_questions_total": "Questions by outcome.",
    "rag_answer_seconds": "Seconds from a question's turn to its whole answer.",
    "rag_first_token_seconds": "Seconds from a question's turn to the first words of its answer.",
    "rag_uploads_total": "Uploads by outcome.",
    "rag_asking": "Questions under way, those that wait included.",
    "rag_line_length": "Questions that wait for the language model.",
}

Labels = tuple[tuple[str, str], ...]


class Metrics:
    """Counts and durations since the server began. Safe from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = Counter[tuple[str, Labels]]()
        # The number in each bucket, and the sum.
        self._seconds: dict[tuple[str, Labels], list[float]] = {}

    def count(self, name: str, **labels: str) -> None:
        """Add one to a counter."""
        with self._lock:
            self._counts[name, tuple(labels.items())] += 1

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        """Add a duration to a histogram."""
        with self._lock:
            kept = self._seconds.setdefault(
                (name, tuple(labels.items())), [0.0] * (len(_BUCKETS) + 2)
            )
            kept[sum(limit < seconds for limit in _BUCKETS)] += 1
            kept[-1] += seconds

    def text(self, now: Mapping[str, int]) -> str:
        """Return all of it in Prometheus's text format; `now` has the values of the gauges."""
        lines: dict[str, list[str]] = {name: [] for name in _HELP}
        with self._lock:
            for (name, labels), value in sorted(self._counts.items()):
                lines[name].append(_metric_line(name, labels, value))
            for (name, labels), (*buckets, total) in sorted(self._seconds.items()):
                limits = [*map(str, _BUCKETS), "+Inf"]
                for number, limit in enumerate(limits, 1):
                    lines[name].append(
                        _metric_line(
                            f"{name}_bucket", (*labels, ("le", limit)), sum(buckets[:number])
                        )
                    )
                lines[name] += [
                    _metric_line(f"{name}_sum", labels, total),
                    _metric_line(f"{name}_count", labels, sum(buckets)),
                ]
        for name, value in now.items():
            lines[name].append(_metric_line(name, (), value))
        kinds = {
            name: "counter" if name.endswith("_total") else "gauge" if name in now else "histogram"
            for name in _HELP
        }
        return "".join(
            f"# HELP {name} {_HELP[name]}\n# TYPE {name} {kinds[name]}\n{''.join(lines[name])}"
            for name in _HELP
        )


def _metric_line(name: str, labels: Labels, value: float) -> str:
    within = ",".join(f'{label}="{text}"' for label, text in labels)
    return f"{name}{{{within}}} {value}\n" if within else f"{name} {value}\n"
