"""The outputs of torchvision's, timm's and transformers' ResNets, compared with ours bit by bit.

Each network is loaded with the same random parameters and batch norm statistics as the other
library's. These tests need ``scripts/oracles``, which makes an environment for them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import pytest
import torch
from torch import Tensor, nn

from resnet_viz import PRESETS, ResNetSpec, build_model

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.filterwarnings("ignore"),  # of other libraries, while they are imported
]

SIZES: Final = ((75, 61), (33, 224), (97, 34))
BATCH: Final = 2


def resnext(*blocks: int, groups: int, width: int, **others: Any) -> ResNetSpec:
    return ResNetSpec(blocks=blocks, groups=groups, width_per_group=width, **others)


def deep(spec: ResNetSpec) -> ResNetSpec:
    """The variant C: three 3x3 convolutions in the stem."""
    return replace(spec, stem="deep")


def pooled(spec: ResNetSpec) -> ResNetSpec:
    """The variant D: the deep stem, and average pooling in the shortcut."""
    return replace(spec, stem="deep", shortcut="avgpool_projection")


TORCHVISION: Final[Mapping[str, ResNetSpec]] = {
    **{
        name: PRESETS[name]
        for name in (
            *("resnet18", "resnet34", "resnet50", "resnet101", "resnet152"),
            *("resnext50_32x4d", "resnext101_32x8d", "wide_resnet50_2", "wide_resnet101_2"),
        )
    },
    "resnext101_64x4d": resnext(3, 4, 23, 3, groups=64, width=4),
}
RESNET26: Final = ResNetSpec(blocks=(2, 2, 2, 2))
RESNET200: Final = ResNetSpec(blocks=(3, 24, 36, 3))
TIMM: Final[Mapping[str, ResNetSpec]] = {
    **TORCHVISION,
    "resnet26": RESNET26,
    "resnet200": RESNET200,
    "resnext101_32x4d": resnext(3, 4, 23, 3, groups=32, width=4),
    "resnext101_32x16d": resnext(3, 4, 23, 3, groups=32, width=16),
    "resnext101_32x32d": resnext(3, 4, 23, 3, groups=32, width=32),
    **{f"resnet{depth}c": deep(PRESETS[f"resnet{depth}"]) for depth in (50, 101, 152)},
    **{f"resnet{depth}d": pooled(PRESETS[f"resnet{depth}"]) for depth in (18, 34, 50, 101, 152)},
    "resnet26d": pooled(RESNET26),
    "resnet200d": pooled(RESNET200),
    "resnext50d_32x4d": pooled(PRESETS["resnext50_32x4d"]),
}
# The strides that timm replaces with dilation for each output stride.
DILATIONS: Final = {16: (1, 1, 1, 2), 8: (1, 1, 2, 4)}


def randomised(network: nn.Module) -> nn.Module:
    """The network in evaluation mode, none of its branches zero, no batch norm the identity."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for part in network.modules():
            if isinstance(part, nn.BatchNorm2d):
                assert part.running_mean is not None
                assert part.running_var is not None
                part.weight.uniform_(0.3, 0.7, generator=generator)
                part.bias.uniform_(-0.5, 0.5, generator=generator)
                part.running_mean.uniform_(-0.5, 0.5, generator=generator)
                part.running_var.uniform_(0.5, 1.5, generator=generator)
    return network.eval()


def assert_equal_outputs(ours: nn.Module, theirs: nn.Module, channels: int = 3) -> None:
    generator = torch.Generator().manual_seed(1)
    for height, width in SIZES:
        x = torch.randn(BATCH, channels, height, width, generator=generator)
        with torch.inference_mode():
            wanted, found = theirs(x), ours(x)
        wanted = getattr(wanted, "logits", wanted)
        assert wanted.isfinite().all()
        assert not torch.equal(wanted[0], wanted[1])
        assert torch.equal(found, wanted), f"{height}x{width}: {(found - wanted).abs().max()}"


