"""What is to be said of a layer's window beside its reference: strides, edges, small maps.

Each remark is a predicate of the layer's path. Every number in it is computed.
"""

from __future__ import annotations

from fractions import Fraction
from math import prod
from typing import Final, NamedTuple

from resnet_viz.comparison.coverage import seen_values
from resnet_viz.comparison.wording import amount, number
from resnet_viz.records import LayerProfile, Profile, Shape
from resnet_viz.sizing import overhang, unread
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
    change = _window_change(sides, "kernel", "stride", "dilation")
    change = change or _window_change(sides, "padding")
    if change is None:
        return ""
    return change._replace(
        why=shapes_change(sides.before.output_shape, sides.after.output_shape)
    ).text


def _side(pair: tuple[int, int]) -> str:
    return str(pair[0]) if pair[0] == pair[1] else shape_text(pair)


def small_map(sides: Sides) -> Remark | None:
    """A window that is filled less than in the reference, on a map that has become small."""
    after = sides.after
    if after.kernel is None or after.padding is None or after.op == "adaptive_avg_pool2d":
        return None
    places = prod(after.kernel)
    values, alike = seen_values(after)
    if values == places or values >= seen_values(sides.before)[0]:
        return None
    if after.op == "conv2d":
        what = f"kernel sees {amount(values, 'value')} and {amount(places - values, 'zero')}"
    else:
        what = f"window sees {amount(values, 'value')} in {amount(places, 'place')}"
    size = shape_text(after.input_shapes[0][2:])
    best = "" if alike else " at best"
    return Remark("now works on", size, f"its {shape_text(after.kernel)} {what}{best}")


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
            f"{side - rows} of {side} {name}s"
            for name, rows, side in zip(_AXES, lost, size, strict=True)
        )
    if share.denominator <= _LARGEST_DENOMINATOR:
        values = f"{share.numerator} of {share.denominator}"
    else:
        values = f"{int(share * prod(size)):,} of {prod(size):,}"
    return f"reads {read} of {shape_text(size)}: {values} values are not read"


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
        changes.append(f"{shape_text(after[2:])} instead of {shape_text(before[2:])} cells")
    if before[1] != after[1]:
        changes.append(f"{after[1]:,} instead of {before[1]:,} channels")
    if before[0] != after[0]:
        changes.append(f"{after[0]:,} instead of {before[0]:,} pictures")
    return " and ".join(changes)
