"""The form and the notes of a page -> parts of its text; check boxes as words.     [pypdfium2]"""

import ctypes
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from rag.reading.pdf.spaces import Word

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfPage

TICKED, EMPTY = "☒", "☐"
_SIZE, _BELOW = 0.8, 0.2  # of a box's height, where no text stands beside it


class CheckBox(NamedTuple):
    """A check box or a button of a choice, in the page's own space."""

    ticked: bool
    left: float
    bottom: float
    right: float
    top: float


def page_with_annotations(pdf: "PdfDocument", number: int) -> "tuple[PdfPage, list[CheckBox]]":
    """Return a page with the values of its form and its notes as part of its text.

    Its check boxes are apart: what they show is a drawing, or a letter of a font of signs. Pages
    count from 1; the forms of the file are to be initialised.
    """
    from pypdfium2 import raw

    page = pdf[number - 1]
    if not raw.FPDFPage_GetAnnotCount(page.raw):
        return page, []
    boxes = _taken_check_boxes(pdf, page)
    flattened = raw.FPDFPage_Flatten(page.raw, raw.FLAT_NORMALDISPLAY)
    if flattened != raw.FLATTEN_SUCCESS:
        return page, boxes
    page.close()
    return pdf[number - 1], boxes


def _taken_check_boxes(pdf: "PdfDocument", page: "PdfPage") -> list[CheckBox]:
    """Take the check boxes that show off a page, and return them."""
    from pypdfium2 import raw

    if pdf.formenv is None:
        return []
    form, found = pdf.formenv.raw, list[CheckBox]()
    kinds = (raw.FPDF_FORMFIELD_CHECKBOX, raw.FPDF_FORMFIELD_RADIOBUTTON)
    left, bottom, right, top = page.get_bbox()
    unseen = raw.FPDF_ANNOT_FLAG_HIDDEN | raw.FPDF_ANNOT_FLAG_NOVIEW
    for index in reversed(range(raw.FPDFPage_GetAnnotCount(page.raw))):
        annotation = raw.FPDFPage_GetAnnot(page.raw, index)
        try:
            if (
                raw.FPDFAnnot_GetSubtype(annotation) != raw.FPDF_ANNOT_WIDGET
                or raw.FPDFAnnot_GetFormFieldType(form, annotation) not in kinds
            ):
                continue
            rect, ticked = raw.FS_RECTF(), raw.FPDFAnnot_IsChecked(form, annotation)
            raw.FPDFAnnot_GetRect(annotation, ctypes.byref(rect))
            shown = not raw.FPDFAnnot_GetFlags(annotation) & unseen
        finally:
            raw.FPDFPage_CloseAnnot(annotation)
        raw.FPDFPage_RemoveAnnot(page.raw, index)
        across, up = (rect.left + rect.right) / 2, (rect.bottom + rect.top) / 2
        shown = shown and left < across < right and bottom < up < top
        if shown and rect.right > rect.left and rect.top > rect.bottom:
            found.append(CheckBox(bool(ticked), rect.left, rect.bottom, rect.right, rect.top))
    return found[::-1]


def box_words(
    boxes: Sequence[CheckBox],
    place: Callable[[float, float], tuple[float, float]],
    words: Sequence[Word],
) -> list[Word]:
    """Return a word for each check box, on the baseline and in the size of the text beside it.

    `place` converts a point of the page's own space to the page on which the words stand.
    """
    found: list[Word] = []
    for box in boxes:
        one, other = place(box.left, box.bottom), place(box.right, box.top)
        (left, right), (top, bottom) = sorted((one[0], other[0])), sorted((one[1], other[1]))
        size, baseline = _SIZE * (bottom - top), bottom - _BELOW * (bottom - top)
        beside = [word for word in words if top < word.baseline - 0.3 * word.size < bottom]
        if beside:
            nearest = min(beside, key=lambda word: max(word.left - right, left - word.right))
            size, baseline = nearest.size, nearest.baseline
        sign = TICKED if box.ticked else EMPTY
        found.append(Word(sign, True, False, left, top, right, bottom, baseline, size, bold=False))
    return found
