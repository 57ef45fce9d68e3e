"""What the values of a layer are like, by channel and as a whole."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from resnet_viz.features.channel_maps import Floats, as_maps

__all__ = ["ORDERS", "ChannelStatistics", "LayerStatistics", "ranked", "statistics"]

# What channels can be sorted by, with its name for people.
ORDERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "index": "in order",
        "mean": "by mean",
        "max": "by maximum",
        "variance": "by variance",
        "sparsity": "by sparsity",
    }
)

# Values handled at once: their squares stay in the processor's cache.
_CHUNK: Final = 2**17


class ChannelStatistics(NamedTuple):
    """The values of one channel, or of a layer; NaN and infinity are counted and left out.

    Attributes:
        min: The least; NaN where no value is finite, as the next three.
        max: The greatest.
        mean: The mean.
        std: The standard deviation of the population.
        sparsity: The share of values that are exactly 0, between 0 and 1.
        dead: Whether all values are 0.
        not_finite: How many are NaN or infinite.
    """

    min: float
    max: float
    mean: float
    std: float
    sparsity: float
    dead: bool
    not_finite: int

    def to_dict(self) -> dict[str, float | int | bool | None]:
        """Plain JSON values; null instead of NaN, which JSON does not know."""
        return {
            name: None if isinstance(value, float) and math.isnan(value) else value
            for name, value in self._asdict().items()
        }


@dataclass(frozen=True, slots=True)
class LayerStatistics:
    """The values of a layer.

    Attributes:
        total: Of all channels together.
        channels: Of each.
    """

    total: ChannelStatistics
    channels: tuple[ChannelStatistics, ...]

    @property
    def dead_channels(self) -> int:
        """How many channels are 0 everywhere."""
        return sum(channel.dead for channel in self.channels)


def statistics(maps: Floats) -> LayerStatistics:
    """The statistics of a layer's maps.

    Args:
        maps: ``[C, H, W]`` or ``[features]``.

    Raises:
        ValueError: Another number of axes, nothing in it, or values that are no real numbers.
    """
    values = as_maps(maps)
    flat = values.reshape(values.shape[0], -1)
    size = flat.shape[1]
    step = max(1, _CHUNK // size)
    chunks = [_moments(flat[start : start + step]) for start in range(0, len(flat), step)]
    moments = np.concatenate(chunks, axis=1)
    channels = tuple(_statistics(size, *column) for column in moments.T.tolist())
    return LayerStatistics(_total(moments, size), channels)


def ranked(channels: Sequence[ChannelStatistics], order: str) -> tuple[int, ...]:
    """The channels' numbers, the greatest first; equal ones as they come, NaN at the end.

    Args:
        channels: As in `LayerStatistics`.
        order: A key of `ORDERS`; ``"index"`` leaves them as they are.

    Raises:
        ValueError: `order` is no key of `ORDERS`.
    """
    if order not in ORDERS:
        raise ValueError(f"order must be one of {', '.join(ORDERS)}, not {order!r}")
    if order == "index":
        return tuple(range(len(channels)))
    name = "std" if order == "variance" else order
    values = [getattr(channel, name) for channel in channels]
    return tuple(
        sorted(
            range(len(values)),
            key=lambda i: -math.inf if math.isnan(values[i]) else values[i],
            reverse=True,
        )
    )


def _statistics(
    size: int, low: float, high: float, mean: float, squares: float, zeros: float, bad: float
) -> ChannelStatistics:
    """From `_moments`; `size` is the number of values, finite or not."""
    std = math.sqrt(squares / (size - bad)) if size > bad else math.nan
    return ChannelStatistics(low, high, mean, std, zeros / size, zeros == size, int(bad))


def _moments(chunk: Floats) -> NDArray[np.float64]:
    """Least, greatest, mean, squared deviations, zeros and non-finite values: ``[6, channels]``."""
    finite = np.isfinite(chunk)
    zeros = np.count_nonzero(chunk == 0, axis=1)
    wide = chunk.astype(np.float64)
    with np.errstate(all="ignore"):
        if finite.all():
            low, high, bad = wide.min(axis=1), wide.max(axis=1), np.zeros(len(chunk))
            mean = wide.mean(axis=1)
            wide -= mean[:, None]
        else:
            low = np.min(wide, axis=1, initial=np.inf, where=finite)
            high = np.max(wide, axis=1, initial=-np.inf, where=finite)
            bad = np.count_nonzero(~finite, axis=1)
            mean = np.sum(wide, axis=1, where=finite) / (chunk.shape[1] - bad)
            none = bad == chunk.shape[1]
            low[none] = high[none] = np.nan
            wide = np.where(finite, wide - mean[:, None], 0)
        squares = np.einsum("ij,ij->i", wide, wide)
    return np.stack([low, high, mean, squares, zeros, bad]).astype(np.float64)


def _total(moments: NDArray[np.float64], size: int) -> ChannelStatistics:
    """Of all channels, from the moments of each (Chan, Golub and LeVeque 1979)."""
    zeros, bad = moments[4:].sum(axis=1)
    cells = size * moments.shape[1]
    low, high, mean, squares, _, missing = moments[:, moments[5] < size]
    if not low.size:
        return _statistics(cells, math.nan, math.nan, math.nan, 0.0, float(zeros), float(bad))
    counts = size - missing
    with np.errstate(all="ignore"):
        centre = (mean * counts).sum() / counts.sum()
        spread = (squares + counts * (mean - centre) ** 2).sum()
    ends = float(low.min()), float(high.max())
    return _statistics(cells, *ends, float(centre), float(spread), float(zeros), float(bad))
