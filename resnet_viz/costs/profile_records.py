"""Define the records of results: a profile with its layers and totals, and a sweep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from resnet_viz.network.layer_graph import Pair, extent, find_output, output_paths
from resnet_viz.network.spec import InputSpec, ResNetSpec

__all__ = [
    "DownsampleProfile",
    "Integers",
    "LayerProfile",
    "Profile",
    "Shape",
    "Sweep",
    "Totals",
]

Shape = tuple[int, ...]
Integers = NDArray[Any]  # int64 where the largest result fits, else Python ints


class LayerProfile(NamedTuple):
    """One operation at one input size.

    Attributes:
        path: The module's name, such as ``layer1.0.conv1``.
        op: What it does; the names stand in `resnet_viz.network.layer_graph.Operation`.
        stage: ``stem``, ``layer1`` … or ``head``.
        block: The residual block, or None.
        branch: ``stem``, ``main``, ``shortcut``, ``merge`` or ``head``.
        inputs: Paths of the producers; ``input`` for the network's input.
        input_shapes: ``[N, C, H, W]`` of each input.
        output_shape: ``[N, C, H, W]``, or ``[N, C]`` once flattened.
        kernel: Height and width of the window in pixels, None where there is none; the global
            pooling's is its whole input.
        stride: Step of the window in pixels.
        padding: Zeros on each side in pixels.
        dilation: Step between the places of a convolution's kernel, in pixels.
        groups: Groups of a convolution.
        ceil_mode: Whether the window may end past the edge of its input, so that the output has a
            cell for the remaining rows or columns too; not part of `to_dict`.
        params: Number of parameters.
        macs: Multiply-accumulates of convolutions and linear layers, biases left out, for the
            whole batch: half of what `torch.utils.flop_counter.FlopCounterMode` counts.
        output_bytes: Size of the output.
        receptive_field: Rows and columns of the receptive field of one output cell, in input
            pixels, padding included.
        jump: Input pixels between neighbouring output cells, rows and columns.
        field_start: First row and column of the first output cell's receptive field; negative in
            padding.
    """

    path: str
    op: str
    stage: str
    block: str | None
    branch: str
    inputs: tuple[str, ...]
    input_shapes: tuple[Shape, ...]
    output_shape: Shape
    kernel: Pair | None
    stride: Pair | None
    padding: Pair | None
    dilation: Pair | None
    groups: int | None
    ceil_mode: bool
    params: int
    macs: int
    output_bytes: int
    receptive_field: Pair
    jump: Pair
    field_start: Pair

    @property
    def extent(self) -> Pair | None:
        """Rows and columns from one end of the window to the other, skipped ones included."""
        return extent(self.kernel, self.dilation)

    @property
    def flops(self) -> int:
        """Twice the MACs: a multiplication and an addition."""
        return 2 * self.macs

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, with the keys of the command line's contract."""
        values = self._asdict()
        del values["ceil_mode"]
        start = values.pop("field_start")
        size = values.pop("output_bytes")
        field, jump = values.pop("receptive_field"), values.pop("jump")
        costs = {"flops": self.flops, "output_bytes": size}
        return values | costs | {"receptive_field": field, "jump": jump, "field_start": start}


@dataclass(frozen=True, slots=True)
class DownsampleProfile:
    """A downsample point at one input size.

    Attributes:
        path: The module on the shortcut, such as ``layer2.0.downsample``.
        block: Its residual block.
        reasons: ``stride``, ``channels`` or both.
        input_shape: What enters the shortcut, ``[N, C, H, W]``.
        output_shape: What leaves it.
    """

    path: str
    block: str
    reasons: tuple[str, ...]
    input_shape: Shape
    output_shape: Shape


