"""The error for weights of another network, which names the network they belong to."""

from __future__ import annotations

from resnet_viz.errors import WeightsError
from resnet_viz.network.spec import ResNetSpec

__all__ = ["MismatchError"]


class MismatchError(WeightsError):
    """Weights of another architecture: ``MismatchError(sentence, found)``."""

    @property
    def found(self) -> ResNetSpec:
        """The network that the weights belong to."""
        spec: ResNetSpec = self.args[1]
        return spec
