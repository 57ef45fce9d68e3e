"""What is laid over a picture: strong where the map is, at the picture's size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from resnet_viz.views.pixels.colour_maps import DIVERGING, SEQUENTIAL
from resnet_viz.views.pixels.heat_overlay import heat, resized

sides = st.integers(1, 40)


@given(sides, sides, sides, sides, st.booleans())
def test_any_size(h: int, w: int, height: int, width: int, smooth: bool) -> None:
    values = np.random.default_rng(h * w).normal(size=(h, w)).astype(np.float32)
    large = resized(values, (height, width), smooth)
    assert large.shape == (height, width)
    assert large.min() >= values.min() - 1e-5
    assert large.max() <= values.max() + 1e-5
    assert heat(values, (height, width), smooth).shape == (height, width, 4)


def test_each_value_is_a_rectangle_if_it_is_not_to_be_smooth() -> None:
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert np.array_equal(resized(values, (8, 9), smooth=False), np.kron(values, np.ones((4, 3))))


def test_the_strongest_is_opaque_and_nothing_is_faint() -> None:
    values = np.zeros((4, 4), np.float32)
    values[1, 2] = 7
    over = heat(values, (4, 4), smooth=False)
    assert tuple(over[1, 2]) == (*SEQUENTIAL[255], 255)
    assert np.unique(over[values == 0][:, 3]).tolist() == [40]


def test_negative_values_have_the_other_end_of_a_diverging_scale() -> None:
    over = heat(np.array([[-2.0, 1.0]], np.float32), (1, 2), smooth=False)
    assert tuple(over[0, 0]) == (*DIVERGING[0], 255)
    assert 128 < over[0, 1, 3] < 255


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_a_map_without_anything_finite_is_faint_all_over(value: float) -> None:
    over = heat(np.full((3, 3), value, np.float32), (5, 5))
    assert (over[..., 3] == 40).all()
