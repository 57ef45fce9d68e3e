"""Independent witnesses: what torch itself does, and the plainest arithmetic in Python."""

from __future__ import annotations

import math
import weakref
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from resnet_viz.errors import ResNetVizError
from resnet_viz.network.layer_graph import INPUT, LayerGraph, Operation
from resnet_viz.network.model import Add, ResNet, ZeroPad
from resnet_viz.network.spec import InputSpec

OP_NAMES: dict[type[nn.Module], str] = {
    nn.Conv2d: "conv2d",
    nn.BatchNorm2d: "batch_norm",
    nn.ReLU: "relu",
    nn.MaxPool2d: "max_pool2d",
    nn.AvgPool2d: "avg_pool2d",
    nn.AdaptiveAvgPool2d: "adaptive_avg_pool2d",
    nn.Flatten: "flatten",
    nn.Linear: "linear",
    Add: "add",
    ZeroPad: "pad",
}


class Call(NamedTuple):
    """One call of a leaf module in a real forward pass."""

    path: str
    module: nn.Module
    inputs: tuple[str, ...]
    input_shapes: tuple[tuple[int, ...], ...]
    output: Tensor

    @property
    def output_shape(self) -> tuple[int, ...]:
        return tuple(self.output.shape)


def leaves(model: nn.Module) -> dict[str, nn.Module]:
    return {path: part for path, part in model.named_modules() if not list(part.children())}


def record_forward(model: ResNet, x: Tensor) -> list[Call]:
    """The calls of the leaf modules; who made a tensor is told by the tensor's identity."""
    calls: list[Call] = []
    kept = [x]  # while a tensor lives, no other has its id
    maker = {id(x): INPUT}

    def hook(path: str) -> Any:
        def record(module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
            makers = tuple(maker[id(arg)] for arg in args)
            calls.append(Call(path, module, makers, tuple(tuple(a.shape) for a in args), output))
            kept.append(output)
            maker[id(output)] = path

        return record

    handles = [part.register_forward_hook(hook(path)) for path, part in leaves(model).items()]
    try:
        with torch.no_grad():
            model(x)
    finally:
        for handle in handles:
            handle.remove()
    return calls


def picture(model: ResNet, size: InputSpec, seed: int = 0) -> Tensor:
    """A random input on the network's device."""
    device = next(model.parameters()).device
    shape = (size.batch, model.spec.in_channels, size.height, size.width)
    if device.type == "meta":
        return torch.empty(shape, device=device)
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(device)


def signature(model: ResNet) -> tuple[object, ...]:
    """All that makes two networks the same network, initialisation included."""
    parts = []
    for path, part in model.named_modules():
        padding = (
            (part.in_channels, part.out_channels, part.stride)
            if isinstance(part, ZeroPad)
            else None
        )
        parts.append((path, repr(part) if not list(part.children()) else type(part), padding))
    shapes = tuple((key, tuple(value.shape)) for key, value in model.state_dict().items())
    return tuple(parts), shapes, model.spec.zero_init_residual


def last_reads(operations: Sequence[Operation]) -> dict[str, int]:
    """The index of the last operation that reads each tensor; its own if none does."""
    reads = {INPUT: 0}
    for index, op in enumerate(operations):
        reads |= dict.fromkeys((op.path, *op.inputs), index)
    return reads


class LiveStorages(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """The bytes that tensors made under this mode keep alive, told by the tensors' deaths.

    `known` are tensors that were there before, such as weights; views of them are free.
    """

    def __init__(self, known: Iterable[Tensor] = ()) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._known = {tensor.untyped_storage()._cdata for tensor in known}
        self._users: Counter[int] = Counter()
        self._sizes: dict[int, int] = {}

    @property
    def live_bytes(self) -> int:
        return sum(self._sizes.values())

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        for value in tree_leaves(result):
            if isinstance(value, Tensor):
                self._watch(value)
        return result

    def _watch(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._known:
            return
        self._users[key] += 1
        self._sizes[key] = storage.nbytes()
        weakref.finalize(tensor, self._release, key)

    def _release(self, key: int) -> None:
        self._users[key] -= 1
        if not self._users[key]:
            del self._users[key], self._sizes[key]


def simulated_peak(
    model: ResNet, graph: LayerGraph, size: InputSpec, until: str = ""
) -> tuple[int, str]:
    """The most bytes alive, and when, as the real modules run one by one, up to one of them.

    A tensor is let go after its last reader. Measured when an operation has returned and its
    inputs are still there; what a kernel needs inside itself is not counted.
    """
    reads = last_reads(graph.operations)
    peak, when = 0, ""
    with torch.no_grad(), LiveStorages([*model.parameters(), *model.buffers()]) as mode:
        shape = (size.batch, model.spec.in_channels, size.height, size.width)
        alive = {INPUT: torch.zeros(shape)}
        for index, op in enumerate(graph):
            alive[op.path] = model.get_submodule(op.path)(*[alive[path] for path in op.inputs])
            if mode.live_bytes > peak:
                peak, when = mode.live_bytes, op.path
            if op.path == until:
                break
            for path in [path for path in alive if reads[path] <= index]:
                del alive[path]
    return peak, when


class Costs(NamedTuple):
    """What `profile` says, done again operation by operation."""

    shapes: dict[str, tuple[int, ...]]
    macs: int
    elements: int
    peak_elements: int


def next_grid(op: Operation, grid: list[int]) -> list[int]:
    """Rows and columns after an operation, by the formulas of torch's documentation."""
    if op.op == "adaptive_avg_pool2d":
        return [1, 1]
    if op.op in ("flatten", "linear"):
        return []
    if op.op == "pad":  # keeps every stride-th row and column
        return [-(-n // s) for n, s in zip(grid, op.stride or (), strict=True)]
    if op.kernel and op.stride and op.padding:
        return [
            (n + 2 * p - d * (k - 1) - 1 + (s - 1 if op.ceil_mode else 0)) // s + 1
            for n, k, s, p, d in zip(
                grid, op.kernel, op.stride, op.padding, op.dilation or (1, 1), strict=True
            )
        ]
    return grid


def recompute(graph: LayerGraph, size: InputSpec) -> Costs:
    """Shapes, MACs and live elements in plain Python integers of any size."""
    shapes: dict[str, tuple[int, ...]] = {
        INPUT: (size.batch, graph.spec.in_channels, size.height, size.width)
    }
    macs = 0
    for op in graph:
        batch, channels, *grid = shapes[op.inputs[0]]
        shapes[op.path] = (batch, op.out_channels, *next_grid(op, grid))
        if op.op in ("conv2d", "linear"):
            window = math.prod(op.kernel or ()) * (channels // (op.groups or 1))
            macs += math.prod(shapes[op.path]) * window

    elements = {path: math.prod(shape) for path, shape in shapes.items()}
    reads, peak = last_reads(graph.operations), 0
    views = {op.path: op.inputs[0] for op in graph if op.op == "flatten"}
    for view, source in views.items():
        reads[source] = max(reads[source], reads[view])
    alive = {INPUT}
    for index, op in enumerate(graph):
        if op.path not in views:
            alive.add(op.path)
        peak = max(peak, sum(elements[path] for path in alive))
        alive -= {path for path in alive if reads[path] <= index}
    return Costs(shapes, macs, sum(elements[op.path] for op in graph), peak)


def assert_one_sentence(error: BaseException) -> None:
    """What every refusal must be: short, on one line, complete."""
    text = str(error)
    assert isinstance(error, ResNetVizError)
    assert text.endswith(".")
    assert text.isprintable()
    assert 10 < len(text) < 400, len(text)
