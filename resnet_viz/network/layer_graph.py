"""The operations of a network and what flows between them, for every input size at once.

`trace` runs the network of `model.py` once, on the meta device, with torch.fx proxies in
place of tensors. What it returns is plain immutable data: no module, no tensor.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from resnet_viz.errors import LayerError
from resnet_viz.network.spec import ResNetSpec

if TYPE_CHECKING:
    from torch import fx, nn

    from resnet_viz.network.model import ResNet

__all__ = [
    "INPUT",
    "BlockInfo",
    "DownsamplePoint",
    "LayerGraph",
    "Operation",
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
    """The size of a window whose places lie `dilation` apart: ``dilation * (kernel - 1) + 1``."""
    if kernel is None or dilation is None:
        return kernel
    return (dilation[0] * (kernel[0] - 1) + 1, dilation[1] * (kernel[1] - 1) + 1)


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the network, as it is for every input size.

    Attributes:
        path: The module's name in the network, such as ``layer1.0.conv1``.
        op: ``conv2d``, ``batch_norm``, ``relu``, ``max_pool2d``, ``avg_pool2d``,
            ``adaptive_avg_pool2d``, ``add``, ``pad``, ``flatten`` or ``linear``.
        inputs: Paths of the producers, in the order of the arguments; `INPUT` for the picture.
        stage: ``stem``, ``layer1`` … or ``head``.
        block: The residual block, such as ``layer1.0``; None in stem and head.
        branch: ``stem``, ``main``, ``shortcut``, ``merge`` (the addition and what follows it
            in the block) or ``head``.
        in_channels: Channels of the first input.
        out_channels: Channels of the output.
        kernel: Height and width of the window in pixels; None where there is none.
        stride: Step of the window in pixels.
        padding: Zeros added on each side, in pixels.
        dilation: Step between the places of the kernel, in pixels; of convolutions alone.
        groups: Groups of a convolution.
        ceil_mode: Whether a last, partial window counts.
        params: Learned numbers.
        buffers: Kept numbers that are not learned (running statistics and their counter).
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
        """Rows and columns from one end of the window to the other, skipped ones included."""
        return extent(self.kernel, self.dilation)


@dataclass(frozen=True, slots=True)
class DownsamplePoint:
    """A shortcut that changes the shape of what it carries.

    Attributes:
        path: The module on the shortcut, such as ``layer2.0.downsample``.
        block: The residual block.
        reasons: ``stride``, ``channels`` or both: why the identity would not fit the sum.
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
        # The read-only tables made from the fields can be neither pickled nor copied.
        return (LayerGraph, (self.spec, self.operations, self.blocks))

    def __len__(self) -> int:
        return len(self.operations)

    def __iter__(self) -> Iterator[Operation]:
        return iter(self.operations)

    @property
    def downsample_points(self) -> tuple[DownsamplePoint, ...]:
        """The blocks' shortcuts that change a shape, in order."""
        return tuple(block.downsample for block in self.blocks if block.downsample)

    @cached_property
    def outputs(self) -> Mapping[str, str]:
        """The path of the operation that computes the output of each name: see `output_paths`."""
        return output_paths(self.operations)

    @cached_property
    def stops(self) -> Mapping[str, str]:
        """Where one sees the map shrink and deepen, with the operation whose output is seen.

        The stem, each block, and the pooled features.
        """
        pooled = next(part.path for part in self if part.op == "adaptive_avg_pool2d")
        blocks = {block.path: block.output for block in self.blocks}
        return MappingProxyType({"stem": self.outputs["stem"]} | blocks | {pooled: pooled})

    def output_of(self, path: str) -> Operation:
        """The operation whose output is the output of `path`.

        Raises:
            LayerError: The network has no such layer; the text names the nearest ones.
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
    """The graph of a network; made once per spec, then remembered."""
    return read_graph(spec)


def read_graph(spec: ResNetSpec) -> LayerGraph:
    """The graph of a network, made anew: `trace` for whoever must not displace what it keeps."""
    from resnet_viz.network.model import build_model

    model = build_model(spec, "meta")
    operations = tuple(_operations(model))
    return LayerGraph(spec, operations, tuple(_blocks(model, operations)))


def _record(model: ResNet) -> fx.Graph:
    """The calls of the leaf modules, with their arguments.

    `torch.fx.symbolic_trace` patches `nn.Module` for the whole process while it runs, which
    would break the forward pass of another session. Here each leaf of this private model
    records its own call instead.
    """
    from torch import fx

    graph = fx.Graph()
    tracer = fx.proxy.GraphAppendingTracer(graph)
    for path, module in model.named_modules():
        if not list(module.children()):

            def record(*args: fx.Proxy, path: str = path) -> fx.Proxy:
                return tracer.create_proxy("call_module", path, args, {})

            module.forward = record
    model(tracer.create_proxy("placeholder", INPUT, (), {}))
    return graph


def _operations(model: ResNet) -> Iterator[Operation]:
    from torch.fx import Node

    places = _places(model)
    channels = {INPUT: model.spec.in_channels}
    for node in _record(model).nodes:
        if node.op != "call_module":
            continue
        path = str(node.target)
        inputs = tuple(str(arg.target) for arg in node.args if isinstance(arg, Node))
        module = model.get_submodule(path)
        stage, block, branch = places[path]
        read = _read(module, channels[inputs[0]])
        channels[path] = read["out_channels"]
        yield Operation(
            path=path,
            inputs=inputs,
            stage=stage,
            block=block,
            branch=branch,
            in_channels=channels[inputs[0]],
            params=sum(p.numel() for p in module.parameters()),
            buffers=sum(b.numel() for b in module.buffers()),
            **read,
        )


def _places(model: ResNet) -> dict[str, tuple[str, str | None, Branch]]:
    """Stage, block and branch of each leaf, from where the network keeps it."""
    places: dict[str, tuple[str, str | None, Branch]] = {}
    stage, branch = "stem", "stem"
    for child_name, child in model.named_children():
        if child_name not in model.stages:
            if places and places[next(reversed(places))][0] in model.stages:
                stage, branch = "head", "head"
            for path in _leaves(child_name, child):
                places[path] = (stage, None, branch)  # type: ignore[assignment]
            continue
        for block_name, block in child.named_children():
            prefix = f"{child_name}.{block_name}"
            after_sum = False
            for part_name, part in block.named_children():
                after_sum = after_sum or part is block.add
                on_shortcut = part is block.downsample
                part_branch: Branch = (
                    "shortcut" if on_shortcut else "merge" if after_sum else "main"
                )
                for path in _leaves(f"{prefix}.{part_name}", part):
                    places[path] = (child_name, prefix, part_branch)
    return places


def _leaves(prefix: str, module: nn.Module) -> Iterator[str]:
    for name, part in module.named_modules(prefix=prefix):
        if not list(part.children()):
            yield name


def _pair(value: int | tuple[int, ...]) -> Pair:
    return (value, value) if isinstance(value, int) else (value[0], value[1])


def _read(module: nn.Module, in_channels: int) -> dict[str, Any]:
    """The hyper-parameters of a leaf module."""
    from torch import nn

    from resnet_viz.network.model import Add, ZeroPad

    window: dict[str, Any] = {"out_channels": in_channels}
    match module:
        case nn.Conv2d():
            window |= {"op": "conv2d", "out_channels": module.out_channels}
            window |= {"padding": _pair(module.padding), "groups": module.groups}  # type: ignore[arg-type]
            window |= {"kernel": _pair(module.kernel_size), "stride": _pair(module.stride)}
            window["dilation"] = _pair(module.dilation)
        case nn.MaxPool2d() | nn.AvgPool2d():
            window["op"] = "max_pool2d" if isinstance(module, nn.MaxPool2d) else "avg_pool2d"
            window |= {"kernel": _pair(module.kernel_size), "stride": _pair(module.stride)}
            window |= {"padding": _pair(module.padding), "ceil_mode": module.ceil_mode}
        case ZeroPad():
            window |= {"op": "pad", "out_channels": module.out_channels}
            window["stride"] = _pair(module.stride)
        case nn.Linear():
            window |= {"op": "linear", "out_channels": module.out_features}
        case nn.BatchNorm2d():
            window["op"] = "batch_norm"
        case nn.ReLU():
            window["op"] = "relu"
        case nn.AdaptiveAvgPool2d():
            window["op"] = "adaptive_avg_pool2d"
        case nn.Flatten():
            window["op"] = "flatten"
        case Add():
            window["op"] = "add"
        case _:  # pragma: no cover - a new kind of module in model.py needs a line above
            raise TypeError(f"no rule for {type(module).__name__}")
    return window


def _blocks(model: ResNet, operations: tuple[Operation, ...]) -> Iterator[BlockInfo]:
    """The residual blocks, from runs of operations that share one."""
    members: dict[str, list[Operation]] = {}
    for operation in operations:
        if operation.block is not None:
            members.setdefault(operation.block, []).append(operation)
    for path, parts in members.items():
        source = parts[0].inputs[0]
        point = None
        if path in model.downsample_reasons:
            shortcut = [part.path for part in parts if part.branch == "shortcut"]
            point = DownsamplePoint(
                path=f"{path}.downsample",
                block=path,
                reasons=model.downsample_reasons[path],
                source=source,
                target=shortcut[-1],
            )
        yield BlockInfo(path, parts[0].stage, source, parts[-1].path, point)
