"""Record the operations of a model by running it once, with torch.fx proxies for tensors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from resnet_viz.network.layer_graph import (
    INPUT,
    BlockInfo,
    Branch,
    DownsamplePoint,
    Operation,
    Pair,
)

if TYPE_CHECKING:
    from torch import fx, nn

    from resnet_viz.network.model import ResNet

__all__ = ["record_blocks", "record_operations"]


def _record_calls(model: ResNet) -> fx.Graph:
    """Return the calls of the leaf modules, with their arguments.

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


def record_operations(model: ResNet) -> Iterator[Operation]:
    """Yield the operations of a model in the order of execution.

    Args:
        model: A network on the device meta; its modules cannot be called afterwards.
    """
    from torch.fx import Node

    places = _places(model)
    channels = {INPUT: model.spec.in_channels}
    for node in _record_calls(model).nodes:
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
    """Return the stage, block and branch of each leaf module, by its path."""
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
    """Return the hyper-parameters of a leaf module."""
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


def record_blocks(model: ResNet, operations: tuple[Operation, ...]) -> Iterator[BlockInfo]:
    """Yield the residual blocks of a model, in order.

    Args:
        model: The network.
        operations: The operations of `record_operations`.
    """
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
