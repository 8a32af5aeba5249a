"""Check boxes of forms in PDFs: a ticked one is read as ticked, whatever its sign looks like."""

from collections.abc import Callable

import pytest
from drawn_pdf import HEIGHT, WIDTH, drawn, read, texts, write
from reportlab.pdfgen.canvas import Canvas

STYLES = ("check", "cross", "circle", "star", "diamond")


def form(style: str, ticked: bool, radio: bool = False) -> Callable[[Canvas], None]:
    def page(canvas: Canvas) -> None:
        for number, (text, on) in enumerate((("Doors close", ticked), ("Alarm works", not ticked))):
            y = 300 - 30 * number
            write(canvas, 60, y, f"{text} by themselves.")
            place = {"x": 40, "y": y - 3, "size": 14, "buttonStyle": style}
            if radio:
                canvas.acroForm.radio(name="choice", value=str(number), selected=on, **place)
            else:
                canvas.acroForm.checkbox(name=f"box{number}", checked=on, **place)

    return page


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("ticked", [True, False])
def test_a_ticked_box_is_read_as_ticked_and_one_that_is_not_as_empty(
    style: str, ticked: bool
) -> None:
    signs = "☒☐" if ticked else "☐☒"
    assert texts(read(drawn(form(style, ticked)))) == [
        f"{signs[0]} Doors close by themselves.",
        f"{signs[1]} Alarm works by themselves.",
    ]


def test_a_chosen_button_is_read_as_ticked() -> None:
    assert texts(read(drawn(form("circle", ticked=False, radio=True)))) == [
        "☐ Doors close by themselves.",
        "☒ Alarm works by themselves.",
    ]


@pytest.mark.parametrize("rotate", [90, 180, 270])
def test_a_box_stands_beside_its_text_on_a_turned_page(rotate: int) -> None:
    shown = texts(read(drawn(form("check", ticked=True), rotate=rotate)))
    assert sorted(" ".join(shown).split()) == sorted(
        "☒ Doors close by themselves. ☐ Alarm works by themselves.".split()
    )


def test_a_box_without_text_beside_it_is_read() -> None:
    def page(canvas: Canvas) -> None:
        write(canvas, 60, 500, "A sentence of the report.")
        canvas.acroForm.checkbox(x=WIDTH / 2, y=HEIGHT / 2, size=14, checked=True, name="box")

    assert texts(read(drawn(page))) == ["A sentence of the report.", "☒"]
