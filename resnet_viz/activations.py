"""Feature maps of chosen layers: what they cost, and what they are."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn

from resnet_viz.devices import compute, require_memory
from resnet_viz.errors import BudgetError, DeviceError, LayerError, SpecError
from resnet_viz.graph import trace
from resnet_viz.model import ResNet
from resnet_viz.profile import profile
from resnet_viz.records import LayerProfile
from resnet_viz.spec import InputSpec, ResNetSpec
from resnet_viz.units import shape_text, si

__all__ = ["MAX_MACS", "CaptureCost", "capture", "capture_cost", "require_affordable"]

# About half a minute on two CPU cores; past it a page would look dead.
MAX_MACS: Final = 2 * 10**12


@dataclass(frozen=True, slots=True)
class CaptureCost:
    """What a `capture` will take.

    Attributes:
        macs: Multiply-accumulates up to the last layer asked for.
        map_bytes: Size of the maps that are kept, float32.
        peak_bytes: The most alive at once on the device: the running activations and the maps.
        last: The operation after which the forward pass stops.
    """

    macs: int
    map_bytes: int
    peak_bytes: int
    last: str


class _Done(Exception):  # noqa: N818 - a signal, not an error
    """The last map asked for has been taken."""


def capture_cost(
    spec: ResNetSpec,
    input: InputSpec,  # noqa: A002
    layers: str | Iterable[str],
) -> CaptureCost:
    """The cost of capturing `layers` (or one layer), from the closed formulas.

    Raises:
        LayerError: A layer that the network does not have, or no layer at all.
        SpecError: The input's channels are not the network's.
    """
    report = profile(spec, input)
    graph = trace(spec)
    wanted = {path: graph.output_of(path).path for path in _paths(layers)}
    if not wanted:
        raise LayerError("No layer was asked for; name at least one, such as layer1.0.")
    order = {layer.path: index for index, layer in enumerate(report.layers)}
    stop = max(order[path] for path in wanted.values())
    run: tuple[LayerProfile, ...] = report.layers[: stop + 1]
    map_bytes = sum(report.by_path[path].output_bytes for path in wanted.values())
    return CaptureCost(
        macs=sum(layer.macs for layer in run),
        map_bytes=map_bytes,
        peak_bytes=report.totals.peak_activation_bytes + map_bytes,
        last=run[-1].path,
    )


def capture(
    model: ResNet,
    image: Tensor,
    layers: str | Iterable[str],
    *,
    budget_bytes: int | None = None,
    max_macs: int = MAX_MACS,
) -> dict[str, Tensor]:
    """The outputs of named layers for a picture, as the network in evaluation mode has them.

    The forward pass runs on the model's device without gradients and stops after the last
    layer asked for. The model is not touched: its modules are shared by all sessions, so the
    hooks go on a copy that borrows its parameters.

    Args:
        model: A network of `build_model`.
        image: ``[C, H, W]`` or ``[N, C, H, W]``, float.
        layers: Operations (``layer1.0.conv1``), blocks (``layer1.0``) or stages (``layer1``,
            ``stem``); a text alone is one layer.
        budget_bytes: Memory that the pass may take; left out, half of what is free.
        max_macs: Multiply-accumulates that the pass may take.

    Returns:
        By the names asked for, in their order: float tensors on the CPU, ``[N, C, H, W]``, or
        ``[N, features]`` after the flattening. They are inference tensors: to train on one or
        to change it in place, take its ``.clone()`` outside of inference mode.

    Raises:
        LayerError: A layer that the network does not have, or no layer at all.
        SpecError: The picture is not of the network's channels, or out of the limits.
        BudgetError: It would take more memory or arithmetic than allowed.
        DeviceError: The device ran out of memory all the same, or is `meta`, without values.
    """
    paths = _paths(layers)
    batch = _as_batch(image)
    size, channels, height, width = batch.shape
    entry = InputSpec(height=height, width=width, batch=size, channels=channels)
    weight = model.fc.weight
    if weight.is_meta:
        raise DeviceError("A network on the device meta has no values; build it on another.")
    with compute(weight.device), torch.inference_mode():
        # Checked in here: what is free now is still free when the pass runs.
        require_affordable(
            model.spec, entry, paths, weight.device, budget_bytes=budget_bytes, max_macs=max_macs
        )
        return _run(_borrowing_copy(model), batch.to(weight.device, weight.dtype), paths)


def _paths(layers: str | Iterable[str]) -> tuple[str, ...]:
    """Each layer once, in the order asked for."""
    return (layers,) if isinstance(layers, str) else tuple(dict.fromkeys(layers))


def _as_batch(image: Tensor) -> Tensor:
    batch = image.unsqueeze(0) if image.dim() == 3 else image
    if batch.dim() != 4 or not batch.is_floating_point() or 0 in batch.shape:
        raise SpecError(
            "A picture must be a float tensor [C, H, W] or [N, C, H, W] with at least one pixel, "
            f"not {str(image.dtype).removeprefix('torch.')} [{shape_text(image.shape)}]."
        )
    return batch


def require_affordable(
    spec: ResNetSpec,
    input: InputSpec,  # noqa: A002
    layers: str | Iterable[str],
    device: torch.device,
    *,
    budget_bytes: int | None = None,
    max_macs: int = MAX_MACS,
) -> None:
    """Refuse what `capture` would refuse, before a picture or a network is prepared for it.

    Raises:
        LayerError: A layer that the network does not have, or no layer at all.
        SpecError: The input's channels are not the network's.
        BudgetError: It would take more memory or arithmetic than allowed.
    """
    cost = capture_cost(spec, input, layers)
    what = f"These feature maps at {shape_text((input.height, input.width))}"
    if cost.macs > max_macs:
        scale = (max_macs / cost.macs) ** 0.5
        smaller = (max(1, int(input.height * scale)), max(1, int(input.width * scale)))
        raise BudgetError(
            f"{what} would take {si(cost.macs)} multiply-accumulates, and at most {si(max_macs)} "
            f"are allowed; choose an earlier layer or an input of about {shape_text(smaller)}."
        )
    require_memory(cost.peak_bytes, device, what, budget_bytes)


def _borrowing_copy(model: ResNet) -> ResNet:
    """The same network in evaluation mode, in modules of its own with the same tensors."""
    tensors = (*model.parameters(), *model.buffers())
    return copy.deepcopy(model, {id(tensor): tensor for tensor in tensors}).eval()


def _run(model: ResNet, batch: Tensor, paths: tuple[str, ...]) -> dict[str, Tensor]:
    taken: dict[str, Tensor] = {}

    def taking(path: str) -> Callable[[nn.Module, Any, Tensor], None]:
        def hook(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
            taken[path] = output
            if len(taken) == len(paths):
                raise _Done

        return hook

    outputs = trace(model.spec).outputs  # the stem and the head are no modules
    for path in paths:
        model.get_submodule(outputs[path]).register_forward_hook(taking(path))
    with contextlib.suppress(_Done):
        model(batch)
    return {path: taken[path].cpu() for path in paths}
