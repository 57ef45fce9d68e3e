"""Define `InputSpec`: the size of the tensor that enters a network."""

from __future__ import annotations

from dataclasses import dataclass, replace

from resnet_viz.errors import SpecError
from resnet_viz.network.spec.architecture import ResNetSpec
from resnet_viz.network.spec.limits import MAX_BATCH, MAX_CHANNELS, MAX_SIDE
from resnet_viz.network.validation import as_string, integer, parse_integer, put

__all__ = ["InputSpec"]


@dataclass(frozen=True)
class InputSpec:
    """The tensor that enters the network, ``[batch, channels, height, width]``.

    Attributes:
        height: Rows in pixels, 1 to 16,384.
        width: Columns in pixels, 1 to 16,384.
        batch: Number of images, 1 to 4,096.
        channels: Channels. By default those of the network.

    Raises:
        SpecError: A number is out of its limits.
    """

    height: int = 224
    width: int = 224
    batch: int = 1
    channels: int | None = None

    def __post_init__(self) -> None:
        put(self, "height", integer("height", self.height, 1, MAX_SIDE))
        put(self, "width", integer("width", self.width, 1, MAX_SIDE))
        put(self, "batch", integer("batch", self.batch, 1, MAX_BATCH))
        if self.channels is not None:
            put(self, "channels", integer("channels", self.channels, 1, MAX_CHANNELS))

    def for_network(self, spec: ResNetSpec) -> InputSpec:
        """Return this input with the channels of a network.

        Raises:
            SpecError: The input states other channels than the network takes.
        """
        if self.channels not in (None, spec.in_channels):
            raise SpecError(
                f"The input has {self.channels} channels but the network takes "
                f"{spec.in_channels}; make them equal."
            )
        return replace(self, channels=spec.in_channels)

    def to_dict(self) -> dict[str, int | None]:
        """Return plain JSON values, in the order of the tensor's axes."""
        return {
            "batch": self.batch,
            "channels": self.channels,
            "height": self.height,
            "width": self.width,
        }

    @classmethod
    def parse(cls, text: str, batch: int = 1) -> InputSpec:
        """Parse an input written ``CxHxW``, such as ``3x224x224``.

        Raises:
            SpecError: The text is not three whole numbers, or one is out of its limits.
        """
        text = as_string(text)
        parts = text.strip().lower().replace("×", "x").split("x")
        if len(parts) != 3:
            raise SpecError(
                f"An input is written channels x height x width, like 3x224x224, not {text[:40]!r}."
            )
        channels, height, width = (
            parse_integer(name, part)
            for name, part in zip(("channels", "height", "width"), parts, strict=True)
        )
        return cls(height=height, width=width, batch=batch, channels=channels)
