"""A press report is read as a person reads it: title, notes, quotations, who says them."""

import hashlib
from pathlib import Path

import pytest
from press_report import REPORT, SPEAKERS, assert_speakers
from readers import assert_spans_hold, read, shown

from rag.reading.documents import read_document
from rag.types import Document

CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "memri-10538.txt"


MEMRI_SPEAKERS = [
    ("Xi Jinping", '"In February, China', 'of history."', "1"),
    ("Vladimir Putin", '"Of course, we did not', 'uranium shells."', "2"),
    ("Georgy Bovt", '"Zelensky is unlikely', 'of sanctions."', "3"),
    ("Yuri Ushakov", '"useful for', 'both parties."', ""),
    ("Yuri Ushakov", '"In the West', 'in Moscow."', "4"),
    ("Kirill Babayev", '"A modern high-speed', 'project to life."', ""),
    ("Kirill Babayev", '"The visit is also', 'SCO and BRICS."', ""),
    ("Kirill Babayev", '"The Chinese leader\'s trip', 'Vladimir Putin."', "6"),
    ("Xi Jinping", '"President Putin and I', 'greater ease."', "7"),
    ("Vladimir Putin", '"Let me note', 'and projects."', ""),
    ("Vladimir Putin", '"Expanding payments', 'currency markets."', "8"),
    ("a former diplomat from one of the post-Soviet countries", '"However, the', 'gambit,"', ""),
    ((
        "a former diplomat from one of the post-Soviet countries"
    ), (
        '"Russia, undoubtedly'
    ), (
        'in Beijing,"'
    ), (
        ""
    )),
    ("Xi Jinping", '"Immediately after', 'good works."', "10"),
    ("Sergei Strokan", '"The Chinese leader\'s article', 'figurative sense."', "11"),
    ("Georgy Bovt", '"On the eve', 'Interior Ministry."', "12"),
    ("Maxim Yusin", '"The visit by', 'in this."', "13"),
    ("Sergei Strokan", '"The fact is', 'Bloc countries."', "14"),
    ("Dmitry Peskov", '"These were very', 'of states,"', ""),
    ("", '"a common vision', 'international relations."', "15"),
    ("Fyodor Lukyanov", '"China, battered', 'things together."', ""),
    ("Timofei Bordachev", '"There were a few', 'environment..."', ""),
    ("Timofei Bordachev", '"Russia and China can', 'Middle East."', "16"),
    ("David Narmanya", '"Moscow-23 is', 'its sustainability."', "17"),
]  # fmt: skip


@pytest.fixture
def report(tmp_path: Path) -> Document:
    return read(tmp_path, REPORT, "halden.txt")


def test_a_document_carries_its_files_name_and_hash(report: Document) -> None:
    assert (report.name, report.file) == ("halden", "halden.txt")
    assert report.sha256 == hashlib.sha256(REPORT.encode()).hexdigest()


def test_plain_text_stays_literal(report: Document) -> None:
    assert report.text == REPORT.rstrip()


def test_title_dateline_and_date_are_told_apart(report: Document) -> None:
    assert (report.title, report.date) == ("The Quiet Port Of Halden", "2024-06-03")
    assert report.dateline == "June 3, 2024 Harbour Brief No. 17"


def test_headings_open_sections(report: Document) -> None:
    assert [section.heading for section in report.sections] == [
        "",
        "Old Piers And New Money",
        "Who Pays In The End?",
    ]
    assert_spans_hold(report)


def test_captions_and_share_lines_are_furniture(report: Document) -> None:
    assert shown(report, "furniture") == [
        "Ingrid Solheim (Source: Halden Post)",
        "Photo: the quay of Moss",
        "Share this report:",
    ]


def test_the_list_at_the_end_is_notes(report: Document) -> None:
    assert [(note.number, note.text) for note in report.notes][:3] == [
        ("1", "June 1, 2024."),
        ("2", "Survey of the piers, page 12."),
        ("3", "Halden Post, June 2, 2024."),
    ]
    assert [report.text[note.start : note.end] for note in report.notes] == shown(report, "note")


