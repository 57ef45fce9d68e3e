"""What in a picture a cell, and what in a layer a class, hangs on: by gradients."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from resnet_viz.costs.compute_limits import MAX_MACS, picture_bytes, require_cost
from resnet_viz.costs.profile_records import LayerProfile, Shape
from resnet_viz.costs.profiling import profile
from resnet_viz.errors import LayerError
from resnet_viz.features.capturing import require_single
from resnet_viz.network.layer_graph import Operation, trace
from resnet_viz.network.model import ResNet
from resnet_viz.network.private_copies import private_pass, run_and_record
from resnet_viz.network.spec import InputSpec, ResNetSpec
from resnet_viz.network.validation import integer

__all__ = [
    "GradientCost",
    "effective_field",
    "effective_field_cost",
    "grad_cam",
    "grad_cam_cost",
]


@dataclass(frozen=True, slots=True)
class GradientCost:
    """What a gradient will take.

    A convolution's gradient by its input takes as many multiply-accumulates as the convolution.
    The outputs that the gradient flows through are kept from the forward to the backward pass;
    on the way back at most three gradients are alive at once: two where the way parts at an
    addition, and the one being made.

    Attributes:
        macs: Multiply-accumulates of both passes.
        peak_bytes: A bound on the memory alive at once on the device.
    """

    macs: int
    peak_bytes: int


def effective_field_cost(
    spec: ResNetSpec,
    input: InputSpec,  # noqa: A002
    layer: str,
) -> GradientCost:
    """The cost of `effective_field`: both passes go between the picture and the layer.

    Raises:
        LayerError: The network has no such layer.
        SpecError: The input's channels are not the network's.
    """
    report = profile(spec, input)
    before = report.layers[: report.layers.index(report.layer(layer)) + 1]
    # The picture, its gradient, the size of that, and the picture on its way to the device.
    pictures = 4 * picture_bytes(spec, input)
    macs = 2 * sum(row.macs for row in before)
    return GradientCost(macs=macs, peak_bytes=_kept_bytes(before) + pictures)


def grad_cam_cost(
    spec: ResNetSpec,
    input: InputSpec,  # noqa: A002
    layer: str,
) -> GradientCost:
    """The cost of `grad_cam`: forward to the logits, and back from there to the layer.

    Raises:
        LayerError: The network has no such layer.
        SpecError: The input's channels are not the network's.
    """
    report = profile(spec, input)
    place = report.layers.index(report.layer(layer))
    after = report.layers[place + 1 :]
    running = report.totals.peak_activation_bytes + picture_bytes(spec, input)
    return GradientCost(
        macs=report.totals.macs + sum(row.macs for row in after),
        peak_bytes=running + _kept_bytes(report.layers[place:]),
    )


def _kept_bytes(rows: tuple[LayerProfile, ...]) -> int:
    """A bound on what is alive while a gradient flows through some operations."""
    outputs = [row.output_bytes for row in rows]
    return sum(outputs) + 3 * max(outputs)


def effective_field(
    model: ResNet,
    image: Tensor,
    layer: str,
    channel: int | None,
    row: int,
    column: int,
    *,
    without: str | Iterable[str] = (),
    budget_bytes: int | None = None,
    max_macs: int = MAX_MACS,
) -> NDArray[np.float32]:
    """How strongly each pixel moves one cell of a layer, at this picture.

    The size of the derivative of the cell by each input value, summed over the input channels.
    The effective receptive field of Luo et al. 2016, arXiv 1701.04128, is the expectation of
    such derivatives over pictures and random weights; this is one picture and one network.

    Args:
        model: A network of `build_model`; it is not touched.
        image: ``[C, H, W]`` or ``[1, C, H, W]``, float.
        layer: An operation, a block or a stage; a vector counts as maps of one cell.
        channel: Channel of the cell, from 0; None for the sum of all channels there.
        row: Row of the cell, from 0.
        column: Column of the cell, from 0.
        without: Blocks whose residual branch is left out, as for `capture`.
        budget_bytes: Memory that it may take; left out, half of what is free.
        max_macs: Multiply-accumulates that it may take.

    Returns:
        ``[H, W]`` of the picture, at least 0, in units of the layer's values for one unit of the
        input's.

    Raises:
        LayerError: A layer or a block that the network does not have.
        SpecError: The layer has no such cell, or the picture does not fit.
        BudgetError: It would take more memory or arithmetic than allowed.
        DeviceError: The device ran out of memory all the same, or is `meta`, without values.
    """

    def check(entry: InputSpec, device: torch.device) -> None:
        require_single(entry)
        shape = profile(model.spec, entry).layer(layer).output_shape
        _check_cell(shape, channel, row, column)
        require_cost(
            lambda size: effective_field_cost(model.spec, size, layer),
            entry,
            device,
            "This effective field",
            "choose an earlier layer or an input of about {size}",
            budget_bytes=budget_bytes,
            max_macs=max_macs,
        )

    with (
        private_pass(model, image, check, without, layer) as (network, batch),
        torch.inference_mode(False),
        torch.enable_grad(),
    ):
        pixels = batch.detach().clone().requires_grad_()
        value = run_and_record(network, pixels, {layer: partial(_cell, channel, row, column)})[
            layer
        ]
        (gradient,) = torch.autograd.grad(value, pixels)
        return _array(gradient[0].abs().sum(0))


def grad_cam(
    model: ResNet,
    image: Tensor,
    layer: str,
    target: int,
    *,
    without: str | Iterable[str] = (),
    budget_bytes: int | None = None,
    max_macs: int = MAX_MACS,
) -> NDArray[np.float32]:
    """Where a layer's maps speak for a class: Grad-CAM, by captum's `LayerGradCam`.

    ``relu(sum over channels of the maps, each times the mean of the logit's derivative by it)``,
    Selvaraju et al. 2017, arXiv 1610.02391.

    Args:
        model: A network of `build_model`; it is not touched.
        image: ``[C, H, W]`` or ``[1, C, H, W]``, float.
        layer: An operation, a block or a stage that yields maps.
        target: The class, from 0.
        without: Blocks whose residual branch is left out, as for `capture`.
        budget_bytes: Memory that it may take; left out, half of what is free.
        max_macs: Multiply-accumulates that it may take.

    Returns:
        ``[h, w]`` of the layer, at least 0.

    Raises:
        LayerError: A layer or a block that the network does not have, a layer that yields a
            vector, or one on a branch that is left out.
        SpecError: There is no such class, or the picture does not fit.
        BudgetError: It would take more memory or arithmetic than allowed.
        DeviceError: The device ran out of memory all the same, or is `meta`, without values.
    """
    without = (without,) if isinstance(without, str) else tuple(without)
    path = _map_layer(model.spec, layer, without).path
    target = integer("target", target, 0, model.spec.num_classes - 1)

    def check(entry: InputSpec, device: torch.device) -> None:
        require_single(entry)
        require_cost(
            lambda size: grad_cam_cost(model.spec, size, layer),
            entry,
            device,
            "Grad-CAM",
            "choose a later layer or an input of about {size}",
            budget_bytes=budget_bytes,
            max_macs=max_macs,
        )

    # Brings matplotlib along, which takes a second.
    from captum.attr import LayerGradCam  # type: ignore[import-untyped]

    with (
        private_pass(model, image, check, without) as (network, batch),
        torch.inference_mode(False),
        torch.enable_grad(),
    ):
        # Only the maps get a gradient: the borrowed parameters are detached.
        explainer = LayerGradCam(network, network.get_submodule(path))
        heat: Any = explainer.attribute(batch.detach(), target=target, relu_attributions=True)
        return _array(heat[0, 0])


def _map_layer(spec: ResNetSpec, layer: str, without: tuple[str, ...]) -> Operation:
    """The operation that yields a layer's maps, on whose values the logits depend.

    Raises:
        LayerError: There is none.
    """
    graph = trace(spec)
    operation = graph.output_of(layer)
    if operation.op in ("flatten", "linear"):
        raise LayerError(
            f"Grad-CAM needs a layer of maps, and {layer!r} yields a vector; choose a block such "
            f"as {graph.blocks[-1].path}."
        )
    if operation.block in without and operation.branch == "main":
        raise LayerError(
            f"{layer!r} is on the branch that is left out, so that no class depends on it; choose "
            f"another layer, such as {operation.block}."
        )
    return operation


def _check_cell(shape: Shape, channel: int | None, row: int, column: int) -> None:
    """Refuse a cell that maps ``[1, C, H, W]``, or a vector ``[1, C]``, do not have."""
    sides = shape[2:] or (1, 1)
    if channel is not None:
        integer("channel", channel, 0, shape[1] - 1)
    integer("row", row, 0, sides[0] - 1)
    integer("column", column, 0, sides[1] - 1)


def _cell(channel: int | None, row: int, column: int, output: Tensor) -> Tensor:
    """One value of ``[1, C, H, W]`` or ``[1, C]``, or the sum over its channels."""
    column_of_channels = output[0, :, row, column] if output.dim() == 4 else output[0]
    return column_of_channels.sum() if channel is None else column_of_channels[channel]


def _array(values: Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = values.detach().float().cpu().numpy()
    return array
