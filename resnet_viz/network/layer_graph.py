"""Define the graph of a network: its operations and the tensors between them, at any input size.

`trace` returns the graph of a spec. A `LayerGraph` is plain immutable data: it holds no module and
no tensor.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Any, Final, Literal, Protocol

from resnet_viz.errors import LayerError
from resnet_viz.network.spec import ResNetSpec

__all__ = [
    "INPUT",
    "BlockInfo",
    "Branch",
    "DownsamplePoint",
    "LayerGraph",
    "Operation",
    "Pair",
    "extent",
    "find_output",
    "output_paths",
    "read_graph",
    "trace",
]

INPUT: Final = "input"
"""The path that stands for the network's input among an operation's `inputs`."""

Branch = Literal["stem", "main", "shortcut", "merge", "head"]
Pair = tuple[int, int]


def extent(kernel: Pair | None, dilation: Pair | None) -> Pair | None:
    """Return the extent of a dilated kernel, per axis: ``dilation * (kernel - 1) + 1``."""
    if kernel is None or dilation is None:
        return kernel
    return (dilation[0] * (kernel[0] - 1) + 1, dilation[1] * (kernel[1] - 1) + 1)


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the network; the same at every input size.

    Attributes:
        path: The module's name in the network, such as ``layer1.0.conv1``.
        op: ``conv2d``, ``batch_norm``, ``relu``, ``max_pool2d``, ``avg_pool2d``,
            ``adaptive_avg_pool2d``, ``add``, ``pad``, ``flatten`` or ``linear``.
        inputs: Paths of the producers, in the order of the arguments; `INPUT` for the input.
        stage: ``stem``, ``layer1`` … or ``head``.
        block: The residual block, such as ``layer1.0``; None in stem and head.
        branch: ``stem``, ``main``, ``shortcut``, ``merge`` (the addition and what follows it
            in the block) or ``head``.
        in_channels: Channels of the first input.
        out_channels: Channels of the output.
        kernel: Height and width of the kernel, in pixels of its input; None without a kernel.
        stride: Stride, in pixels of its input.
        padding: Padding added to each side, in pixels of its input.
        dilation: Distance between neighbouring kernel elements, in pixels; only of convolutions.
        groups: Number of groups; only of convolutions.
        ceil_mode: Whether the output size is rounded up, as in `torch.nn.AvgPool2d`.
        params: Number of parameters.
        buffers: Number of elements in buffers (running statistics and their counter).
    """

    path: str
    op: str
    inputs: tuple[str, ...]
    stage: str
    block: str | None
    branch: Branch
    in_channels: int
    out_channels: int
    kernel: Pair | None = None
    stride: Pair | None = None
    padding: Pair | None = None
    dilation: Pair | None = None
    groups: int | None = None
    ceil_mode: bool = False
    params: int = 0
    buffers: int = 0

    @property
    def extent(self) -> Pair | None:
        """Rows and columns that the dilated kernel spans."""
        return extent(self.kernel, self.dilation)


@dataclass(frozen=True, slots=True)
class DownsamplePoint:
    """A shortcut that changes the shape of its input.

    Attributes:
        path: The module on the shortcut, such as ``layer2.0.downsample``.
        block: The residual block.
        reasons: ``stride``, ``channels`` or both: why the input cannot be added unchanged.
        source: The operation whose output enters the shortcut (and the block).
        target: The shortcut's last operation.
    """

    path: str
    block: str
    reasons: tuple[str, ...]
    source: str
    target: str


@dataclass(frozen=True, slots=True)
class BlockInfo:
    """One residual block.

    Attributes:
        path: Its name, such as ``layer2.0``.
        stage: Its stage, such as ``layer2``.
        source: The operation whose output enters it.
        output: Its last operation.
        downsample: Its downsample point, if it has one.
    """

    path: str
    stage: str
    source: str
    output: str
    downsample: DownsamplePoint | None


