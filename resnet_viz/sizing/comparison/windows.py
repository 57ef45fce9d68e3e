"""What is to be said of a layer's window beside its reference: strides, edges, small maps.

Each remark is a predicate of the layer's path. Every number in it is computed.
"""

from __future__ import annotations

from fractions import Fraction
from math import prod
from typing import Final, NamedTuple

from resnet_viz.costs.profile_records import LayerProfile, Profile, Shape
from resnet_viz.sizing.comparison.window_coverage import seen_values
from resnet_viz.sizing.comparison.wording import amount, noun, number
from resnet_viz.sizing.input_fit import overhang, unread
from resnet_viz.units import shape_text

__all__ = [
    "Remark",
    "Sides",
    "dilation_change",
    "filled",
    "left_out",
    "rounding",
    "shapes_change",
    "small_map",
    "small_map_text",
    "stride_change",
    "window",
]

_AXES: Final = ("row", "column")
_LARGEST_DENOMINATOR: Final = 10  # of a share that is written without the numbers behind it


class Sides(NamedTuple):
    """One layer in both networks.

    Attributes:
        before: Its row in the reference.
        after: Its row here.
        first: The reference.
        second: The network and input that are compared with it.
    """

    before: LayerProfile
    after: LayerProfile
    first: Profile
    second: Profile


class Remark(NamedTuple):
    """A remark in its parts, ``now works on`` + ``1 × 1`` + ``its 3 × 3 kernel sees …``.

    Attributes:
        verb: What the layer does.
        what: With what or to what.
        why: What follows from that; may be empty.
    """

    verb: str
    what: str
    why: str = ""

    @property
    def text(self) -> str:
        """The whole."""
        return f"{self.verb} {self.what}" + (f": {self.why}" if self.why else "")


def stride_change(sides: Sides) -> Remark | None:
    """Another stride, if it is another."""
    return _window_change(sides, "stride")


def dilation_change(sides: Sides) -> Remark | None:
    """Another dilation, if it is another."""
    return _window_change(sides, "dilation")


def _window_change(sides: Sides, *names: str) -> Remark | None:
    """What is new of a window's ``kernel``, ``stride``, ``dilation`` or ``padding``."""
    if sides.after.op == "adaptive_avg_pool2d":  # its window is whatever the size makes it
        return None
    changes = []
    for name in names:
        old, new = getattr(sides.before, name), getattr(sides.after, name)
        if old and new and old != new:
            changes.append(f"{name} {_side(new)} instead of {_side(old)}")
    return Remark("has", " and ".join(changes)) if changes else None


def window(sides: Sides) -> str:
    """Another window, and what it does to the map."""
    change = _reach_change(sides)
    if change is None:
        return ""
    return change._replace(
        why=shapes_change(sides.before.output_shape, sides.after.output_shape)
    ).text


def _reach_change(sides: Sides) -> Remark | None:
    """What is new of a window; of the padding only where all else is as it was."""
    change = _window_change(sides, "kernel", "stride", "dilation")
    return change or _window_change(sides, "padding")


def _side(pair: tuple[int, int]) -> str:
    return str(pair[0]) if pair[0] == pair[1] else shape_text(pair)


def small_map(sides: Sides) -> Remark | None:
    """A window that is filled less than in the reference.

    The map has become small, or the window reaches further over the one that it has.
    """
    after = sides.after
    if after.kernel is None or after.padding is None or after.op == "adaptive_avg_pool2d":
        return None
    places = prod(after.kernel)
    values, alike = seen_values(after)
    if values == places or values >= seen_values(sides.before)[0]:
        return None
    if after.op == "conv2d":
        name, seen = "kernel", f"{amount(values, 'value')} and {amount(places - values, 'zero')}"
    else:
        name, seen = "window", f"{amount(values, 'value')} in {amount(places, 'place')}"
    seen += "" if alike else " at best"
    size = shape_text(after.input_shapes[0][2:])
    change = _reach_change(sides)
    if after.input_shapes[0][2:] == sides.before.input_shapes[0][2:] and change:
        return Remark("now sees", f"{seen} on {size}, with {change.what}")
    dilated = "dilated " if prod(after.dilation or ()) > 1 else ""
    why = f"its {dilated}{shape_text(after.kernel)} {name} sees {seen}"
    return Remark("now works on", size, why)


