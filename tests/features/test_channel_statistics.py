"""Statistics of maps against NumPy, one channel at a time."""

from __future__ import annotations

import json
import math
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray

from resnet_viz.features.channel_statistics import ORDERS, ChannelStatistics, ranked, statistics

Array = NDArray[Any]

_SHAPES = npst.array_shapes(min_dims=3, max_dims=3, max_side=6)
_VALUES = st.floats(-1e4, 1e4, width=32) | st.sampled_from((0.0, -0.0, math.nan, math.inf))


def _expected(values: Array) -> ChannelStatistics:
    finite = values[np.isfinite(values)].astype(np.float64)
    zeros = int((values == 0).sum())
    low = high = mean = std = math.nan
    if finite.size:
        low, high, mean, std = finite.min(), finite.max(), finite.mean(), finite.std()
    bad = values.size - finite.size
    return ChannelStatistics(low, high, mean, std, zeros / values.size, zeros == values.size, bad)


def _assert_same(found: ChannelStatistics, expected: ChannelStatistics) -> None:
    assert np.allclose(found[:4], expected[:4], rtol=1e-9, atol=1e-7, equal_nan=True)
    assert found[4:] == pytest.approx(expected[4:])
    assert isinstance(found.dead, bool)
    assert isinstance(found.not_finite, int)


@given(maps=npst.arrays(np.float32, _SHAPES, elements=_VALUES))
def test_statistics_are_numpys(maps: Array) -> None:
    found = statistics(maps)
    _assert_same(found.total, _expected(maps))
    assert len(found.channels) == len(maps)
    for one, channel in zip(found.channels, maps, strict=True):
        _assert_same(one, _expected(channel))
    assert found.dead_channels == sum((channel == 0).all() for channel in maps)


def test_many_chunks_add_up() -> None:
    maps = np.random.default_rng(0).normal(3, 2, (70, 64, 100)).astype(np.float32)
    _assert_same(statistics(maps).total, _expected(maps))


def test_a_large_mean_does_not_spoil_the_deviation() -> None:
    maps = np.random.default_rng(0).normal(1e6, 1, (4, 50, 50))
    assert statistics(maps).total.std == pytest.approx(maps.std(), rel=1e-9)


def test_features_are_channels() -> None:
    found = statistics(np.array([0.0, -2.0]))
    assert found.channels[1] == ChannelStatistics(-2, -2, -2, 0, 0, False, 0)
    assert found.channels[0].dead
    assert found.total == ChannelStatistics(-2, 0, -1, 1, 0.5, False, 0)


def test_json_has_no_nan() -> None:
    nothing = statistics(np.full((1, 2, 2), np.nan)).total
    text = json.dumps(nothing.to_dict(), allow_nan=False)
    assert json.loads(text)["mean"] is None
    assert json.loads(text)["not_finite"] == 4


@pytest.mark.parametrize("shape", [(2048, 7, 7), (64, 512, 512), (10_000,)])
def test_statistics_are_quick(shape: tuple[int, ...]) -> None:
    maps = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    times = []
    for _ in range(4):
        start = time.perf_counter()
        statistics(maps)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.5


@given(st.integers(0, 2**32 - 1), st.sampled_from(list(ORDERS)))
def test_ranks(seed: int, order: str) -> None:
    random = np.random.default_rng(seed)
    maps = np.maximum(random.normal(size=(random.integers(1, 20), 4, 5)), 0).astype(np.float32)
    places = ranked(statistics(maps).channels, order)
    assert sorted(places) == list(range(len(maps)))
    measures = {
        "index": -np.arange(len(maps)),
        "mean": maps.mean((1, 2), dtype=float),
        "max": maps.max((1, 2)),
        "variance": maps.var((1, 2), dtype=float),
        "sparsity": (maps == 0).mean((1, 2)),
    }
    values = measures[order][list(places)]
    assert (np.diff(values) <= 1e-6).all()


def test_channels_without_a_finite_value_come_last_and_equal_ones_as_they_were() -> None:
    maps = np.array([[np.nan], [1], [1], [2]], np.float32)[:, :, None]
    assert ranked(statistics(maps).channels, "mean") == (3, 1, 2, 0)


def test_there_is_no_other_order() -> None:
    with pytest.raises(ValueError, match="order must be one of index"):
        ranked((), "median")
