"""How each number of a row comes about, with the numbers put in.

The formulas are those of torch.nn.Conv2d, MaxPool2d and AvgPool2d for shapes, and of Araujo,
Norris and Sim 2019, "Computing Receptive Fields of Convolutional Neural Networks", Distill,
doi:10.23915/distill.00021, for receptive fields, as in `costs.cost_plan`. They are written with
``·``, ``−``, ``/``, ``⌊ ⌋`` and ``⌈ ⌉``, and evaluate to the value that stands beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from resnet_viz.costs.cost_plan import Field
from resnet_viz.costs.profile_records import LayerProfile, Profile, Shape
from resnet_viz.costs.profiling import DTYPE_BYTES
from resnet_viz.network.layer_graph import INPUT
from resnet_viz.views.row_groups import chw

__all__ = ["Formula", "bytes_of_input", "formulas", "mismatch", "sum_text"]

_SIDES: Final = ("Rows, columns", "Rows", "Columns")
_FIELDS: Final = ("Receptive field", "Receptive field, rows", "Receptive field, columns")
_JUMPS: Final = ("Jump", "Jump, rows", "Jump, columns")


@dataclass(frozen=True, slots=True)
class Formula:
    """One number and its origin.

    Attributes:
        label: What is computed: ``Rows, columns``, ``Channels``, ``Features``, ``Parameters``,
            ``MACs``, ``Bytes``, ``Receptive field`` or ``Jump``. Where rows and columns have
            different formulas: ``Rows``, ``Columns``, ``Jump, rows`` and so on.
        expression: The formula with its numbers, such as ``⌊(224 + 2·3 − 7)/2⌋ + 1``.
        value: What it comes to.
        unit: ``B`` for bytes, ``px`` for input pixels, else nothing.
        note: A remark in a few words, or nothing.
    """

    label: str
    expression: str
    value: int
    unit: str = ""
    note: str = ""

    @property
    def text(self) -> str:
        """Both sides: ``64 · 3 · 7 · 7 = 9,408``."""
        return f"{self.expression} = {self.value:,} {self.unit}".rstrip()


def formulas(report: Profile, path: str) -> tuple[Formula, ...]:
    """The formulas of an operation; a number that just stays as it was has none.

    Args:
        report: The network at its input size.
        path: An operation's.

    Raises:
        KeyError: The network has no such operation.
    """
    row = report.by_path[path]
    return (
        *_sides(row),
        *_channels(row),
        *_params(row),
        *_macs(row),
        _bytes(report, row.output_shape),
        *_receptive_fields(report, row),
        *_jumps(report, row),
    )


def bytes_of_input(report: Profile) -> Formula:
    """The size of what enters the network."""
    return _bytes(report, report.layers[0].input_shapes[0])


def sum_text(report: Profile, path: str) -> str:
    """The shapes that meet in an addition: ``256 × 56 × 56 + 256 × 56 × 56``.

    Raises:
        KeyError: The network has no such operation.
    """
    return " + ".join(chw(shape) for shape in report.by_path[path].input_shapes)


def mismatch(report: Profile, block: str) -> str:
    """What a block with a downsample point would add without it: two shapes that do not fit.

    Raises:
        KeyError: The block has no downsample point.
    """
    for point in report.downsample_points:
        if point.block == block:
            return f"{chw(point.input_shape)} + {chw(point.output_shape)}"
    raise KeyError(block)


def _by_axis(
    names: tuple[str, str, str],
    make: Callable[[int], tuple[str, int]],
    unit: str = "",
    note: str = "",
) -> Iterator[Formula]:
    """A formula for each axis; one for both where they are the same."""
    both, rows, columns = names
    down, across = make(0), make(1)
    if down == across:
        yield Formula(both, *down, unit, note)
    else:
        yield Formula(rows, *down, unit, note)
        yield Formula(columns, *across, unit, note)


def _sides(row: LayerProfile) -> Iterator[Formula]:
    """Rows and columns of the output, where a window makes them."""
    if row.stride is None:
        return
    stride, entering = row.stride, row.input_shapes[0]
    ceil_mode = row.ceil_mode

    def side(axis: int) -> tuple[str, int]:
        before, after, step = entering[2 + axis], row.output_shape[2 + axis], stride[axis]
        if row.kernel is None or row.padding is None:  # every stride-th pixel
            return f"⌈{before}/{step}⌉", after
        low, high = "⌈⌉" if ceil_mode else "⌊⌋"
        window = f"{before} + 2·{row.padding[axis]} − {_extent(row, axis)}"
        return f"{low}({window})/{step}{high} + 1", after

    note = "a last, partial window counts" if ceil_mode else ""
    if row.op == "adaptive_avg_pool2d":
        note = "the window is the whole map"
    yield from _by_axis(_SIDES, side, note=note)


def _extent(row: LayerProfile, axis: int) -> str:
    """The window's size, and where it comes from if the kernel's places lie apart."""
    kernel = row.kernel[axis] if row.kernel else 1
    dilation = row.dilation[axis] if row.dilation else 1
    return str(kernel) if dilation == 1 else f"({dilation}·({kernel} − 1) + 1)"


def _channels(row: LayerProfile) -> list[Formula]:
    """Channels that do not come from weights."""
    before, after = row.input_shapes[0], row.output_shape
    if row.op == "pad":
        added = after[1] - before[1]
        return [Formula("Channels", f"{before[1]} + {added}", after[1], note=f"{added} of zeros")]
    if row.op == "flatten":
        return [Formula("Features", _product(before[1:]), after[1])]
    return []


def _params(row: LayerProfile) -> list[Formula]:
    before, after = row.input_shapes[0][1], row.output_shape[1]
    if row.op == "conv2d":
        return [Formula("Parameters", _weights(row), row.params)]
    if row.op == "batch_norm":
        return [Formula("Parameters", f"2 · {after}", row.params, note="a weight and a bias each")]
    if row.op == "linear":
        text = f"{before} · {after} + {after}"
        return [Formula("Parameters", text, row.params, note="weights and biases")]
    return []


def _weights(row: LayerProfile) -> str:
    """Output channels, input channels of a group, rows and columns of the kernel."""
    entering = str(row.input_shapes[0][1])
    if row.groups is not None and row.groups > 1:
        entering = f"({entering}/{row.groups})"
    return " · ".join((str(row.output_shape[1]), entering, *map(str, row.kernel or ())))


def _macs(row: LayerProfile) -> list[Formula]:
    """A weight is used once in each cell of the output; biases are left out."""
    batch = f"{row.output_shape[0]} · " if row.output_shape[0] > 1 else ""
    if row.op == "conv2d":
        text = f"{batch}{row.params:,} · {_product(row.output_shape[2:])}"
        return [Formula("MACs", text, row.macs)]
    if row.op == "linear":
        text = f"{batch}{row.input_shapes[0][1]} · {row.output_shape[1]}"
        return [Formula("MACs", text, row.macs)]
    return []


def _bytes(report: Profile, shape: Shape) -> Formula:
    item = DTYPE_BYTES[report.dtype]
    total = item
    for size in shape:
        total *= size
    sizes = shape if shape[0] > 1 else shape[1:]
    return Formula("Bytes", f"{_product(sizes)} · {item} B", total, "B", report.dtype)


def _product(sizes: Iterable[int]) -> str:
    return " · ".join(map(str, sizes))


def _field(report: Profile, path: str, axis: int) -> Field:
    """The receptive field of an operation's output, or of the input's own pixels."""
    if path == INPUT:
        return Field(0, 1, 1)
    row = report.by_path[path]
    return Field(row.field_start[axis], row.receptive_field[axis], row.jump[axis])


def _receptive_fields(report: Profile, row: LayerProfile) -> Iterator[Formula]:
    def window(axis: int) -> tuple[str, int]:
        field = _field(report, row.inputs[0], axis)
        window = _extent(row, axis)
        return f"{field.size} + ({window} − 1) · {field.jump}", row.receptive_field[axis]

    def union(axis: int) -> tuple[str, int]:
        fields = [_field(report, path, axis) for path in row.inputs]
        ends = ", ".join(f"{_signed(field.start)} + {field.size}" for field in fields)
        starts = ", ".join(_signed(field.start) for field in fields)
        return f"max({ends}) − min({starts})", row.receptive_field[axis]

    if len(row.inputs) > 1:
        yield from _by_axis(_FIELDS, union, unit="px", note="both paths together")
    elif row.kernel is not None:
        yield from _by_axis(_FIELDS, window, unit="px")


def _signed(value: int) -> str:
    return str(value).replace("-", "−")


def _jumps(report: Profile, row: LayerProfile) -> Iterator[Formula]:
    stride = row.stride
    if stride is not None:
        yield from _by_axis(
            _JUMPS,
            lambda axis: (
                f"{_field(report, row.inputs[0], axis).jump} · {stride[axis]}",
                row.jump[axis],
            ),
            unit="px",
        )
