"""Arrays of feature maps in the one form that statistics and pictures are made of."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Floats", "as_maps"]

Floats = NDArray[Any]


def as_maps(values: Floats) -> Floats:
    """``[C, H, W]`` as it is, ``[features]`` as maps of one cell; float32 or float64.

    Raises:
        ValueError: Another number of axes, nothing in it, or values that are no real numbers.
    """
    maps = np.asarray(values)
    if maps.ndim == 1:
        maps = maps[:, None, None]
    if maps.ndim != 3 or maps.size == 0 or maps.dtype.kind not in "fiub":
        raise ValueError(
            f"maps must be real [C, H, W] or [features], not {maps.dtype} {list(maps.shape)}"
        )
    wide = maps.dtype.kind in "iu" or maps.dtype.itemsize > 4
    return maps.astype(np.float64 if wide else np.float32, copy=False)
