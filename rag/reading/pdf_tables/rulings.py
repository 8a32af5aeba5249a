"""A page of a PDF -> the lines drawn on it, which frame and divide tables.        [pypdfium2]"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pypdfium2 import PdfPage

Matrix = tuple[float, float, float, float, float, float]
Place = Callable[[float, float], tuple[float, float]]

THICKEST = 3.0  # points: what is thicker is a bar or a box
SHORTEST_RULING = 4.0  # points
# A map or a chart has more: to look at each takes long, and none divides a table.
MOST_OBJECTS, MOST_SEGMENTS, MOST_BOXES = 30_000, 5_000, 600
DEEPEST = 5  # groups of drawings within each other
WHOLE = 0.95  # of the page's edges: a box of that size is the background
_WHITE = 250  # of 255
_SIDES = 6  # segments of a box at most
_UPRIGHT: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


class Ruling(NamedTuple):
    """A straight line in points from the top left corner of the page as it is shown."""

    at: float  # down the page where it runs across, across the page where it runs down
    start: float
    end: float


class Rulings(NamedTuple):
    """The lines that are drawn on a page."""

    across: list[Ruling]
    down: list[Ruling]

    def turned(self, turn: int, width: float, height: float) -> "Rulings":
        """Return them as they stand on the page of this size when it is turned by `turn`."""
        if turn == 90:
            down = [Ruling(y, width - end, width - start) for y, start, end in self.across]
            return Rulings([Ruling(width - x, start, end) for x, start, end in self.down], down)
        if turn == 180:
            across = [Ruling(height - y, width - b, width - a) for y, a, b in self.across]
            return Rulings(
                across, [Ruling(width - x, height - b, height - a) for x, a, b in self.down]
            )
        if turn == 270:
            down = [Ruling(height - y, start, end) for y, start, end in self.across]
            return Rulings([Ruling(x, height - b, height - a) for x, a, b in self.down], down)
        return self


def page_rulings(page: "PdfPage", place: Place) -> Rulings:
    """Return the lines that a page draws: strokes, thin bars, and the edges of boxes.

    `place` converts a point of the page's own space to the page as it is shown.
    """
    found = Rulings([], [])
    reader = _Drawings(page.get_size(), place)
    for one, other in reader.edges(page.raw):
        (x0, x1), (y0, y1) = sorted((one[0], other[0])), sorted((one[1], other[1]))
        if x1 - x0 >= y1 - y0:
            found.across.append(Ruling((y0 + y1) / 2, x0, x1))
        else:
            found.down.append(Ruling((x0 + x1) / 2, y0, y1))
    return found


_Edge = tuple[tuple[float, float], tuple[float, float]]
_Colour = tuple[int, int, int]
_Box = tuple[float, float, float, float]  # left, top, right, bottom


class _Drawings:
    """The drawings of one page."""

    def __init__(self, size: tuple[float, float], place: Place) -> None:
        import ctypes

        from pypdfium2 import raw

        self._raw = raw
        self._size = size
        self._place = place
        self._box = tuple(ctypes.c_float() for _ in range(4))
        self._point = ctypes.c_float(), ctypes.c_float()
        self._mode = ctypes.c_int(), ctypes.c_int()
        self._colour = tuple(ctypes.c_uint() for _ in range(4))
        self._matrix = raw.FS_MATRIX()
        self._objects, self._segments = MOST_OBJECTS, MOST_SEGMENTS
        self._boxes: dict[_Colour, list[_Box]] = {}

    def edges(self, page: object) -> Iterator[_Edge]:
        """Yield the straight lines of a page, each from point to point as it is shown."""
        raw = self._raw
        count = raw.FPDFPage_CountObjects(page)
        items = (raw.FPDFPage_GetObject(page, index) for index in range(count))
        yield from self._of_objects(items, _UPRIGHT, 0)
        yield from _edges_of(self._boxes)

    def _of_objects(self, items: Iterator[object], matrix: Matrix, depth: int) -> Iterator[_Edge]:
        raw = self._raw
        for item in items:
            self._objects -= 1
            if self._objects < 0:
                return
            kind = raw.FPDFPageObj_GetType(item)
            if kind == raw.FPDF_PAGEOBJ_PATH:
                yield from self._of_path(item, matrix)
            elif kind == raw.FPDF_PAGEOBJ_FORM and depth < DEEPEST:
                count = raw.FPDFFormObj_CountObjects(item)
                inner = (raw.FPDFFormObj_GetObject(item, index) for index in range(count))
                yield from self._of_objects(inner, self._within(item, matrix), depth + 1)

    def _within(self, item: object, outer: Matrix) -> Matrix:
        """Return the matrix of what an object holds, or of its own points."""
        m = self._matrix
        if not self._raw.FPDFPageObj_GetMatrix(item, m):
            return outer
        a, b, c, d, e, f = outer
        return (
            m.a * a + m.b * c,
            m.a * b + m.b * d,
            m.c * a + m.d * c,
            m.c * b + m.d * d,
            m.e * a + m.f * c + e,
            m.e * b + m.f * d + f,
        )

    def _of_path(self, item: object, matrix: Matrix) -> Iterator[_Edge]:
        raw = self._raw
        left, bottom, right, top = self._box
        if not raw.FPDFPageObj_GetBounds(item, left, bottom, right, top):
            return
        one = self._shown(left.value, bottom.value, matrix)
        other = self._shown(right.value, top.value, matrix)
        width, height = abs(one[0] - other[0]), abs(one[1] - other[1])
        if max(width, height) < SHORTEST_RULING:
            return
        thickness = min(width, height)
        stroked, colour = self._drawn(item)
        if not stroked and (colour is None or (thickness > THICKEST and min(colour) >= _WHITE)):
            return  # it does not show
        if thickness <= THICKEST:
            yield _middle(one, other, width >= height)
        elif width < WHOLE * self._size[0] or height < WHOLE * self._size[1]:
            if stroked or colour is None or raw.FPDFPath_CountSegments(item) > _SIDES:
                yield from self._of_segments(item, self._within(item, matrix))
            else:
                (x0, x1), (y0, y1) = sorted((one[0], other[0])), sorted((one[1], other[1]))
                self._boxes.setdefault(colour, []).append((x0, y0, x1, y1))

    def _drawn(self, item: object) -> tuple[bool, "_Colour | None"]:
        """Return whether a path is stroked, and the colour that fills it, if one does."""
        raw = self._raw
        fill, stroke = self._mode
        if not raw.FPDFPath_GetDrawMode(item, fill, stroke):
            return False, None
        raw.FPDFPageObj_GetFillColor(item, *self._colour)
        red, green, blue, alpha = (part.value for part in self._colour)
        return bool(stroke.value), (red, green, blue) if fill.value and alpha else None

    def _of_segments(self, item: object, matrix: Matrix) -> Iterator[_Edge]:
        raw = self._raw
        x, y = self._point
        count = raw.FPDFPath_CountSegments(item)
        self._segments -= count
        if self._segments < 0:
            return
        first = last = (0.0, 0.0)
        for index in range(count):
            segment = raw.FPDFPath_GetPathSegment(item, index)
            raw.FPDFPathSegment_GetPoint(segment, x, y)
            point = self._shown(x.value, y.value, matrix)
            kind = raw.FPDFPathSegment_GetType(segment)
            if kind == raw.FPDF_SEGMENT_MOVETO:
                first = point
            elif kind == raw.FPDF_SEGMENT_LINETO and _is_straight(last, point):
                yield last, point
            last = point
            if raw.FPDFPathSegment_GetClose(segment):
                if _is_straight(last, first):
                    yield last, first
                last = first

    def _shown(self, x: float, y: float, matrix: Matrix) -> tuple[float, float]:
        a, b, c, d, e, f = matrix
        return self._place(a * x + c * y + e, b * x + d * y + f)


def _edges_of(boxes: Mapping[_Colour, Sequence[_Box]]) -> Iterator[_Edge]:
    """Yield the edges of filled boxes; one within another of its colour has none that show."""
    for alike in boxes.values():
        by_size = sorted(alike, key=lambda box: (box[2] - box[0]) * (box[3] - box[1]))[-MOST_BOXES:]
        for number, (left, top, right, bottom) in enumerate(by_size):
            if not any(
                x0 - 1 <= left and y0 - 1 <= top and right <= x1 + 1 and bottom <= y1 + 1
                for x0, y0, x1, y1 in by_size[number + 1 :]
            ):
                yield (left, top), (right, top)
                yield (left, bottom), (right, bottom)
                yield (left, top), (left, bottom)
                yield (right, top), (right, bottom)


def _middle(one: Sequence[float], other: Sequence[float], across: bool) -> _Edge:
    if across:
        y = (one[1] + other[1]) / 2
        return (one[0], y), (other[0], y)
    x = (one[0] + other[0]) / 2
    return (x, one[1]), (x, other[1])


def _is_straight(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """Return whether a line is long enough and runs across the page or down."""
    across, down = abs(one[0] - other[0]), abs(one[1] - other[1])
    return max(across, down) >= SHORTEST_RULING and min(across, down) <= 0.5
