"""Rows 6 and 7: feature maps beside the forward pass that they come from."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, partial

import torch
from torch import Tensor

from benchmarks.harness import agree, alternate
from benchmarks.profiles import near
from benchmarks.report import Result, at_most
from resnet_viz import PRESETS, InputSpec, build_model, capture, profile, trace
from resnet_viz.features.capturing import capture_cost
from resnet_viz.network.model import ResNet

__all__ = ["every_block", "one_early_layer"]

RESNET50 = PRESETS["resnet50"]


def every_block(rounds: int) -> Iterator[Result]:
    """Row 6: what it costs to keep the output of every block on the way."""
    model = build_model(RESNET50)
    blocks = [block.path for block in trace(RESNET50).blocks]

    def check(maps: dict[str, Tensor], logits: Tensor) -> None:
        agree("blocks", list(maps), blocks)
        last = maps[blocks[-1]]
        with torch.inference_mode():
            agree("logits", torch.equal(model.fc(model.flatten(model.avgpool(last))), logits), True)

    ours, peer = alternate(rounds, check, partial(_maps, model, blocks), partial(_forward, model))
    work = "output of every block of ResNet-50 at 224, on the CPU"
    yield Result(work, "bare forward pass", ours, peer, at_most(1.15))


def one_early_layer(rounds: int) -> Iterator[Result]:
    """Row 7: whether what comes after the layer is left out."""
    model, layer = build_model(RESNET50), "layer1.0"
    size = InputSpec(224, 224)
    share = capture_cost(RESNET50, size, layer).macs / profile(RESNET50, size).totals.macs

    def check(maps: dict[str, Tensor], logits: Tensor) -> None:
        agree("layers", list(maps), [layer])
        x = maps[layer]
        with torch.inference_mode():
            for stage in model.stages:
                blocks = list(model.get_submodule(stage).children())
                for block in blocks[1:] if stage == "layer1" else blocks:
                    x = block(x)
            agree("logits", torch.equal(model.fc(model.flatten(model.avgpool(x))), logits), True)

    ours, peer = alternate(rounds, check, partial(_maps, model, [layer]), partial(_forward, model))
    work = f"output of {layer} of ResNet-50 at 224 alone ({share:.1%} of the MACs, and 10 % on top)"
    yield Result(work, "bare forward pass", ours, peer, at_most(round(share + 0.1, 3)))


def _maps(model: ResNet, layers: list[str], number: int) -> dict[str, Tensor]:
    return capture(model, _picture(number), layers)


def _forward(model: ResNet, number: int) -> Tensor:
    with torch.inference_mode():
        logits: Tensor = model(_picture(number))
    return logits


@cache
def _picture(number: int) -> Tensor:
    """A round's picture, the same for both."""
    size = near(224, number)
    generator = torch.Generator().manual_seed(number)
    return torch.randn(1, 3, size.height, size.width, generator=generator)
