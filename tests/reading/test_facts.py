"""What files state of themselves, in every place that formats have for it."""

from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest
from docx import Document as WordDocument
from readers import read, shown

from rag.reading.dates import dates_in
from rag.reading.facts import NO_TITLE, facts_on_first_page, stated_facts
from rag.types import Document, Fact

YAML = """---
title: "Mooring rules"
author: [Karin Solvang, Ole Berg]
date: 2023-11-08
version: 2
---
Boats longer than twelve metres may not lie here.
"""
TOML = '+++\ntitle = "Mooring rules"\nauthors = ["Karin Solvang"]\ndate = 2023-11-08\n+++\nBoats.\n'
JSON_LD = """<html><head><title>Sound under water | Coastal Lab</title>
<meta property="og:site_name" content="Coastal Lab">
<script type="application/ld+json">{"@context": "https://schema.org", "@graph": [
 {"@type": "Organization", "name": "Coastal Lab"},
 {"@type": "NewsArticle", "headline": "Sound under water", "datePublished": "2022-06-14T08:00:00Z",
  "author": [{"@type": "Person", "name": "Milan Verhoef"}],
  "publisher": {"@type": "Organization", "name": "Coastal Lab"}}]}</script></head>
<body><article><p>Noise fell by six decibels while ships went slower in the lane.</p></article>"""


def facts(document: Document) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for fact in document.facts:
        found.setdefault(fact.name, []).append(fact.value)
    return found


@pytest.mark.parametrize(
    ("source", "authors"), [(YAML, ["Karin Solvang", "Ole Berg"]), (TOML, ["Karin Solvang"])]
)
def test_front_matter_is_believed_in_both_its_languages(
    tmp_path: Path, source: str, authors: list[str]
) -> None:
    document = read(tmp_path, source, "memo.md")
    assert (document.title, document.date) == ("Mooring rules", "2023-11-08")
    assert facts(document)["author"] == authors
    assert {fact.source for fact in document.facts} == {"front matter"}
    assert [text for text in shown(document, "text") if text.startswith("Author")] == [
        f"Author: {name}" for name in authors
    ]


def test_front_matter_that_is_no_yaml_is_read_line_by_line(tmp_path: Path) -> None:
    document = read(tmp_path, "---\ntitle: A: B\nauthor: Ann Dahl\n---\nText.\n", "a.md")
    assert (document.title, facts(document)["author"]) == ("A: B", ["Ann Dahl"])


def test_json_ld_tells_author_publisher_and_date(tmp_path: Path) -> None:
    document = read(tmp_path, JSON_LD, "page.html")
    assert (document.title, document.date) == ("Sound under water", "2022-06-14")
    assert facts(document)["author"] == ["Milan Verhoef"]
    assert facts(document)["publisher"] == ["Coastal Lab"]
    assert document.text.endswith("Author: Milan Verhoef\n\nPublisher: Coastal Lab")


@pytest.mark.parametrize("script", ["{", "[" * 5000, '{"@type": 5, "@graph": [[{}]]}', "null"])
def test_json_ld_that_is_none_is_no_fact(tmp_path: Path, script: str) -> None:
    page = f'<script type="application/ld+json">{script}</script><p>The quay is open again.</p>'
    assert "author" not in facts(read(tmp_path, page, "page.html"))


def test_core_properties_of_a_word_file_name_its_author(tmp_path: Path) -> None:
    made = WordDocument()
    made.core_properties.author = "Karin Solvang"
    made.core_properties.title = "Microsoft Word - rules.doc"
    made.add_paragraph("Boats longer than twelve metres may not lie in the inner basin.")
    made.save(str(tmp_path / "made.docx"))
    document = read(tmp_path, (tmp_path / "made.docx").read_bytes(), "rules.docx")
    assert Fact("author", "Karin Solvang", "document properties") in document.facts
    assert not document.title.startswith("Microsoft")


