"""Ten reports of five dates, and filters that let some of them through."""

from collections.abc import Iterator
from dataclasses import replace

from hypothesis import strategies as st
from libraries import make_document

from rag.types import Document, Filter, Quotation

SPEAKERS = ("Hassan Nasrallah", "Élodie Dupré", "Al-Jazeera’s host")
DATES = ("2023", "2023-03", "2023-03-14", "2023-04-01", "")
# What a filter asks for -> what the name of a speaker then holds.
PLAIN = {
    "nasrallah": "Nasrallah",
    "ELODIE": "Élodie",
    "jazeera al": "Al-Jazeera",
    "dupre élodie": "Élodie",
    "nasr": "nobody",
    "?": "nobody",
}
FILTERS = st.builds(
    Filter,
    documents=st.lists(st.sampled_from(["Report-1", "report-2", "REPORT-3"]), max_size=2).map(
        tuple
    ),
    after=st.sampled_from(["", "2022", "2023", "2023-03", "2023-03-14", "2023-03-15", "2024"]),
    before=st.sampled_from(["", "2022-12-31", "2023", "2023-03", "2023-03-13", "2023-04"]),
    speaker=st.sampled_from(["", *PLAIN]),
    section=st.sampled_from(["", "1", "3"]),
)


def press_reports() -> Iterator[Document]:
    """Yield the reports, four paragraphs each.

    The first two paragraphs are quotations, of which the second runs into the third.
    """
    for n in range(10):
        document = make_document(f"Report-{n}", *(f"Trade word{n} word{i}." for i in range(4)))
        (_, first), (second, _), (_, third), _ = ((p.start, p.end) for p in document.paragraphs)
        quotations = (
            Quotation(0, first, SPEAKERS[n % 3], "", ""),
            Quotation(second, third, SPEAKERS[(n + 1) % 3], "", ""),
            Quotation(third, third + 1, "", "", ""),
        )
        yield replace(document, date=DATES[n % 5], quotations=quotations)