def test_markers_of_notes_are_references_and_other_brackets_are_not(report: Document) -> None:
    assert [(r.number, report.text[r.start : r.end]) for r in report.references] == [
        (n, f"[{n}]") for n in "12345"
    ]


def test_every_quotation_of_a_report_has_its_speaker(report: Document) -> None:
    assert_speakers(report, SPEAKERS)


def test_the_words_that_introduce_a_speaker_are_kept(report: Document) -> None:
    lead_ins = [q.lead_in for q in report.quotations]
    assert lead_ins[2:7] == [
        "According to Aas,",
        "For Aas, repair was a matter of months, not years:",
        "The delay also had a price:",
        "is how a skipper from the northern basin described the mood",
        "the skipper added",
    ]


def test_the_shared_report_is_read_as_a_person_reads_it() -> None:
    if not CORPUS.exists():
        pytest.skip(f"the shared corpus is not there: {CORPUS}")
    document = read_document(CORPUS)
    assert_spans_hold(document)
    assert document.title == "Xi's Visit Heartens Russia, But Questions Remain"
    assert (document.date, document.dateline) == (
        "2023-03-24",
        "March 24, 2023 Special Dispatch No. 10538",
    )
    assert [section.heading for section in document.sections] == [
        "",
        "Ukraine: Russian Deference To Chinese Guest But With Caveats",
        "Economic Agreements – The Tangible Success Of The Visit",
        "Allies All But In Name?",
    ]
    assert [note.number for note in document.notes] == [str(number) for number in range(1, 18)]
    assert document.notes[2].text == "March 20, 2023."
    assert [reference.number for reference in document.references] == [
        str(number) for number in range(1, 18)
    ]
    lines = [
        line
        for line in document.text.splitlines()
        if line.endswith("(Source:") or line == "Share this Report:"
    ]
    assert shown(document, "furniture") == lines
    assert_speakers(document, MEMRI_SPEAKERS)


def test_every_quoted_paragraph_of_the_shared_report_lies_in_a_quotation() -> None:
    if not CORPUS.exists():
        pytest.skip(f"the shared corpus is not there: {CORPUS}")
    document = read_document(CORPUS)
    quoted = [p for p in document.paragraphs if p.kind == "text" and document.text[p.start] == '"']
    assert len(quoted) == 37
    for p in quoted:
        end = document.sections[p.section].end
        assert any(q.start <= p.start < q.end <= end and q.speaker for q in document.quotations)


def test_the_shared_report_has_four_captions_a_share_line_and_its_number() -> None:
    if not CORPUS.exists():
        pytest.skip(f"the shared corpus is not there: {CORPUS}")
    document = read_document(CORPUS)
    assert shown(document, "furniture") == [
        "Vladimir Putin and Xi Jin Ping (Source:",
        "Kirill Babayev (Source:",
        "Sergei Strokan (Source:",
        "Timofei Bordachev (Source:",
        "Share this Report:",
    ]
    assert document.number == "Special Dispatch No. 10538"


@pytest.mark.parametrize(
    ("words", "note"),
    [
        ("We have been proactive in promoting reconciliation", "1"),
        ("useful for both parties", "4"),  # the next note of its paragraph
        ("President Putin and I agreed to step up", "7"),  # two paragraphs, one quotation, one note
        (
            "Last year, trade increased by 30 percent",
            "8",
        ),  # "Putin expressed particular satisfaction …:" leads on to note 8
        ("As of the end of the first three quarters of 2022", "8"),
        ("The Chinese leader's trip is coming to an end", "6"),
        # "For Babayev, … tenure in office." is narration of its own, so note 6 is that of the words
        # behind it alone.
        ("it was the railway that once united the West and East", ""),
        ("The attractiveness of this model of Russia and China", ""),
        ("Symbolic, as it was the first foreign trip", "13"),  # five paragraphs
        ("These were very, very productive talks", ""),
        ("There were a few rare exceptions", "16"),
    ],
)
def test_the_words_of_the_shared_report_have_their_notes(words: str, note: str) -> None:
    if not CORPUS.exists():
        pytest.skip(f"the shared corpus is not there: {CORPUS}")
    document = read_document(CORPUS)
    start = document.text.index(words)
    found = document.note_at(start, start + len(words))
    assert (found.number if found else "") == note