def book(chapter: str) -> bytes:
    package = (
        '<package xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata><dc:title>The Salt Road'
        "</dc:title><dc:creator>Mara Lind</dc:creator><dc:date>2019-04-02</dc:date></metadata>"
        '<manifest><item id="c" href="c.xhtml" media-type="application/xhtml+xml"/></manifest>'
        '<spine><itemref idref="c"/></spine></package>'
    )
    stream = BytesIO()
    with ZipFile(stream, "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")
        rootfile = '<container><rootfile full-path="p.opf"/></container>'
        archive.writestr("META-INF/container.xml", rootfile)
        archive.writestr("p.opf", package)
        archive.writestr("c.xhtml", chapter)
    return stream.getvalue()


def test_the_title_of_a_book_is_not_that_of_its_first_chapter(tmp_path: Path) -> None:
    page = "<html><body><h1>Chapter One</h1><p>The road was white.</p></body></html>"
    document = read(tmp_path, book(page), "book.epub")
    assert (document.title, document.date) == ("The Salt Road", "2019-04-02")
    assert facts(document)["author"] == ["Mara Lind"]
    assert document.text.startswith("The Salt Road\n\nChapter One\n\n")


@pytest.mark.parametrize(
    ("line", "date"),
    [
        ("Version 2, 9 January 2024. In force since 1 February 2024.", "2024-01-09"),
        ("Published: 12 May 2020", "2020-05-12"),
        ("Harbour City, 3 March 2024", "2024-03-03"),
        ("Stand: 3. März 2021", "2021-03-03"),
        ("Publié le 1er juin 2019", "2019-06-01"),
        ("Madrid, 4 de octubre de 2018", "2018-10-04"),
        ("Roma, 7 luglio 2022", "2022-07-07"),
        ("от 5 марта 2020", "2020-03-05"),
        ("二〇二〇 2020年3月5日", "2020-03-05"),
        ("ירושלים, 5 במרץ 2020", "2020-03-05"),
        ("القاهرة، 5 مارس 2020", "2020-03-05"),
        ("Saturday, September 21, 2013 at 11:51 AM", "2013-09-21"),
        ("Last Revised: | 2013-06-28", "2013-06-28"),
        ("May 2021", "2021-05"),
        ("Background checks November - 2015", "2015-11"),
        ("ISSUE Date: 2019-4-25", "2019-04-25"),
        ("Received 4 June 2003", ""),
        (
            "Inspected by: Ann Lee Date of inspection: 1 May 2023 Report date: 6 May 2023",
            "2023-05-06",
        ),
        ("Commission of Inquiry Submitted to the Parliament on 28 January 2022", "2022-01-28"),
        ("The bill was submitted to the Parliament on 28 January 2022 and was passed.", ""),
        ("2019", "2019"),
        ("Closing Date | 04/23/2024", ""),
        ("1 January 2020 – 31 December 2020", ""),
        ("For the fiscal year ended December 31, 2023", ""),
        ("Retrieved 4 May 2020", ""),
        ("1 of 30 03/22/2015 10:21 PM", ""),
        ("On March 20, 2013, at about 14.15 South Korea suffered an attack on six banks.", ""),
    ],
)
def test_the_date_of_a_file_is_one_that_its_first_page_calls_so(line: str, date: str) -> None:
    found = facts_on_first_page([line])
    assert [fact.value for fact in found if fact.name == "date"] == [date] * bool(date)


def test_a_date_that_is_called_one_goes_before_one_that_stands_alone() -> None:
    lines = ["Closing Date 4 May 2020", "3 March 2019", "Date of issue: 9 June 2021", "2017"]
    found = facts_on_first_page(lines)
    assert [f.value for f in found] == ["2021-06-09"]
    assert found[0].source == "first page: Date of issue: 9 June 2021"


