"""Where a network's values come from, by name: ``random:0``, ``imagenet``, ``patterns``.

The names stand in links, so none of them is a file: a link must not make a server read one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

from resnet_viz.errors import WeightsError

__all__ = [
    "DEFAULT_WEIGHTS",
    "FIRST_CONVS",
    "MAX_SEED",
    "FirstConv",
    "Kind",
    "Source",
    "Version",
    "parse_source",
]

DEFAULT_WEIGHTS: Final = "random:0"
MAX_SEED: Final = 2**32 - 1

Kind = Literal["random", "imagenet", "patterns"]
Version = Literal["v1", "v2"]

# How the first convolution is adapted to other input channels.
FirstConv = Literal["sum", "repeat", "average", "fresh"]
FIRST_CONVS: Final[tuple[FirstConv, ...]] = get_args(FirstConv)


@dataclass(frozen=True, slots=True)
class Source:
    """A named source of weights.

    Attributes:
        kind: ``random``; ``imagenet``, as torchvision publishes them; ``patterns``, those of
            the small trained network that comes with this package.
        seed: Of random weights.
        version: Of ImageNet's: ``v1``, or ``v2`` of the newer recipe where it exists.
    """

    kind: Kind
    seed: int = 0
    version: Version = "v1"

    @property
    def text(self) -> str:
        """The name that `parse_source` reads."""
        if self.kind == "random":
            return f"random:{self.seed}"
        return "imagenet:v2" if self.kind == "imagenet" and self.version == "v2" else self.kind


def parse_source(text: str) -> Source:
    """The source that a name stands for, such as ``random:0`` or ``imagenet:v2``.

    Raises:
        WeightsError: The text has another form, or the seed is out of its limits.
    """
    kind, colon, rest = text.strip().partition(":")
    if kind == "random" and rest.isascii() and rest.isdigit() and len(rest) <= 10:
        if int(rest) > MAX_SEED:
            raise WeightsError(f"A seed lies between 0 and {MAX_SEED}, not {rest}.")
        return Source("random", seed=int(rest))
    if kind == "imagenet" and (not colon or rest in get_args(Version)):
        return Source("imagenet", version="v2" if rest == "v2" else "v1")
    if kind == "patterns" and not colon:
        return Source("patterns")
    raise WeightsError(
        "Weights are random:<seed> like random:0, imagenet, imagenet:v2 or patterns, "
        f"not {text[:40]!r}."
    )
