"""Tables of numbers: every value in its cell, on a ground on which it can be read."""

from __future__ import annotations

import html
import re
from typing import Any

import numpy as np
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from resnet_viz.views.palette import contrast
from resnet_viz.views.pixels.colour_maps import shared_scale
from resnet_viz.views.tables.coloured_grids import grid

values = arrays.arrays(
    np.float64, st.tuples(st.integers(1, 7), st.integers(1, 7)), elements=st.floats(-1e3, 1e3)
)


@given(values)
def test_every_value_stands_in_its_place_and_can_be_read(numbers: NDArray[Any]) -> None:
    table = grid(numbers, "kernel", shared_scale(numbers[None]))
    rows = re.findall(r"<tr>(.*?)</tr>", table)
    found = [[float(cell) for cell in re.findall(r">([^<]+)</td>", row)] for row in rows]
    np.testing.assert_allclose(found, numbers, rtol=5.1e-3, atol=1e-300)
    for ground, ink in re.findall(r"background:(#\w+);color:(#\w+)", table):
        assert contrast(ground, ink) >= 4.5


def test_padding_has_a_dashed_edge() -> None:
    hollow = np.array([[True, False]])
    table = grid(np.array([[0.0, 1.0]]), "patch", shared_scale(np.ones((1, 1, 2))), hollow)
    assert re.findall(r"outline-style:(\w+)", table) == ["dashed", "solid"]


def test_a_title_is_text() -> None:
    evil = "<img src=x onerror=alert(1)>"
    table = grid(np.zeros((1, 1)), evil, shared_scale(np.zeros((1, 1, 1))))
    assert "<img" not in table
    assert html.escape(evil) in table