def in_order(spec: ResNetSpec, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state dict under our keys: both libraries list the modules in the same order.

    timm counts the pooling of a shortcut as ``downsample.0``; all other keys are equal.
    """
    keys = build_model(spec, "meta").state_dict().keys()
    for ours, theirs in zip(keys, state, strict=True):
        assert ours == theirs or "downsample" in ours
    return dict(zip(keys, state.values(), strict=True))


def loaded(spec: ResNetSpec, state: Mapping[str, Tensor]) -> nn.Module:
    """Our network with the tensors of a state dict, which are shared."""
    ours = build_model(spec, "meta")
    ours.load_state_dict(dict(state), strict=True, assign=True)
    return ours.eval()


@pytest.mark.parametrize("name", TORCHVISION)
def test_torchvision(name: str) -> None:
    from torchvision import models

    theirs = randomised(models.get_model(name, weights=None))
    assert_equal_outputs(loaded(TORCHVISION[name], theirs.state_dict()), theirs)


@pytest.mark.parametrize("name", TIMM)
def test_timm(name: str) -> None:
    import timm

    theirs = randomised(timm.create_model(name))
    assert_equal_outputs(loaded(TIMM[name], in_order(TIMM[name], theirs.state_dict())), theirs)


# Not of the variant D: there timm also averages where the dilation replaces the stride.
@pytest.mark.parametrize("stride", DILATIONS)
@pytest.mark.parametrize("name", ["resnet50", "resnet50c", "resnet101", "resnext50_32x4d"])
def test_timm_with_dilation(name: str, stride: int) -> None:
    import timm

    spec = replace(TIMM[name], dilations=DILATIONS[stride])
    theirs = randomised(timm.create_model(name, output_stride=stride))
    assert_equal_outputs(loaded(spec, in_order(spec, theirs.state_dict())), theirs)


@pytest.mark.parametrize("channels", [1, 5])
def test_timm_with_other_channels_and_classes(channels: int) -> None:
    import timm

    spec = replace(TIMM["resnet26d"], in_channels=channels, num_classes=7)
    theirs = randomised(timm.create_model("resnet26d", in_chans=channels, num_classes=7))
    ours = loaded(spec, in_order(spec, theirs.state_dict()))
    assert_equal_outputs(ours, theirs, channels)


def our_key(key: str, convolutions: int) -> str:
    """A key of transformers' ResNet as one of ours, for blocks of so many convolutions."""
    kind = {"convolution": "conv", "normalization": "bn"}
    if found := re.fullmatch(r"resnet\.embedder\.embedder\.(\w+)\.(\w+)", key):
        return f"{kind[found[1]]}1.{found[2]}"
    if found := re.fullmatch(r"classifier\.1\.(\w+)", key):
        return f"fc.{found[1]}"
    found = re.fullmatch(
        r"resnet\.encoder\.stages\.(\d)\.layers\.(\d+)\.(?:layer\.(\d)|shortcut)\.(\w+)\.(\w+)",
        key,
    )
    assert found, key
    stage, block, index, part, value = found.groups()
    if index is None:
        inner = f"downsample.{0 if part == 'convolution' else 1}"
    else:
        assert int(index) < convolutions
        inner = f"{kind[part]}{int(index) + 1}"
    return f"layer{int(stage) + 1}.{block}.{inner}.{value}"


@pytest.mark.parametrize(
    "spec",
    [
        *(PRESETS[f"resnet{depth}"] for depth in (18, 34, 50, 101, 152)),
        replace(PRESETS["resnet50"], stride_in="1x1"),
    ],
    ids=["resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnet50_stride_in_1x1"],
)
def test_transformers(spec: ResNetSpec) -> None:
    from transformers import ResNetConfig, ResNetForImageClassification

    theirs = randomised(
        ResNetForImageClassification(
            ResNetConfig(
                layer_type=spec.block,
                depths=list(spec.blocks),
                hidden_sizes=[spec.planes(stage) * spec.expansion for stage in range(4)],
                downsample_in_bottleneck=spec.stride_in == "1x1",
                num_labels=spec.num_classes,
            )
        )
    )
    convolutions = 2 if spec.block == "basic" else 3
    state = {our_key(key, convolutions): value for key, value in theirs.state_dict().items()}
    assert_equal_outputs(loaded(spec, state), theirs)
