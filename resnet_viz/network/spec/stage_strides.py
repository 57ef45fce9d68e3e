"""Check the strides and dilations of the stages, and derive the usual strides.

A stage's stride is that of its first block. Its dilation is that of its 3x3 convolutions; the
first of them, in the stage's first block, still has the dilation of the stage before, as in
torchvision (`ResNet._make_layer`) and timm: its input comes from the stage before.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from resnet_viz.errors import SpecError, short_repr
from resnet_viz.network.validation import as_tuple, integer

__all__ = ["MAX_DILATION", "MAX_STRIDE", "per_stage", "usual_strides"]

MAX_DILATION: Final = 128  # eight stages, all strides of which were replaced
MAX_STRIDE: Final = 2


def per_stage(name: str, value: object, stages: int, most: int) -> tuple[int, ...]:
    """Return one integer from 1 to `most` for each stage.

    Raises:
        SpecError: `value` is something else.
    """
    example = ",".join(map(str, usual_strides((1,) * stages)))
    listed = as_tuple(value)
    if listed is None or len(listed) != stages:
        given = short_repr(value) if listed is None else f"{len(listed)}"
        raise SpecError(
            f"{name} must list one number for each of the {stages} stages, like {example}, "
            f"not {given}."
        )
    return tuple(
        integer(f"{name} of stage {place}", number, 1, most)
        for place, number in enumerate(listed, start=1)
    )


def usual_strides(dilations: tuple[int, ...]) -> tuple[int, ...]:
    """Return the strides that stages have by default.

    The first stage keeps the resolution and each later one halves it, except where its dilation
    is larger than that of the stage before: then the dilation replaces the stride, as
    ``replace_stride_with_dilation`` does in torchvision.
    """
    later = pairwise(dilations)
    return (1, *(1 if after > before else 2 for before, after in later))
