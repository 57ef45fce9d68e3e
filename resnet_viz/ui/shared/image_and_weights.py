"""One picture through one network: what all panels ask with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from resnet_viz.costs.profile_records import Profile
from resnet_viz.costs.profiling import profile
from resnet_viz.images.decoding import Picture
from resnet_viz.images.preprocessing import Fit, prepare
from resnet_viz.network.spec import InputSpec, ResNetSpec
from resnet_viz.weights.sources import FirstConv

__all__ = ["Pass", "Weights"]


@dataclass(frozen=True)
class Weights:
    """Where the values come from.

    Attributes:
        source: A named source, or the bytes of a checkpoint.
        key: What caches know it by.
        label: What people call it.
        first_conv: How a first convolution of other channels is adapted; None for the usual.
        partial: Whether what fits of another network's values is kept.
    """

    source: str | bytes
    key: str
    label: str
    first_conv: FirstConv | None = None
    partial: bool = False


@dataclass(frozen=True)
class Pass:
    """One picture through one network.

    Attributes:
        spec: The network.
        size: Its input.
        device: ``auto`` or a device's name.
        weights: Its values.
        picture: What it sees.
        picture_key: What caches know the picture by.
        fit: How the picture is brought to the input.
        normalise: Whether ImageNet's mean and deviation are taken off.
        without: Blocks whose residual branch is removed.
    """

    spec: ResNetSpec
    size: InputSpec
    device: str
    weights: Weights
    picture: Picture
    picture_key: str
    fit: Fit
    normalise: bool = True
    without: tuple[str, ...] = ()

    @property
    def network_key(self) -> tuple[Any, ...]:
        """What tells the network and its values from others."""
        values = self.weights.key, self.weights.first_conv, self.weights.partial
        return self.spec, self.device, *values

    @property
    def key(self) -> tuple[Any, ...]:
        """What tells this pass from others."""
        seen = self.size, self.picture_key, self.fit, self.normalise
        return *self.network_key, *seen, self.without

    @property
    def report(self) -> Profile:
        """Shapes and costs."""
        return profile(self.spec, self.size)

    @property
    def tensor(self) -> Any:
        """What the network receives, float32 ``[1, C, H, W]``.

        Raises:
            ResNetVizError: The picture cannot be brought to the input.
        """
        return prepare(self.picture, self.size, self.spec.in_channels, self.fit, self.normalise)
