"""Feature maps of chosen layers: what they cost, and what they are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from resnet_viz.costs.compute_limits import MAX_MACS, require_cost
from resnet_viz.costs.profiling import prefix_cost
from resnet_viz.errors import LayerError, SpecError
from resnet_viz.network.layer_graph import trace
from resnet_viz.network.model import ResNet
from resnet_viz.network.private_copies import as_paths, private_pass, run_and_record
from resnet_viz.network.spec import InputSpec, ResNetSpec

__all__ = [
    "CaptureCost",
    "capture",
    "capture_cost",
    "require_affordable",
    "require_single",
]


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
    graph = trace(spec)
    wanted = [graph.output_of(path).path for path in as_paths(layers)]
    if not wanted:
        raise LayerError("No layer was asked for; name at least one, such as layer1.0.")
    macs, running, maps, last = prefix_cost(spec, input, wanted)
    return CaptureCost(macs=macs, map_bytes=maps, peak_bytes=running + maps, last=last)


def capture(
    model: ResNet,
    image: Tensor,
    layers: str | Iterable[str],
    *,
    without: str | Iterable[str] = (),
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
        without: Blocks whose residual branch is left out: ``relu(x)`` (or of the shortcut of x)
            takes the place of ``relu(F(x) + x)``, as in Veit, Wilber and Belongie 2016, arXiv
            1605.06431. The branch itself is still computed, so its own maps can be asked for.
        budget_bytes: Memory that the pass may take; left out, half of what is free.
        max_macs: Multiply-accumulates that the pass may take.

    Returns:
        By the names asked for, in their order: float tensors on the CPU, ``[N, C, H, W]``, or
        ``[N, features]`` after the flattening. They are inference tensors: to train on one or
        to change it in place, take its ``.clone()`` outside of inference mode.

    Raises:
        LayerError: A layer or a block that the network does not have, or no layer at all.
        SpecError: The picture is not of the network's channels, or out of the limits.
        BudgetError: It would take more memory or arithmetic than allowed.
        DeviceError: The device ran out of memory all the same, or is `meta`, without values.
    """
    paths = as_paths(layers)

    def check(entry: InputSpec, device: torch.device) -> None:
        require_affordable(
            model.spec, entry, paths, device, budget_bytes=budget_bytes, max_macs=max_macs
        )

    with (
        private_pass(model, image, check, without, paths) as (network, batch),
        torch.inference_mode(),
    ):
        return run_and_record(network, batch, dict.fromkeys(paths, Tensor.cpu))


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
    require_cost(
        lambda size: capture_cost(spec, size, layers),
        input,
        device,
        "These feature maps",
        "choose an earlier layer or an input of about {size}",
        budget_bytes=budget_bytes,
        max_macs=max_macs,
    )


def require_single(input: InputSpec) -> None:  # noqa: A002
    """Refuse several pictures where one is looked at.

    Raises:
        SpecError: There is more than one.
    """
    if input.batch != 1:
        raise SpecError(f"One picture is taken at a time, not {input.batch}; give them in turn.")
