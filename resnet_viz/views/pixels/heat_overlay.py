"""Maps laid over a picture: float arrays in, colours with an opacity out."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from resnet_viz.features.channel_maps import as_maps
from resnet_viz.views.pixels.colour_maps import Scale, entries, painted

__all__ = ["heat", "resized"]

_FAINTEST: Final = 40  # of 255: where nothing is, the picture is a little darker, not hidden


def resized(values: NDArray[Any], size: tuple[int, int], smooth: bool = True) -> NDArray[Any]:
    """A map at another size: float32 ``[height, width]``.

    Args:
        values: ``[h, w]``; what is not finite counts as 0.
        size: Height and width.
        smooth: Bilinear, as maps are usually laid over pictures; else each value a rectangle.
    """
    finite = np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    filter_ = Image.Resampling.BILINEAR if smooth else Image.Resampling.NEAREST
    return np.asarray(Image.fromarray(finite).resize((size[1], size[0]), filter_))


def heat(values: NDArray[Any], size: tuple[int, int], smooth: bool = True) -> NDArray[np.uint8]:
    """A map's strength in colour, the stronger the less transparent: uint8 RGBA.

    Its scale begins at 0, or is the same to both sides of it where there are negative values.

    Args:
        values: ``[h, w]``.
        size: Height and width of the picture that it goes over.
        smooth: As for `resized`.

    Returns:
        ``[height, width, 4]``.
    """
    large = resized(values, size, smooth)
    reach = float(np.abs(large).max())
    scale = Scale(-reach if large.min() < 0 else 0.0, reach, bool(large.min() < 0))
    colours = painted(entries(as_maps(large[None]), scale.low, scale.high)[0], scale.colours)
    strength = np.abs(large) / reach if reach else np.zeros_like(large)
    alpha = _FAINTEST + (255 - _FAINTEST) * strength
    return np.dstack([colours, alpha.round().astype(np.uint8)])