@dataclass(frozen=True, slots=True)
class Totals:
    """The costs of the whole network.

    Attributes:
        depth: Layers with weights, as its name counts them.
        params: Number of parameters.
        buffers: Number of elements in buffers.
        macs: Multiply-accumulates of the whole batch.
        flops: Twice that.
        weight_bytes: Size of the parameters.
        activation_bytes: Size of all outputs together.
        peak_activation_bytes: The maximum size of the tensors in memory at once, in a forward
            pass without gradients. A tensor is in memory from the operation that computes it
            to the last that reads it; the input counts until it is read.
        peak_path: The operation during which the maximum is reached.
        final_grid: Rows and columns of the last map before the global pooling.
        output_stride: Input pixels between its cells, by rows and columns.
        receptive_field: Rows and columns of the receptive field of one of its cells.
    """

    depth: int
    params: int
    buffers: int
    macs: int
    flops: int
    weight_bytes: int
    activation_bytes: int
    peak_activation_bytes: int
    peak_path: str
    final_grid: Pair
    output_stride: Pair
    receptive_field: Pair


@dataclass(frozen=True)
class Profile:
    """A network at one input size.

    Attributes:
        spec: The network.
        input: The input, its channels filled in.
        dtype: The type in which bytes are counted.
        totals: The sums.
        layers: One row per operation, in the order of execution.
        downsample_points: The shortcuts that change a shape, in order.
    """

    spec: ResNetSpec
    input: InputSpec
    dtype: str
    totals: Totals
    layers: tuple[LayerProfile, ...]
    downsample_points: tuple[DownsampleProfile, ...]

    def __reduce__(self) -> tuple[Any, ...]:
        # The cached read-only mappings can be neither pickled nor copied.
        return (Profile, tuple(getattr(self, field.name) for field in fields(self)))

    @cached_property
    def by_path(self) -> Mapping[str, LayerProfile]:
        """The rows by their paths."""
        return MappingProxyType({layer.path: layer for layer in self.layers})

    @cached_property
    def _output_paths(self) -> Mapping[str, str]:
        return output_paths(self.layers)

    def layer(self, path: str) -> LayerProfile:
        """Return the row of an operation, or of the last operation of a block or a stage.

        Raises:
            LayerError: The network has no such layer.
        """
        return self.by_path[find_output(path, self._output_paths)]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values: the document of ``profile --format json``, schema 1."""
        return {
            "schema": 1,
            "spec": self.spec.to_dict(),
            "input": self.input.to_dict(),
            "dtype": self.dtype,
            "totals": asdict(self.totals),
            "layers": [layer.to_dict() for layer in self.layers],
            "downsample_points": [asdict(point) for point in self.downsample_points],
        }


@dataclass(frozen=True)
class Sweep:
    """The totals of a network over many input sizes; arrays of one shape.

    Attributes:
        spec: The network.
        batch: Number of images.
        dtype: The type in which bytes are counted.
        heights: Rows of the input.
        widths: Columns of the input.
        macs: Multiply-accumulates of the batch.
        activation_bytes: Size of all outputs together.
        peak_activation_bytes: The maximum size of the tensors in memory at once.
        final_heights: Rows of the last map before the global pooling.
        final_widths: Columns of it.
        params: Number of parameters, the same at every size.
    """

    spec: ResNetSpec
    batch: int
    dtype: str
    heights: Integers
    widths: Integers
    macs: Integers
    activation_bytes: Integers
    peak_activation_bytes: Integers
    final_heights: Integers
    final_widths: Integers
    params: int

    @property
    def flops(self) -> Integers:
        """Twice the MACs."""
        return 2 * self.macs

    def __len__(self) -> int:
        return int(self.heights.size)

    def columns(self) -> dict[str, list[int]]:
        """The table, flat, as lists of Python integers by column name."""
        arrays = {
            "height": self.heights,
            "width": self.widths,
            "params": np.full(self.heights.shape, self.params),
            "macs": self.macs,
            "flops": self.flops,
            "activation_bytes": self.activation_bytes,
            "peak_activation_bytes": self.peak_activation_bytes,
            "final_height": self.final_heights,
            "final_width": self.final_widths,
        }
        return {name: [int(value) for value in array.ravel()] for name, array in arrays.items()}