def small_map_text(sides: Sides) -> str:
    """`small_map` as text; empty where there is nothing to say."""
    found = small_map(sides)
    return found.text if found else ""


def filled(sides: Sides) -> str:
    """A window that is filled again."""
    after = sides.after
    if after.kernel is None or after.padding is None or after.op == "adaptive_avg_pool2d":
        return ""
    if seen_values(after)[0] <= seen_values(sides.before)[0]:
        return ""
    size, old = (shape_text(layer.input_shapes[0][2:]) for layer in (after, sides.before))
    values, places = seen_values(after)[0], prod(after.kernel)
    seen = "all" if values == places else number(values)
    return f"fills {seen} of the {places} places of its window: {size} instead of {old}"


def rounding(sides: Sides) -> str:
    """A stride that does not divide the size, where it did in the reference."""
    after = sides.after
    over = overhang(after)
    if over in ((0, 0), overhang(sides.before)) or unread(after) != (0, 0):
        return ""
    entered, left = after.input_shapes[0][2:], after.output_shape[2:]
    if entered == left:
        return f"finds nothing to halve: {shape_text(entered)} stays as it is"
    parts = [
        name for name, beyond, size in zip(_AXES, over, entered, strict=True) if beyond and size > 1
    ]
    halved = f"halves {shape_text(entered)} to {shape_text(left)}"
    if not parts:
        return ""
    verb = "stands" if len(parts) == 1 else "stand"
    return f"{halved}: the last {' and '.join(parts)} {verb} for half a cell"


def left_out(sides: Sides) -> str:
    """Values that no window reads, where their share is another than in the reference."""
    after = sides.after
    share = _unread_share(after)
    if not share or share == _unread_share(sides.before):
        return ""
    size, lost = after.input_shapes[0][2:], unread(after)
    if all(rows in (0, side // 2) for rows, side in zip(lost, size, strict=True)):
        axes = [name for name, rows in zip(_AXES, lost, strict=True) if rows]
        read = f"every second {' and '.join(axes)}"
    else:
        read = " and ".join(
            f"{side - rows} of {side} {noun(side, name)}"
            for name, rows, side in zip(_AXES, lost, size, strict=True)
        )
    if share.denominator <= _LARGEST_DENOMINATOR:
        some, whole = share.numerator, share.denominator
    else:
        some, whole = int(share * prod(size)), prod(size)
    values = f"{some:,} of {whole:,} values {'is' if some == 1 else 'are'} not read"
    return f"reads {read} of {shape_text(size)}: {values}"


def _unread_share(layer: LayerProfile) -> Fraction:
    if layer.stride in (None, (1, 1)):
        return Fraction(0)
    size, lost = layer.input_shapes[0][2:], unread(layer)
    if lost == (0, 0):
        return Fraction(0)
    read = prod(side - rows for side, rows in zip(size, lost, strict=True))
    return 1 - Fraction(read, prod(size))


def shapes_change(before: Shape, after: Shape) -> str:
    """Other cells, channels or pictures of two shapes; empty where they are equal."""
    changes = []
    if before[2:] != after[2:]:
        cells = noun(prod(before[2:]), "cell")
        changes.append(f"{shape_text(after[2:])} instead of {shape_text(before[2:])} {cells}")
    for old, new, name in zip(before[1::-1], after[1::-1], ("channel", "picture"), strict=True):
        if old != new:
            changes.append(f"{new:,} instead of {old:,} {noun(old, name)}")
    return " and ".join(changes)