@pytest.mark.parametrize(
    ("between", "note"),
    [
        ("He saw a danger, too:", "1"),
        ("Ann Lee (Source: Halden Post)\n\nHe saw a danger, too:", "1"),
        ("He saw a danger, too.", ""),
        ("He left. The rain stopped.\n\nHe saw a danger, too:", ""),
        ("The Danger Of It\n\nBo Lee said:", ""),
        ("Ann Dahl said:", ""),
    ],
)
def test_a_note_belongs_to_the_words_before_a_lead_in_and_not_to_those_before_other_narration(
    tmp_path: Path, between: str, note: str
) -> None:
    body = (
        f'Bo Lee said:\n\n"This is what I saw there."\n\n{between}\n\n"It was a cold and windy '
        f'day."[1]\n\n[1] The Post.'
    )
    document = read(tmp_path, f"Title Of It\n\n{body}\n")
    start = document.text.index("what I saw")
    found = document.note_at(start, start + 10)
    assert (found.number if found else "") == note


def quotations(folder: Path, body: str) -> list[tuple[str, str]]:
    document = read(folder, f"Title Of It\n\n{body}")
    return [(document.text[q.start : q.end], q.speaker) for q in document.quotations]


@pytest.mark.parametrize("marks", ['""', "“”", "«»", "„“", "»«", "””", "「」"])
def test_quotation_marks_of_other_scripts_are_read(tmp_path: Path, marks: str) -> None:
    quote = f"{marks[0]}We shall build the bridge{marks[1]}"
    assert quotations(tmp_path, f"Mr. Olsen said: {quote} and left.") == [(quote, "Olsen")]


@pytest.mark.parametrize(
    ("text", "speaker"),
    [
        ('Ann Lee said, "This is what I saw there." She left.', "Ann Lee"),
        (
            'Ann Lee, head of the port, has repeatedly warned that "this is what I saw there."',
            "Ann Lee",
        ),
        ('"This is what I saw there," said harbour master Ann Lee.', "Ann Lee"),
        ('"This is what I saw there," Ann Lee, head of the port, told reporters.', "Ann Lee"),
        ('Ann Lee met Bo Dahl. He said: "This is what I saw there."', ""),
        ('An aide to Ann Lee said: "This is what I saw there."', "an aide to Ann Lee"),
        ('"This is what I saw there" stood on the wall of the port.', ""),
        ('In the words of Ann Lee, "this is what I saw there."', "Ann Lee"),
        ('Prime Minister Ann Lee arrived. "This is what I saw there," she said.', "Ann Lee"),
        (
            'The mayor of the port, Ann Lee, said that the town "saw nothing of this there."',
            "Ann Lee",
        ),
        (
            'Its pilot, Ann Lee, waited for a day. "This is what I saw there," she told the crew.',
            "Ann Lee",
        ),
        (
            'Ann Lee waited. The rain stopped.\n\nThe port was closed.\n\nThen he wrote: "This is '
            'what I saw there."',
            "",
        ),
        ('The Kremlin said: "This is what I saw there."', "the Kremlin"),
        ('The same was echoed by Bo Dahl: "This is what I saw there."', "Bo Dahl"),
        (
            'Ann Lee agreed with Bo Dahl.\n\nThe port was closed for a week.\n\n"This is what I '
            'saw there."',
            "",
        ),
        ('Ann Lee said it was bad.\n\nThe Port And The Storm\n\n"This is what I saw there."', ""),
        ('Ann Lee said it was bad. Bo Dahl left the room.\n\n"This is what I saw there."', ""),
        ('Ann Lee and Bo Dahl said: "This is what I saw there."', ""),
        ('"This is what I saw there," said Ann Lee and Bo Dahl.', ""),
        ('"This is what I saw there," Ann Lee and Bo Dahl said.', ""),
        ('"This is what I saw there," said Ann Lee, and Bo Dahl left.', "Ann Lee"),
        ('According to Ann Lee and Bo Dahl, "this is what I saw there."', ""),
        (
            'Ann Lee wrote a book. Years later, Lee explained: "This is what I saw there."',
            "Ann Lee",
        ),
    ],
)
def test_a_speaker_is_named_where_the_text_says_so_and_only_there(
    tmp_path: Path, text: str, speaker: str
) -> None:
    assert [found[1] for found in quotations(tmp_path, text)] == [speaker]


