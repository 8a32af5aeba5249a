"""Tables between drawn lines: rows, columns, cells that span several, cells of several lines."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from drawn_pdf import HEIGHT, WIDTH, drawn, texts, wrapped, write
from reportlab.pdfgen.canvas import Canvas

from rag.reading.pdf.document import read_pdf
from rag.reading.pdf_tables.grids import grids_of
from rag.reading.pdf_tables.rulings import Ruling, Rulings

XS, YS = (60, 160, 260, 360), (100, 130, 160, 190)
TOWNS = (
    ("Town", "Beds", "Doctors"),
    ("Esker", "85", "12"),
    ("Varde", "40", "7"),
)
SHOWN = ["Town: Esker · Beds: 85 · Doctors: 12", "Town: Varde · Beds: 40 · Doctors: 7"]


def cells(canvas: Canvas, rows: Sequence[Sequence[str]], bold: int = 0) -> None:
    """Write the lines of cells into the places of the grid, the first `bold` rows in bold type."""
    for row, top in zip(rows, YS, strict=False):
        font = "Helvetica-Bold" if row in rows[:bold] else "Helvetica"
        for cell, left in zip(row, XS, strict=False):
            for number, line in enumerate(cell.split("\n")):
                write(canvas, left + 4, HEIGHT - top - 11 - 10 * number, line, 9, font)


def stroked(canvas: Canvas) -> None:
    for x in XS:
        canvas.line(x, HEIGHT - YS[0], x, HEIGHT - YS[-1])
    for y in YS:
        canvas.line(XS[0], HEIGHT - y, XS[-1], HEIGHT - y)


def boxed(canvas: Canvas) -> None:
    for left, right in pairwise(XS):
        for top, bottom in pairwise(YS):
            canvas.rect(left, HEIGHT - bottom, right - left, bottom - top)


def shaded(canvas: Canvas) -> None:
    canvas.setFillGray(0.9)
    for left, right in pairwise(XS):
        for top, bottom in pairwise(YS):
            canvas.rect(left + 1, HEIGHT - bottom, right - left - 2, bottom - top, 0, 1)
    canvas.setFillGray(0)


def in_thin_bars(canvas: Canvas) -> None:
    for x in XS:
        canvas.rect(x, HEIGHT - YS[-1], 0.5, YS[-1] - YS[0], stroke=0, fill=1)
    for y in YS:
        canvas.rect(XS[0], HEIGHT - y, XS[-1] - XS[0], 0.5, stroke=0, fill=1)


def without_frame(canvas: Canvas) -> None:
    for x in XS[1:-1]:
        canvas.line(x, HEIGHT - YS[0], x, HEIGHT - YS[-1])
    for y in YS[1:-1]:
        canvas.line(XS[0], HEIGHT - y, XS[-1], HEIGHT - y)


def in_a_group(canvas: Canvas) -> None:
    canvas.beginForm("grid")
    stroked(canvas)
    canvas.endForm()
    canvas.doForm("grid")


@pytest.mark.parametrize("lines", [stroked, boxed, shaded, in_thin_bars, without_frame, in_a_group])
def test_a_table_is_read_by_its_lines_however_they_are_drawn(lines: object) -> None:
    assert callable(lines)

    def page(canvas: Canvas) -> None:
        lines(canvas)
        cells(canvas, TOWNS)

    assert texts(read_pdf(drawn(page)), "text") == SHOWN


def test_the_lines_of_a_cell_belong_together_and_its_box_holds_them_all() -> None:
    def page(canvas: Canvas) -> None:
        stroked(canvas)
        cells(canvas, [TOWNS[0], ("Esker on the\nRiver", "85", "12"), ("Varde", "4\n0", "7")])

    content = read_pdf(drawn(page))
    assert texts(content, "text") == [
        "Town: Esker on the River · Beds: 85 · Doctors: 12",
        "Town: Varde · Beds: 4 0 · Doctors: 7",
    ]
    box = content.blocks[0].boxes[0]
    assert content.blocks[0].text[: box.end] == "Town: Esker on the River"
    assert box.bottom - box.top > 18 / HEIGHT


def test_a_cell_over_several_rows_or_columns_is_told_with_each() -> None:
    def page(canvas: Canvas) -> None:
        for x, top in zip(XS, (YS[0], YS[0], YS[1], YS[0]), strict=True):
            canvas.line(x, HEIGHT - top, x, HEIGHT - YS[-1])
        for y, left in zip(YS, (XS[0], XS[1], XS[0], XS[0]), strict=True):
            canvas.line(left, HEIGHT - y, XS[-1], HEIGHT - y)
        cells(canvas, [("Town", "In all"), ("", "Beds", "Doctors"), ("Esker", "85", "12")], bold=2)

    told = ["Town: Esker · In all Beds: 85 · In all Doctors: 12"]
    assert texts(read_pdf(drawn(page)), "text") == told


def test_a_table_that_goes_on_over_a_page_is_one_and_keeps_its_heads() -> None:
    def page(rows: Sequence[Sequence[str]]) -> object:
        def draw(canvas: Canvas) -> None:
            stroked(canvas)
            cells(canvas, rows)

        return draw

    first, second = (
        page(TOWNS),
        page([("Tarn", "3", "1"), ("Ribe", "9", "2"), ("Skagen", "5", "4")]),
    )
    content = read_pdf(drawn(first, second))  # type: ignore[arg-type]
    assert texts(content, "text")[2:] == [
        "Town: Tarn · Beds: 3 · Doctors: 1",
        "Town: Ribe · Beds: 9 · Doctors: 2",
        "Town: Skagen · Beds: 5 · Doctors: 4",
    ]
    assert [block.boxes[0].page for block in content.blocks] == [1, 1, 2, 2, 2]


def test_boxes_around_text_and_the_grid_of_a_chart_are_no_tables() -> None:
    def chart(canvas: Canvas) -> None:
        stroked(canvas)
        write(canvas, 62, HEIGHT - 112, "Beds of the towns", 9)
        write(canvas, 170, HEIGHT - 172, "Varde", 9)

    def frame(canvas: Canvas) -> None:
        canvas.rect(50, 100, WIDTH - 100, 300)
        write(canvas, 60, 300, "A sentence of the report in a frame.")

    for page in (chart, frame):
        assert not any(block.row for block in read_pdf(drawn(page)).blocks)


def test_places_without_a_line_between_them_are_one_cell() -> None:
    across = [Ruling(y, 0, 90) for y in (0, 20, 60)] + [Ruling(40, 30, 90)]
    down = [Ruling(x, 0, 60) for x in (0, 30, 90)] + [Ruling(60, 20, 60)]
    (grid,) = grids_of(Rulings(across, down))
    assert {(cell.row, cell.column): (cell.rows, cell.columns) for cell in grid.cells} == {
        (0, 0): (1, 1),
        (0, 1): (1, 2),
        (1, 0): (2, 1),
        (1, 1): (1, 1),
        (1, 2): (1, 1),
        (2, 1): (1, 1),
        (2, 2): (1, 1),
    }


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_lines_turn_with_their_page(turn: int) -> None:
    lines = Rulings([Ruling(10, 20, 60)], [Ruling(30, 5, 90)])
    width, height = 100.0, 200.0
    turned = lines.turned(turn, width, height)
    across, down = (height, width) if turn in (90, 270) else (width, height)
    back = turned.turned((360 - turn) % 360, across, down)
    assert back == lines


def rules(canvas: Canvas, *tops: float) -> None:
    for top in tops:
        canvas.line(XS[0], HEIGHT - top, XS[-1], HEIGHT - top)


def test_lines_above_and_below_the_heads_make_a_table_of_what_stands_in_columns() -> None:
    def page(canvas: Canvas) -> None:
        rules(canvas, 100, 130, 220)
        rows = [*TOWNS, ("Ribe on the\nmarsh", "9", "2")]
        for row, top in zip(rows, (105, 135, 155, 175), strict=True):
            for cell, left in zip(row, XS, strict=False):
                write(canvas, left, HEIGHT - top - 12, cell.split("\n"), 9)

    assert texts(read_pdf(drawn(page)), "text") == [
        *SHOWN,
        "Town: Ribe on the marsh · Beds: 9 · Doctors: 2",
    ]


def test_what_stands_between_two_lines_is_one_row_if_lines_divide_all_rows() -> None:
    def page(canvas: Canvas) -> None:
        rules(canvas, 100, 130, 160, 190, 220)
        rows = [*TOWNS, ("Ribe", "nine, as\nfar as known", "2")]
        for row, top in zip(rows, (105, 135, 165, 195), strict=True):
            for cell, left in zip(row, XS, strict=False):
                write(canvas, left, HEIGHT - top - 7, cell.split("\n"), 9)

    assert texts(read_pdf(drawn(page)), "text") == [
        *SHOWN,
        "Town: Ribe · Beds: nine, as far as known · Doctors: 2",
    ]


def test_columns_of_prose_between_two_lines_are_no_table() -> None:
    def page(canvas: Canvas) -> None:
        canvas.line(30, 560, 370, 560)
        canvas.line(30, 60, 370, 60)
        for left in (30, 210):
            write(canvas, left, 540, wrapped("The council counted the lamps. " * 16, 160))

    assert not any(block.row for block in read_pdf(drawn(page)).blocks)


def test_a_shaded_line_within_a_shaded_cell_divides_nothing() -> None:
    def page(canvas: Canvas) -> None:
        canvas.setFillGray(0.8)
        for left, right in pairwise(XS):
            for top, bottom in pairwise(YS):
                canvas.rect(left, HEIGHT - bottom, right - left - 2, bottom - top - 2, 0, 1)
                canvas.rect(left + 5, HEIGHT - top - 16, right - left - 14, 10, 0, 1)
        canvas.setFillGray(0)
        cells(canvas, [TOWNS[0], ("Esker on the\nRiver", "85", "12"), TOWNS[2]])

    assert texts(read_pdf(drawn(page)), "text") == [
        "Town: Esker on the River · Beds: 85 · Doctors: 12",
        SHOWN[1],
    ]
