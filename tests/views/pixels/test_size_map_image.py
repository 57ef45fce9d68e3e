"""The size map's picture, lines, bar and axes, tested as the plain data they are."""

from __future__ import annotations

import io
import itertools
import re

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray
from PIL import Image

from resnet_viz.network.spec import MAX_SIDE, PRESETS, ResNetSpec
from resnet_viz.sizing.costs_by_size import SizeMap, size_map
from resnet_viz.views.pixels.colour_maps import SEQUENTIAL
from resnet_viz.views.pixels.contour_lines import Line, border_lines
from resnet_viz.views.pixels.size_map_axes import MAX_SAMPLES, marks, reach, samples
from resnet_viz.views.pixels.size_map_image import QUANTITIES, size_picture
from tests.helpers.strategies import specs

RESNET50 = PRESETS["resnet50"]
SIDES = st.integers(1, MAX_SIDE)

Segment = tuple[tuple[int, int], tuple[int, int]]


@pytest.fixture(scope="module")
def table() -> SizeMap:
    return size_map(RESNET50, samples(128))


def _segments(line: Line) -> list[Segment]:
    """What a path draws, from corner to corner; it may have several strokes."""
    found: list[Segment] = []
    here = (0, 0)
    for command, first, second in re.findall(r"([MHV])(\d+)(?: (\d+))?", line.path):
        number = int(first)
        moved = (number, here[1]) if command == "H" else (here[0], number)
        if command == "M":
            moved = (number, int(second))
        elif moved != here:
            found.append((here, moved))
        here = moved
    return found


@st.composite
def corners(draw: st.DrawFn) -> NDArray[np.bool_]:
    """Sizes that fill the upper left corner of a map, each row at most as far as the last."""
    side = draw(st.integers(1, 12))
    border = sorted(draw(st.lists(st.integers(0, side), min_size=side, max_size=side)))[::-1]
    return np.arange(side)[None, :] < np.array(border)[:, None]


@given(corners())
def test_a_line_runs_between_one_side_and_the_other(before: NDArray[np.bool_]) -> None:
    """Each edge between a cell of the corner and one outside is drawn, and nothing else."""
    side = len(before)
    expected = set()
    for row, column in itertools.product(range(side), range(side)):
        if before[row, column]:
            if column + 1 < side and not before[row, column + 1]:
                expected.add(((column + 1, row), (column + 1, row + 1)))
            if row + 1 < side and not before[row + 1, column]:
                expected.add(((column, row + 1), (column + 1, row + 1)))
    lines = border_lines([("5 G", before)])
    if not lines:
        assert not expected
        return
    (line,) = lines
    drawn = set()
    for (x0, y0), (x1, y1) in _segments(line):
        for x in range(min(x0, x1), max(x0, x1)):
            drawn.add(((x, y0), (x + 1, y0)))
        for y in range(min(y0, y1), max(y0, y1)):
            drawn.add(((x0, y), (x0, y + 1)))
    assert drawn == expected
    if line.at is not None:
        across, down = line.at
        assert any(
            min(x0, x1) <= across <= max(x0, x1) and min(y0, y1) <= down <= max(y0, y1)
            for (x0, y0), (x1, y1) in _segments(line)
        )


PREFIX = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "kB": 10**3, "MB": 10**6, "GB": 10**9}


def _value(label: str) -> int:
    number, _, prefix = label.partition(" ")
    return round(float(number) * PREFIX[prefix])


@pytest.mark.parametrize("quantity", ["macs", "peak_activation_bytes"])
def test_lines_of_equal_cost_have_the_cheaper_sizes_on_their_left(
    quantity: str, table: SizeMap
) -> None:
    costs = getattr(table, quantity)
    picture = size_picture(table, quantity)
    assert len(picture.lines) >= 5
    for line in picture.lines:
        segments = _segments(line)
        level = _value(line.label)
        assert str(level).strip("0") in ("1", "2", "5")
        for (x0, y0), (x1, y1) in segments:
            if x0 == x1:  # down: the row's sizes left of it are below
                for row in range(y0, y1):
                    assert costs[row, x0 - 1] < level <= costs[row, x0]
        assert sum(y1 - y0 for (_, y0), (_, y1) in segments) > 0


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_the_bar_says_what_a_colour_means(quantity: str, table: SizeMap) -> None:
    picture = size_picture(table, quantity)
    values = table.final_cells if quantity == "final_grid" else getattr(table, quantity)
    order = np.argsort(values, axis=None)
    assert (np.diff(picture.entries.ravel()[order].astype(int)) >= 0).all()
    bar = picture.bar
    places = [tick.at for tick in bar.ticks]
    assert places == sorted(places)
    assert 0 <= places[0] <= places[-1] <= 1
    for label, at in bar.ticks:
        if quantity == "one_cell":
            (colour,) = {
                _hex(entry) for entry in picture.entries[values == int(label)]
            }  # one for all
            assert bar.colours[int(at * len(bar.colours))] == colour
            continue
        meant = _meaning(label)
        below = picture.entries[values <= meant]
        above = picture.entries[values >= meant]
        assert below.max(initial=0) <= round(255 * at) + 1
        assert above.min(initial=255) >= round(255 * at) - 1


