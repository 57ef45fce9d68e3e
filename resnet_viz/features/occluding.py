"""What in a picture a class hangs on: by covering parts of it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from resnet_viz.costs.compute_limits import MAX_MACS, picture_bytes, require_macs, smaller
from resnet_viz.costs.profiling import profile
from resnet_viz.features.capturing import require_single
from resnet_viz.network.devices import require_memory
from resnet_viz.network.model import ResNet
from resnet_viz.network.private_copies import private_pass
from resnet_viz.network.spec import InputSpec, ResNetSpec
from resnet_viz.network.validation import integer
from resnet_viz.units import shape_text

__all__ = ["occlusion", "occlusion_cost"]


def occlusion_cost(
    spec: ResNetSpec,
    input: InputSpec,  # noqa: A002
    window: int,
    stride: int,
) -> int:
    """The multiply-accumulates of `occlusion`: a forward pass for each place, and one without.

    Raises:
        SpecError: The window does not fit into the picture, the stride leaves gaps, or the
            input's channels are not the network's.
    """
    window = integer("window", window, 1, min(input.height, input.width))
    stride = integer("stride", stride, 1, window)
    down, across = (-(-(side - window) // stride) + 1 for side in (input.height, input.width))
    return (down * across + 1) * profile(spec, input).totals.macs


def occlusion(
    model: ResNet,
    image: Tensor,
    target: int,
    *,
    window: int,
    stride: int,
    without: str | Iterable[str] = (),
    budget_bytes: int | None = None,
    max_macs: int = MAX_MACS,
) -> NDArray[np.float32]:
    """How far a class's logit falls where a part of the picture is covered; captum's `Occlusion`.

    A square is moved over the picture and covers it (Zeiler and Fergus 2014, arXiv 1311.2901)
    with zeros: the mean colour of ImageNet in a picture that was normalised by it, black in one
    whose values are 0 to 1. Each pixel gets the mean over all squares that cover it.

    Args:
        model: A network of `build_model`; it is not touched.
        image: ``[C, H, W]`` or ``[1, C, H, W]``, float.
        target: The class, from 0.
        window: Side of the square in pixels.
        stride: Its step in pixels, at most the window; what sticks out at the end is cut off.
        without: Blocks whose residual branch is left out, as for `capture`.
        budget_bytes: Memory that it may take; left out, half of what is free.
        max_macs: Multiply-accumulates that it may take.

    Returns:
        ``[H, W]`` of the picture; positive where covering it lowers the logit.

    Raises:
        LayerError: A block that the network does not have.
        SpecError: There is no such class, the window or the stride does not fit, or the picture.
        BudgetError: It would take more memory or arithmetic than allowed.
        DeviceError: The device ran out of memory all the same, or is `meta`, without values.
    """
    target = integer("target", target, 0, model.spec.num_classes - 1)

    def check(entry: InputSpec, device: torch.device) -> None:
        require_single(entry)
        what = f"Occlusion at {shape_text((entry.height, entry.width))}"
        macs = occlusion_cost(model.spec, entry, window, stride)
        require_macs(macs, max_macs, what, lambda _: "choose a greater stride or a smaller network")
        peak = partial(_peak_bytes, model.spec)
        remedy = smaller(entry, "choose an input of about {size} or a smaller network", peak)
        require_memory(peak(entry), device, what, budget_bytes, remedy)

    from captum.attr import Occlusion  # type: ignore[import-untyped]

    with private_pass(model, image, check, without) as (network, batch), torch.inference_mode():
        channels = batch.shape[1]
        drop: Any = Occlusion(network).attribute(
            batch,
            sliding_window_shapes=(channels, window, window),
            strides=(channels, stride, stride),
            baselines=0,
            target=target,
        )
        # The square covers all channels: they are the same.
        heat: NDArray[np.float32] = drop[0, 0].float().cpu().numpy()
        return heat


def _peak_bytes(spec: ResNetSpec, input: InputSpec) -> int:  # noqa: A002
    # Beside the running activations: the picture, its covered copy, the masks and the sums.
    running = profile(spec, input).totals.peak_activation_bytes
    return running + 8 * picture_bytes(spec, input)
