"""The two colour maps: measured in CIELAB, which they were not made in."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.color import rgb2lab

from resnet_viz.views.pixels.colour_maps import DIVERGING, GAP, NOT_FINITE, SEQUENTIAL, Picture


def _lab(colours: Picture) -> NDArray[np.float64]:
    lab: NDArray[np.float64] = rgb2lab(colours[None] / 255)[0]
    return lab


@pytest.mark.parametrize("colours", [SEQUENTIAL, DIVERGING])
def test_a_map_has_256_colours_that_cannot_be_changed(colours: Picture) -> None:
    assert colours.shape == (256, 3)
    assert colours.dtype == np.uint8
    assert not colours.flags.writeable
    for special in (GAP, NOT_FINITE):
        assert np.linalg.norm(_lab(colours) - _lab(np.array([special], np.uint8)), axis=1).min() > 9


def test_lightness_rises_throughout_the_sequential_map() -> None:
    lightness = _lab(SEQUENTIAL)[:, 0]
    assert (np.diff(lightness) > 0).all()
    assert lightness[0] < 12
    assert lightness[-1] > 93


def test_lightness_falls_evenly_from_the_middle_of_the_diverging_map() -> None:
    lightness = _lab(DIVERGING)[:, 0]
    assert (np.diff(lightness[:128]) > 0).all()
    assert (np.diff(lightness[128:]) < 0).all()
    assert np.abs(lightness - lightness[::-1]).max() < 6
    assert np.abs(_lab(DIVERGING)[127:129, 1:]).max() < 2  # grey


@pytest.mark.parametrize("colours", [SEQUENTIAL, DIVERGING])
def test_equal_steps_look_equal(colours: Picture) -> None:
    # Over 16 entries, since single ones are rounded to eight bits.
    steps = np.linalg.norm(_lab(colours)[16:] - _lab(colours)[:-16], axis=1)
    straight = np.abs(np.arange(len(steps)) - 120) > 9  # around a corner the chord is shorter
    assert steps[straight].max() / steps[straight].min() < 2.5


@pytest.mark.parametrize("missing", [0, 1])
def test_the_sides_of_zero_stay_apart_without_a_cone(missing: int) -> None:
    """Viénot, Brettel and Mollon 1999: one cone's signal is rebuilt from the other two."""
    linear = (DIVERGING / 255) ** 2.2
    to_lms = np.array(
        [[17.8824, 43.5161, 4.11935], [3.45565, 27.1554, 3.86714], [0.0299566, 0.184309, 1.46709]]
    )
    rebuilt = {0: [0, 2.02344, -2.52581], 1: [0.494207, 0, 1.24827]}[missing]
    lms = linear @ to_lms.T
    lms[:, missing] = lms @ rebuilt
    seen = ((lms @ np.linalg.inv(to_lms).T).clip(0, 1) ** (1 / 2.2) * 255).astype(np.uint8)
    blue, orange = _lab(seen[:100]), _lab(seen[:-101:-1])
    assert np.linalg.norm(blue - orange, axis=1).min() > 15