def test_a_colon_in_running_text_gives_nobody_the_words_behind_it(tmp_path: Path) -> None:
    body = (
        'Ann Lee said: "This is what I saw there." Three songs were sung: "So much to do in one '
        'day"'
    )
    assert [speaker for _, speaker in quotations(tmp_path, body)] == ["Ann Lee", ""]
    body = (
        'Ann Lee said: "This is what I saw there."\n\nThe storm came. Three songs were '
        'sung:\n\n"So much to do in one day"'
    )
    assert [speaker for _, speaker in quotations(tmp_path, body)] == ["Ann Lee", ""]


def test_words_of_letters_without_spaces_between_are_quoted(tmp_path: Path) -> None:
    body = "馆长在「渔港」说：「我们明年会再建一座新的灯塔『北灯塔』。」她已经离开了。"
    assert quotations(tmp_path, body) == [("「我们明年会再建一座新的灯塔『北灯塔』。」", "")]


def test_short_quoted_terms_are_no_quotations(tmp_path: Path) -> None:
    assert (
        quotations(
            tmp_path, 'Ann Lee said that the "quiet port" and the "old north quay" were closed.'
        )
        == []
    )


def test_an_unclosed_mark_ends_with_its_paragraph(tmp_path: Path) -> None:
    body = (
        'Ann Lee said: "This is what I saw there.\n\nThe port is closed on Sundays.\n\n"Come back '
        'on Monday then," said Bo Dahl.'
    )
    assert quotations(tmp_path, body) == [
        ('"This is what I saw there.', "Ann Lee"),
        ('"Come back on Monday then,"', "Bo Dahl"),
    ]


def test_a_mark_without_a_partner_inside_a_quotation_does_not_join_it_to_the_next(
    tmp_path: Path,
) -> None:
    body = (
        'Ann Lee said: "We saw "the old pier and left."\n\n"Nobody was there that day," said Bo '
        "Dahl."
    )
    assert quotations(tmp_path, body) == [
        ('"We saw "the old pier and left."', "Ann Lee"),
        ('"Nobody was there that day,"', "Bo Dahl"),
    ]


def test_a_quotation_never_runs_over_a_heading(tmp_path: Path) -> None:
    body = (
        'Ann Lee said: "This is what I saw there.\n\nThe Old Port\n\n"It was a cold and windy day."'
    )
    assert quotations(tmp_path, body) == [
        ('"This is what I saw there.', "Ann Lee"),
        ('"It was a cold and windy day."', ""),
    ]


def test_inches_do_not_open_a_quotation(tmp_path: Path) -> None:
    assert quotations(tmp_path, 'A 12" pipe and a 15" pipe were laid under the old road.') == []


def test_of_two_people_with_one_surname_the_last_mentioned_speaks(tmp_path: Path) -> None:
    body = (
        'Ann Lee came. Lee said: "This is what I saw there."\n\nThen Bob Lee came. Lee said: '
        '"This is what I saw there, too."'
    )
    assert [speaker for _, speaker in quotations(tmp_path, body)] == ["Ann Lee", "Bob Lee"]
