"""Run a network on copies that share its parameters, so that hooks never touch the original."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from resnet_viz.errors import DeviceError, SpecError
from resnet_viz.network.devices import compute
from resnet_viz.network.layer_graph import LayerGraph, trace
from resnet_viz.network.model import ResNet
from resnet_viz.network.residual_blocks import block_parts
from resnet_viz.network.spec import InputSpec
from resnet_viz.units import shape_text

__all__ = ["as_paths", "borrowing_copy", "private_pass", "run_and_record"]


class _Done(Exception):  # noqa: N818 - a signal, not an error
    """All requested layers have run."""


def as_paths(layers: str | Iterable[str]) -> tuple[str, ...]:
    """Return each layer once, in the given order; a single string is one layer."""
    return (layers,) if isinstance(layers, str) else tuple(dict.fromkeys(layers))


def _as_batch(image: Tensor) -> Tensor:
    batch = image.unsqueeze(0) if image.dim() == 3 else image
    if batch.dim() != 4 or not batch.is_floating_point() or 0 in batch.shape:
        raise SpecError(
            "A picture must be a float tensor [C, H, W] or [N, C, H, W] with at least one pixel, "
            f"not {str(image.dtype).removeprefix('torch.')} [{shape_text(image.shape)}]."
        )
    return batch


@contextlib.contextmanager
def private_pass(
    model: ResNet,
    image: Tensor,
    check: Callable[[InputSpec, torch.device], None],
    without: str | Iterable[str] = (),
    layers: str | Iterable[str] = "head",
) -> Iterator[tuple[ResNet, Tensor]]:
    """Hold the compute lock and yield what a forward pass needs: a copy and a batch.

    Args:
        model: A network of `build_model`; it is not changed.
        image: ``[C, H, W]`` or ``[N, C, H, W]``, float.
        check: Raises an error if the pass would cost too much, given the size of the image and
            the device. It is called with the lock held, so memory that is free then is still
            free when the pass runs.
        without: As for `borrowing_copy`.
        layers: As for `borrowing_copy`.

    Yields:
        A copy that may get hooks, and the image ``[N, C, H, W]`` on its device, in its dtype.

    Raises:
        LayerError: The network has no such block.
        SpecError: The image is not a float tensor of three or four axes.
        DeviceError: The device ran out of memory, or is `meta`, which has no values.
    """
    batch = _as_batch(image)
    size, channels, height, width = batch.shape
    weight = model.fc.weight
    if weight.is_meta:
        raise DeviceError("A network on the device meta has no values; build it on another.")
    with compute(weight.device):
        check(InputSpec(height, width, size, channels), weight.device)
        yield borrowing_copy(model, without, layers), batch.to(weight.device, weight.dtype)


def borrowing_copy(
    model: ResNet, without: str | Iterable[str] = (), layers: str | Iterable[str] = "head"
) -> ResNet:
    """Return a copy in evaluation mode: new modules that share the parameters of the original.

    Forward hooks on its modules and replacements of modules do not affect the original;
    everything else is shared. Its parameters are detached, so that no gradient reaches the
    parameters of the original.

    Args:
        model: The network.
        without: Blocks whose residual branch is left out of the sum; a single string is one block.
        layers: The layers to compute; modules that run after all of these are left out.

    Raises:
        LayerError: The network has no such layer or block.
    """
    graph = trace(model.spec)
    totals = [block_parts(graph, block).total for block in as_paths(without)]
    parts = _parts_until(graph, layers)
    network: ResNet = _twin(model, parts)
    for path in totals:
        if path in parts:
            network.set_submodule(path, _ShortcutAlone())
    return network


def _parts_until(graph: LayerGraph, layers: str | Iterable[str]) -> set[str]:
    """Return the modules that run until all given layers have run, with their containers."""
    wanted = {graph.output_of(path).path for path in as_paths(layers)}
    parts: set[str] = set()
    for operation in graph:
        path = operation.path
        while path and path not in parts:
            parts.add(path)
            path = path.rpartition(".")[0]
        wanted.discard(operation.path)
        if not wanted:
            break
    return parts


def _twin(module: Any, parts: set[str], prefix: str = "") -> Any:
    # copy.deepcopy takes thirty times as long: a fifth of the forward pass of ResNet-50, and
    # three times that of ResNet-1202.
    twin = object.__new__(type(module))
    own = vars(twin)
    own.update(vars(module))
    own["training"] = False
    # Every kind of hook: forward, backward, before and after, of the state dict.
    own.update(
        {
            name: value.copy()
            for name, value in own.items()
            if "_hooks" in name and value is not None
        }
    )
    values, children = own["_parameters"].items(), own["_modules"].items()
    own["_parameters"] = {name: None if value is None else value.detach() for name, value in values}
    own["_modules"] = {
        name: _twin(part, parts, f"{prefix}{name}.") if prefix + name in parts else None
        for name, part in children
    }
    return twin


class _ShortcutAlone(nn.Module):
    """Replaces the residual addition of a block whose branch is left out."""

    def forward(self, _residual: Tensor, identity: Tensor) -> Tensor:
        return identity


def run_and_record(
    network: ResNet, batch: Tensor, keep: Mapping[str, Callable[[Tensor], Any]]
) -> dict[str, Any]:
    """Run a network until all requested layers have run, and record a value of each output.

    Args:
        network: A `borrowing_copy`; hooks are left on it.
        batch: ``[N, C, H, W]`` on its device.
        keep: Maps the names of layers to functions of the output, called as soon as the layer
            has run.

    Returns:
        What the functions returned, in the order of `keep`.
    """
    kept: dict[str, Any] = {}

    def hook(
        path: str, wanted: Callable[[Tensor], Any], _module: nn.Module, _inputs: Any, output: Tensor
    ) -> None:
        kept[path] = wanted(output)
        if len(kept) == len(keep):
            raise _Done

    outputs = trace(network.spec).outputs  # the stem and the head are no modules
    for path, wanted in keep.items():
        module = network.get_submodule(outputs[path])
        module.register_forward_hook(partial(hook, path, wanted))
    with contextlib.suppress(_Done):
        network(batch)
    return {path: kept[path] for path in keep}