def _meaning(label: str) -> float:
    if " × " in label:
        return float(label.split(" × ")[0]) ** 2
    return int(label[:-2]) / 100 if label.endswith(" %") else _value(label)


def _hex(entry: int) -> str:
    return "#" + "".join(f"{part:02x}" for part in SEQUENTIAL[entry].tolist())


def test_costs_use_the_whole_scale(table: SizeMap) -> None:
    for quantity in ("final_grid", "macs", "peak_activation_bytes"):
        picture = size_picture(table, quantity)
        assert picture.entries[-1, -1] == 255
        assert picture.entries.min() == picture.entries[0, 0] <= 64
        assert (picture.bar.colours[0], picture.bar.colours[-1]) == (_hex(0), _hex(255))


def test_the_png_has_a_pixel_for_each_size(table: SizeMap) -> None:
    picture = size_picture(table, "rounding")
    decoded = np.asarray(Image.open(io.BytesIO(picture.png)).convert("RGB"))
    assert np.array_equal(decoded, SEQUENTIAL[picture.entries])


def test_each_grid_is_a_tile(table: SizeMap) -> None:
    (edges,) = size_picture(table, "final_grid").lines
    assert edges.at is None
    expected = {((0, row), (128, row)) for row in (32, 64, 96)}
    expected |= {((column, 0), (column, 128)) for column in (32, 64, 96)}
    assert set(_segments(edges)) == expected
    # A stride of 4 would leave too little colour between them.
    assert size_picture(size_map(PRESETS["resnet20"], samples(128)), "final_grid").lines == ()


def test_layers_on_one_cell_are_framed(table: SizeMap) -> None:
    lines = size_picture(table, "one_cell").lines
    assert [line.label for line in lines] == [""] * len(lines)
    reached = {max(x for segment in _segments(line) for x, _ in segment) for line in lines}
    assert reached == {1, 4, 8, 16, 32}  # the strides of what convolutions read


def test_fields_that_exceed_the_input_are_framed_by_squares() -> None:
    table = size_map(RESNET50, samples(512))
    for line in size_picture(table, "outgrown").lines:
        (down, across) = _segments(line)
        count = int(line.label)
        side = down[0][0]
        assert down == ((side, 0), (side, side))
        assert across == ((side, side), (0, side))
        assert table.outgrown[side - 1, side - 1] >= count > table.outgrown[side, side]


@settings(max_examples=15)
@given(specs(), st.sampled_from(list(QUANTITIES)), st.integers(1, 40))
def test_any_network_has_its_picture(spec: ResNetSpec, quantity: str, least: int) -> None:
    table = size_map(spec, range(least, least + 9))
    picture = size_picture(table, quantity)
    assert picture.entries.shape == (9, 9)
    assert len(picture.png) > 0
    assert all(0 <= tick.at <= 1 for tick in picture.bar.ticks)
    assert picture.bar.ticks


def test_costs_beyond_64_bits_have_one_too() -> None:
    spec = ResNetSpec(blocks=(1,) * 8, stem="small", base_width=1024)
    table = size_map(spec, [1, 2_000, 16_384], batch=4_096)
    picture = size_picture(table, "macs")
    assert picture.entries[-1, -1] == 255
    assert table.macs.max() > 2**63
    assert picture.bar.ticks[-1].label == "200 E"


@given(SIDES, SIDES, st.sampled_from([1, 4, 8, 32, 256]), st.sampled_from(list(QUANTITIES)))
def test_a_map_reaches_as_far_as_the_chosen_size(
    height: int, width: int, stride: int, quantity: str
) -> None:
    reached = reach(height, width, stride, quantity)
    longest = max(height, width)
    assert longest <= reached <= MAX_SIDE
    assert reached.bit_count() == 1
    least = max(32, 4 * stride) if quantity == "one_cell" else 512
    assert reached == least or reached < 2 * longest
    sizes = samples(reached)
    assert sizes[-1] == reached
    assert len(sizes) == min(reached, MAX_SAMPLES)
    assert set(np.diff(sizes).tolist()) == {int(sizes[0])}


def test_the_sizes_that_people_use() -> None:
    assert max(reach(225, 300, 32, "macs"), reach(224, 224, 32, "rounding")) == 512
    names = {mark.name: (mark.height, mark.width) for mark in marks(2048)}
    assert names["1080p"] == (1080, 1920)
    assert names["299"] == (299, 299)
    assert set(names) - {mark.name for mark in marks(512)} == {"VGA", "720p", "1080p"}
    assert {mark.name for mark in marks(32)} == {"28", "32"}