def test_version_successor_and_author_of_the_first_page_are_kept(tmp_path: Path) -> None:
    text = (
        "Travel policy\n\nVersion 1, 4 February 2019. Replaced by version 2.\n\nBy Karin Solvang\n"
    )
    document = read(tmp_path, text + "\nStaff may claim 38 euros a day for meals.\n")
    assert facts(document) == {
        "date": ["2019-02-04"],
        "version": ["1"],
        "replaced_by": ["version 2"],
        "author": ["Karin Solvang"],
    }
    assert document.text == text + "\nStaff may claim 38 euros a day for meals."


@pytest.mark.parametrize(
    "title",
    ["UNITED STATES SECURITIES AND EXCHANGE COMMISSION", "Microsoft Word - a.doc", "Untitled-1",
     "PowerPoint Presentation", "report_final.docx", "Slide 1"],
)  # fmt: skip
def test_what_programs_and_forms_write_is_no_title(tmp_path: Path, title: str) -> None:
    assert NO_TITLE.fullmatch(title)
    page = f"<title>{title}</title><h1>{title}</h1><h2>Annual report of Nordlys</h2><p>Text.</p>"
    assert read(tmp_path, page, "page.html").title != title


def test_values_that_say_nothing_are_no_facts() -> None:
    pairs = [("author", "admin"), ("creator", "https://x.org/me"), ("date", "soon"), ("x", "y")]
    assert stated_facts(pairs, "<meta>") == []
    assert stated_facts([("author", {"name": "Ann Dahl"}), ("author", None)], "s") == [
        Fact("author", "Ann Dahl", "s")
    ]


def test_dates_do_not_overlap_and_no_impossible_day_is_one() -> None:
    text = "9 January 2024 and 2024-02-30, 13/25/2024 or 25/12/2023"
    assert [text[d.start : d.end] for d in dates_in(text)] == ["9 January 2024", "25/12/2023"]


@pytest.mark.parametrize(
    ("lines", "date"),
    [
        (["January 26, 2010", "Build 5864 released on January 18, 2010"], "2010-01-26"),
        (["This holds for what is known as of February 18, 2011, and no more"], "2011-02-18"),
        (["Received August 10, 2013; Accepted February 3, 2014; Published March 20, 2014"],
         "2014-03-20"),
        (["Last Revised: 2014‐01‐15"], "2014-01-15"),
        (["Download date: 28 Dec 2018", "2002"], "2002"),
        (["[36 FR 7801, Apr. 24, 1971, as amended at 37"], ""),
        (["(2024)."], ""),
        (["[1] of 8 03/22/2015 07:49 PM"], ""),
        (["in july 1846 in the harbour inn"], ""),
        (["attorneys general in November 1998. The ports"], ""),
        (["2019", "2020", "2021"], ""),
        (["Files date as far back as May 2007"], ""),
        (["Revised 18 Oct 2012; published 8 Nov 2012"], "2012-11-08"),
        (["August 23, 2013 | By Nart Lund, Ned Moran and others of the harbour of Esker"],
         "2013-08-23"),
        (["07/01/2015 - 03/25/2016"], ""),
        (["15.9.2007 11:02"], ""),
        (["March 22nd, 2007: Harbour project started"], ""),
        (["2013年5月16日菲达环保公司与浙江神鹰集团有限公司签约"], ""),
        ([f"{day} May 2015" for day in range(1, 7)], ""),
    ],
)  # fmt: skip
def test_the_date_of_something_else_is_not_taken(lines: list[str], date: str) -> None:
    found = [fact.value for fact in facts_on_first_page(lines) if fact.name == "date"]
    assert found == ([date] if date else [])


@pytest.mark.parametrize(
    ("line", "author"),
    [
        ("Marlin, 17 May 2023 | Press Survey No. 29 | By Teodor Lisle", "Teodor Lisle"),
        ("By Ann Smith · 3 May 2021", "Ann Smith"),
        ("17 May 2023 | Stand by the river", ""),
    ],
)
def test_a_byline_may_stand_between_bars(line: str, author: str) -> None:
    found = [fact.value for fact in facts_on_first_page([line]) if fact.name == "author"]
    assert found == ([author] if author else [])