@dataclass(frozen=True)
class LayerGraph:
    """All operations of a network in the order of execution.

    Attributes:
        spec: The network.
        operations: One record per operation.
        blocks: The residual blocks, in order.
    """

    spec: ResNetSpec
    operations: tuple[Operation, ...]
    blocks: tuple[BlockInfo, ...]
    by_path: Mapping[str, Operation] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        table = {operation.path: operation for operation in self.operations}
        object.__setattr__(self, "by_path", MappingProxyType(table))

    def __reduce__(self) -> tuple[Any, ...]:
        # The read-only mappings can be neither pickled nor copied.
        return (LayerGraph, (self.spec, self.operations, self.blocks))

    def __len__(self) -> int:
        return len(self.operations)

    def __iter__(self) -> Iterator[Operation]:
        return iter(self.operations)

    @property
    def downsample_points(self) -> tuple[DownsamplePoint, ...]:
        """The shortcuts that change a shape, in the order of the blocks."""
        return tuple(block.downsample for block in self.blocks if block.downsample)

    @cached_property
    def outputs(self) -> Mapping[str, str]:
        """The path of the operation that computes the output of each name: see `output_paths`."""
        return output_paths(self.operations)

    @cached_property
    def stops(self) -> Mapping[str, str]:
        """The outputs that show how the resolution falls and the channels grow.

        They are those of the stem, of each block and of the global pooling: the name of each, with
        the path of the operation that computes it.
        """
        pooled = next(part.path for part in self if part.op == "adaptive_avg_pool2d")
        blocks = {block.path: block.output for block in self.blocks}
        return MappingProxyType({"stem": self.outputs["stem"]} | blocks | {pooled: pooled})

    def output_of(self, path: str) -> Operation:
        """Return the operation that computes the output of `path`.

        Raises:
            LayerError: The network has no such layer; the message names the most similar names.
        """
        return self.by_path[find_output(path, self.outputs)]


class _Placed(Protocol):
    """An operation, or a row about one."""

    @property
    def path(self) -> str: ...

    @property
    def stage(self) -> str: ...


def output_paths(operations: Iterable[_Placed]) -> Mapping[str, str]:
    """Map every name of a part of the network to the operation that computes its output.

    An operation computes its own output. The output of a block, of a stage (including ``stem``
    and ``head``) and of any other container is that of its last operation.

    Args:
        operations: The operations of a network, in the order of execution.
    """
    listed = tuple(operations)
    last = {operation.stage: operation.path for operation in listed}
    for operation in listed:
        parts = operation.path.split(".")
        for length in range(1, len(parts)):
            last[".".join(parts[:length])] = operation.path
    return MappingProxyType(last | {operation.path: operation.path for operation in listed})


def find_output(path: str, outputs: Mapping[str, str]) -> str:
    """Return the operation that computes the output of `path`.

    Args:
        path: The name of an operation, a block, a stage or another container.
        outputs: The result of `output_paths`.

    Raises:
        LayerError: The network has no such layer; the message names the most similar names.
    """
    if path in outputs:
        return outputs[path]
    from difflib import get_close_matches

    text = path[:80]
    near = get_close_matches(text, outputs, n=3, cutoff=0.4) or list(outputs)[:3]
    raise LayerError(f"This network has no layer {text!r}; did you mean {', '.join(near)}?")


@lru_cache(maxsize=16)
def trace(spec: ResNetSpec) -> LayerGraph:
    """Return the graph of a network; the graphs of the last 16 specs are cached."""
    return read_graph(spec)


def read_graph(spec: ResNetSpec) -> LayerGraph:
    """Return the graph of a network without the cache of `trace`, so that no entry is evicted."""
    from resnet_viz.network.graph_recording import record_blocks, record_operations
    from resnet_viz.network.model import build_model

    model = build_model(spec, "meta")
    operations = tuple(record_operations(model))
    return LayerGraph(spec, operations, tuple(record_blocks(model, operations)))
