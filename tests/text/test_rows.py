from rag.text.rows import RowCell, cell_asked_for, cells_of, is_row

ROW = "Type: Fine · 30 June 2023 (cents/kg): 782 · 29 September 2023 (cents/kg): 715"


def test_a_row_has_its_values_with_heads_and_places() -> None:
    cells = cells_of(ROW)
    assert [(cell.head, cell.value) for cell in cells] == [
        ("Type", "Fine"),
        ("30 June 2023 (cents/kg)", "782"),
        ("29 September 2023 (cents/kg)", "715"),
    ]
    assert all(ROW[cell.start : cell.end] == cell.value for cell in cells)


def test_a_value_may_have_no_head() -> None:
    assert cells_of("Vestby · 2015: 8120")[0] == RowCell("", "Vestby", 0, 6)
    assert is_row("Vestby · 2015: 8120")
    assert not is_row("Vestby grew.")


def test_a_label_of_a_form_is_the_head_of_what_follows() -> None:
    row = "Name of the boat: | Silver Petrel"
    (cell,) = cells_of(row)
    assert (cell.head, cell.value) == ("Name of the boat", "Silver Petrel")
    assert cell_asked_for("What is the boat called?", row, 0, 16) == cell


def test_of_the_cells_that_a_span_touches_the_question_names_one() -> None:
    start, end = ROW.index("782"), ROW.index("715") + 3
    cell = cell_asked_for("What was the price in September?", ROW, start, end)
    assert cell is not None
    assert cell.value == "715"
    assert cell_asked_for("What was the price?", "It was 715.", 7, 10) is None
