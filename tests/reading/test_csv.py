"""Tables of values: a row is a paragraph with the names of its columns."""

from pathlib import Path

import pytest
from readers import assert_spans_inside, read

from rag.errors import DocumentError
from rag.reading.documents import read_document


@pytest.mark.parametrize(
    ("name", "table", "text"),
    [
        (
            "t.csv",
            'Port,Lamps\nVarde,"40, or so"\nMoss,75\n',
            "Port: Varde · Lamps: 40, or so\n\nPort: Moss · Lamps: 75",
        ),
        ("t.csv", "\ufeffPort;Cost\nVarde;1,5\n", "Port: Varde · Cost: 1,5"),
        ("t.tsv", "Port\tLamps\nVarde\t\nMoss\t75\n", "Port: Varde\n\nPort: Moss · Lamps: 75"),
        ("t.csv", "2021,40\n2022,75\n", "2021 | 40\n\n2022 | 75"),
        (
            "t.csv",
            "This is no table, but a sentence.\n\nAnd another one.\n",
            "This is no table, but a sentence.\n\nAnd another one.",
        ),
    ],
)
def test_a_row_is_a_paragraph_with_the_names_of_its_columns(
    tmp_path: Path, name: str, table: str, text: str
) -> None:
    document = read(tmp_path, table.encode(), name)
    assert document.text.strip() == text
    assert_spans_inside(document)


def test_a_table_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="more than the 50,000 rows"):
        read(tmp_path, b"a,b\n" + b"x,y\n" * 50_001, "long.csv")


def test_a_table_is_named_after_its_file_and_every_row_is_text(tmp_path: Path) -> None:
    file = tmp_path / "cheese-sales.csv"
    file.write_text("year,tonnes,buyer\n2021,3000,Estmark\n2022,3900,Vesland\n", encoding="utf-8")
    document = read_document(file)
    assert document.title == "cheese-sales"
    assert [document.text[p.start : p.end] for p in document.paragraphs if p.kind == "text"] == [
        "year: 2021 · tonnes: 3000 · buyer: Estmark",
        "year: 2022 · tonnes: 3900 · buyer: Vesland",
    ]
