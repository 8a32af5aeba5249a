"""A press report in our own words, and who says what in it."""

from rag.types import Document

# Our own words, with everything that a press report does to its quotations.
REPORT = """\
June 3, 2024 Harbour Brief No. 17

The Quiet Port Of Halden

June 3, 2024
Norway, Trade | Harbour Brief No. 17

Halden's council met for two days to decide the future of its port, which employs 412 people.

Old Piers And New Money

Mayor Ingrid Solheim stated that the piers were safe but would not last: "\
We have looked at every pile under the water. None of them will carry a crane after 2030."[1]

Ingrid Solheim (Source: Halden Post)

Per Aas, a marine engineer, claimed that the survey was "careful but far too late."[2] \
According to Aas, "The same cracks were \
seen in 1998 [by divers], and nobody wrote a line about them."[3]

For Aas, repair was a matter of months, not years:

"Steel can be driven in winter. It was done in Moss, where the "old quay" still stands.

Photo: the quay of Moss

"Whoever waits for summer waits for the bill."

The delay also had a price:

"Each month costs two million, and that is before the first storm comes in."[4]

The fishermen were less patient. "We were promised ice in May, and it is June now," is how a \
skipper from the northern basin \
described the mood.

"Nobody asks us anything," the skipper added.[5]

Who Pays In The End?

The finance committee met on Tuesday. "The money for the first pier is there and waiting."

Lena Berg, who has kept the accounts since 2011, made a list of what is missing. She wrote:

"There is no line for dredging. There is no line for the lamps either [...] and none for [sic] \
paint."

The council's lawyer Tor Lie bluntly stated that the contract could be ended.

"A contract that nobody has read is a contract that nobody has signed," declared Lie.

Solheim and Berg left early. "There will be another meeting before the snow."


[1], June 1, 2024.

[2] Survey of the piers, page 12.

[3] Halden Post, June 2, 2024.

[4], June 2, 2024.

[5], June 2, 2024.

Share this report:
"""

SPEAKERS = [
    ("Ingrid Solheim", '"We have looked', 'after 2030."', "1"),
    ("Per Aas", '"careful but', 'too late."', "2"),
    ("Per Aas", '"The same cracks', 'about them."', "3"),
    ("Per Aas", '"Steel can', 'for the bill."', ""),
    ("Per Aas", '"Each month', 'comes in."', "4"),
    ("a skipper from the northern basin", '"We were promised', 'June now,"', ""),
    ("a skipper from the northern basin", '"Nobody asks', 'anything,"', ""),
    ("", '"The money', 'and waiting."', ""),
    ("Lena Berg", '"There is no', '[sic] paint."', ""),
    ("Tor Lie", '"A contract', 'has signed,"', ""),
    ("", '"There will', 'the snow."', ""),
]

# Every quotation of the report in shared/corpus, read by hand: speaker, first words, last words,
# closing note. The words that close with note 15 stand in a declaration: the text does not say that
# anybody spoke them.


def assert_speakers(document: Document, table: list[tuple[str, str, str, str]]) -> None:
    found = [(q.speaker, document.text[q.start : q.end], q.note) for q in document.quotations]
    assert [(speaker, note) for speaker, _, note in found] == [
        (speaker, note) for speaker, _, _, note in table
    ]
    for (_, words, _), (_, first, last, _) in zip(found, table, strict=True):
        assert words.startswith(first)
        assert words.endswith(last)
