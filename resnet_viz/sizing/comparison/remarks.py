"""What is to be said of one layer beside its reference, in one line; every number is computed.

Each remark is a predicate, such as ``now works on 1 × 1: its 3 × 3 kernel sees one value and
eight zeros``; a layer's path before it makes a sentence.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Final, cast

from resnet_viz.costs.profile_records import LayerProfile, Profile
from resnet_viz.network.layer_graph import INPUT
from resnet_viz.network.operation_names import OPERATION_NAMES
from resnet_viz.sizing.comparison.alignment import AlignedOperation
from resnet_viz.sizing.comparison.windows import (
    Sides,
    filled,
    left_out,
    rounding,
    shapes_change,
    small_map_text,
    window,
)
from resnet_viz.sizing.comparison.wording import multiple_of, noun
from resnet_viz.sizing.input_fit import field_exceeds
from resnet_viz.units import shape_text, si

__all__ = ["remark"]


def remark(
    aligned: AlignedOperation,
    before: LayerProfile | None,
    after: LayerProfile | None,
    first: Profile,
    second: Profile,
) -> str:
    """The first thing that a layer's difference consists in; empty where there is none.

    What only one network has comes first, then weights that do not load, then what was asked
    for (strides, dilations), then what the size did: small maps, rounding, pixels left out,
    fields that outgrow the picture, and last the cost.

    Args:
        aligned: The operation.
        before: Its row in the reference, if it has one.
        after: Its row here, if it has one.
        first: The reference.
        second: The network and input that are compared with it.
    """
    if before is None or after is None:
        return _alone(before, after)
    if before == after and aligned.weights in (None, "loads"):
        return ""
    if before.op != after.op:
        return f"is a {_operation_name(after)} here, in the reference a {_operation_name(before)}"
    if aligned.weights == "reshaped":
        return _reshaped(aligned, after)
    sides = Sides(before, after, first, second)
    return next(text for rule in _RULES if (text := rule(sides)))


def _operation_name(layer: LayerProfile) -> str:
    """What an operation is, with its window: ``3 × 3 convolution``."""
    name = OPERATION_NAMES[layer.op].name
    if layer.kernel is None or layer.op == "adaptive_avg_pool2d":
        return name
    return f"{shape_text(layer.kernel)} {name}"


def _alone(before: LayerProfile | None, after: LayerProfile | None) -> str:
    layer = after or cast(LayerProfile, before)  # one network at least has it
    where = "only here" if after else "only in the reference"
    params = f" with {si(layer.params)} {noun(layer.params, 'parameter')}" if layer.params else ""
    return f"stands {where}: {_operation_name(layer)}{params}"


def _reshaped(aligned: AlignedOperation, here: LayerProfile) -> str:
    after = dict(aligned.shapes_after)
    name, shape = next(
        (name, shape) for name, shape in aligned.shapes_before if after[name] != shape
    )
    new = after[name]
    became = f"{shape_text(shape)} became {shape_text(new)}"
    if here.inputs == (INPUT,) and (shape[0], *shape[2:]) == (new[0], *new[2:]):
        return f"loads its weights adapted to other input channels: {became}"
    entry = "weights" if name == "weight" else name
    return f"does not load its {entry}: {became}"


def _field(sides: Sides) -> str:
    """A receptive field that has come to exceed the picture, or no longer does.

    Said of the layers that widen it.
    """
    if prod(sides.after.kernel or ()) == 1:
        return ""
    here = field_exceeds(sides.after, sides.second)
    if here == field_exceeds(sides.before, sides.first):
        return ""
    size = shape_text((sides.second.input.height, sides.second.input.width))
    sees = f"sees {shape_text(sides.after.receptive_field)} pixels of {size}"
    return f"{sees}: {'more than' if here else 'no longer'} the whole picture"


def _cost(sides: Sides) -> str:
    """Another number of MACs, or of values where a layer has no MACs."""
    before, after = sides.before, sides.after
    shapes = shapes_change(before.output_shape, after.output_shape)
    if not shapes:
        return ""
    if before.macs and after.macs:
        return f"takes {multiple_of(after.macs, before.macs, 'the MACs')}: {shapes}"
    counts = (prod(after.output_shape), prod(before.output_shape))
    return f"yields {multiple_of(*counts, 'the values')}: {shapes}"


def _pooled(sides: Sides) -> str:
    """Another number of cells that the global pooling averages."""
    before, after = sides.before.input_shapes[0][2:], sides.after.input_shapes[0][2:]
    if sides.after.op != "adaptive_avg_pool2d" or before == after:
        return ""
    cells = noun(prod(before), "cell")
    return f"averages {shape_text(after)} instead of {shape_text(before)} {cells}"


def _entering(sides: Sides) -> str:
    before, after = sides.before.input_shapes[0][1:], sides.after.input_shapes[0][1:]
    if before == after:
        return ""
    return f"takes in {shape_text(after)} instead of {shape_text(before)}"


def _sight(sides: Sides) -> str:
    """Another receptive field, or another place of it."""
    before, after = sides.before, sides.after
    if before.receptive_field != after.receptive_field:
        old, new = shape_text(before.receptive_field), shape_text(after.receptive_field)
        return f"sees {new} instead of {old} {noun(prod(before.receptive_field), 'pixel')}"
    if before.jump != after.jump:
        old, new = shape_text(before.jump), shape_text(after.jump)
        return f"has cells {new} instead of {old} {noun(prod(before.jump), 'pixel')} apart"
    if before.field_start != after.field_start:
        old, new = (_place(layer.field_start) for layer in (before, after))
        return f"begins to see at {new} instead of {old}"
    return ""


def _place(start: tuple[int, int]) -> str:
    return f"row {start[0]}, column {start[1]}".replace("-", "−")


def _followed(sides: Sides) -> str:
    before, after = (" and ".join(layer.inputs) for layer in (sides.before, sides.after))
    return f"follows {after} instead of {before}" if before != after else ""


def _dtype(sides: Sides) -> str:
    old, new = sides.before.output_bytes, sides.after.output_bytes
    types = f"{sides.second.dtype} instead of {sides.first.dtype}"
    return f"takes {multiple_of(new, old, 'the bytes')}: {types}"


_RULES: Final[tuple[Callable[[Sides], str], ...]] = (
    *(window, small_map_text, filled, rounding, left_out, _field, _pooled, _cost),
    *(_entering, _sight, _followed, _dtype),
)
