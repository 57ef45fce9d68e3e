"""Strides and dilations per stage: torchvision's rule, and what each number builds."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import torch
from hypothesis import given, settings, strategies as st

from resnet_viz.costs.profiling import profile
from resnet_viz.errors import SpecError
from resnet_viz.network.model import build_model
from resnet_viz.network.spec import InputSpec, ResNetSpec
from resnet_viz.network.spec.stage_strides import usual_strides
from resnet_viz.sizing.input_fit import overhang, unread
from tests.helpers.oracles import assert_one_sentence, picture, record_forward
from tests.helpers.strategies import inputs, specs


def torchvisions_way(replace: tuple[bool, ...]) -> list[tuple[int, int, int]]:
    """Stride, dilation of the first block and of the others, stage by stage.

    Told after torchvision's documentation of ``replace_stride_with_dilation``: a stage so marked
    multiplies the dilation by the stride that it gives up, from its second block on.
    """
    dilation, found = 1, [(1, 1, 1)]
    for instead in replace:
        before = dilation
        if instead:
            dilation *= 2
        found.append((1 if instead else 2, before, dilation))
    return found


@pytest.mark.parametrize("replace", list(product((False, True), repeat=3)), ids=str)
@pytest.mark.parametrize("block", ["basic", "bottleneck"])
def test_dilations_alone_are_torchvisions_replacement(
    replace: tuple[bool, ...], block: Any
) -> None:
    wanted = torchvisions_way(replace)
    spec = ResNetSpec(
        block=block, blocks=(2,) * 4, base_width=4, dilations=tuple(each[2] for each in wanted)
    )
    assert spec.stage_strides == tuple(each[0] for each in wanted)
    model = build_model(spec, "meta")
    for stage, (stride, first, others) in enumerate(wanted, start=1):
        for index, dilation in ((0, first), (1, others)):
            part: Any = model.get_submodule(f"layer{stage}.{index}")
            convolution = part.conv1 if block == "basic" else part.conv2
            assert convolution.dilation == convolution.padding == (dilation, dilation)
            assert convolution.stride == ((stride, stride) if index == 0 else (1, 1))
            if block == "basic":  # torchvision has none; timm's has the stage's own dilation
                assert part.conv2.dilation == (others, others)


@pytest.mark.oracle
@pytest.mark.parametrize("replace", list(product((False, True), repeat=3)), ids=str)
def test_dilated_outputs_equal_torchvisions(replace: tuple[bool, ...]) -> None:
    from torchvision.models import resnet

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        theirs = resnet.ResNet(
            resnet.Bottleneck, [1, 2, 2, 2], replace_stride_with_dilation=list(replace)
        ).eval()
    dilations = tuple(each[2] for each in torchvisions_way(replace))
    ours = build_model(ResNetSpec(blocks=(1, 2, 2, 2), dilations=dilations))
    ours.load_state_dict(theirs.state_dict(), strict=True)
    x = torch.randn(1, 3, 75, 61, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        assert torch.equal(ours(x), theirs(x))


def test_the_usual_is_not_kept() -> None:
    usual = ResNetSpec()
    assert ResNetSpec(strides=(1, 2, 2, 2), dilations=(1, 1, 1, 1)) == usual
    assert (usual.strides, usual.dilations) == (None, None)
    dilated = ResNetSpec(dilations=(1, 1, 2, 4))
    assert ResNetSpec(strides=(1, 2, 1, 1), dilations=(1, 1, 2, 4)) == dilated
    assert dilated.strides is None
    both = ResNetSpec(strides=(1, 2, 2, 2), dilations=(1, 1, 2, 4))
    assert both != dilated
    assert both.stage_strides == (1, 2, 2, 2)


def test_a_dilation_that_no_convolution_has_is_no_difference() -> None:
    # The only 3x3 of the last stage has the dilation of the stage before.
    one, other = (ResNetSpec(blocks=(1, 1), strides=(1, 2), dilations=(2, last)) for last in (1, 9))
    assert one == other
    assert ResNetSpec(blocks=(1,), dilations=(5,)) == ResNetSpec(blocks=(1,))
    basic = ResNetSpec(block="basic", blocks=(1,), dilations=(5,))
    assert basic != ResNetSpec(block="basic", blocks=(1,))


@given(st.lists(st.integers(1, 9), min_size=1, max_size=8))
def test_usual_strides_by_a_plain_loop(dilations: list[int]) -> None:
    strides = usual_strides(tuple(dilations))
    assert len(strides) == len(dilations)
    assert strides[0] == 1
    for place in range(1, len(dilations)):
        assert strides[place] == (1 if dilations[place] > dilations[place - 1] else 2)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        (
            {"strides": (1, 2)},
            "strides must list one number for each of the 4 stages, like 1,2,2,2, not 2.",
        ),
        (
            {"dilations": "1,1,2,4"},
            "dilations must list one number for each of the 4 stages, like 1,2,2,2, not '1,1,2,4'.",
        ),
        ({"strides": (1, 2, 3, 2)}, "strides of stage 3 must lie between 1 and 2, not 3; "),
        ({"strides": (2, 2, 2, 2)}, "strides must begin with 1, since the first stage keeps "),
        ({"strides": (1, 2, 0, 2)}, "strides of stage 3 must lie between 1 and 2, not 0; "),
        ({"dilations": (1, 1, 1, 129)}, "dilations of stage 4 must lie between 1 and 128, not "),
        ({"dilations": (1, 1, 1, 1.5)}, "dilations of stage 4 must be a whole number from 1 to "),
    ],
)
def test_other_numbers_are_refused(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(SpecError) as caught:
        ResNetSpec(**fields)
    assert str(caught.value).startswith(text)
    assert_one_sentence(caught.value)


# --- what a stride leaves over ------------------------------------------------------------------


@settings(max_examples=60)
@given(specs(max_planes=16), inputs())
def test_overhangs_add_up_to_what_the_final_grid_exceeds_the_input_by(
    spec: ResNetSpec, size: InputSpec
) -> None:
    report = profile(spec, size)
    main = [layer for layer in report.layers if layer.branch in ("stem", "main")]
    for axis, side in enumerate((size.height, size.width)):
        total = 0
        for layer in main:
            assert 0 <= overhang(layer)[axis] < (layer.stride or (1, 1))[axis]
            entering = layer.jump[axis] // (layer.stride or (1, 1))[axis]
            total += overhang(layer)[axis] * entering
        totals = report.totals
        assert total == totals.final_grid[axis] * totals.output_stride[axis] - side


@settings(max_examples=40)
@given(specs(max_planes=8, max_width=2, max_stages=3), inputs(most=40))
def test_unread_rows_have_no_gradient(spec: ResNetSpec, size: InputSpec) -> None:
    model = build_model(spec, seed=1)
    report = profile(spec, size)
    for call in record_forward(model, picture(model, size)):
        layer = report.layer(call.path)
        if layer.stride is None or layer.op == "max_pool2d":
            continue
        x = torch.randn(call.input_shapes[0]).requires_grad_()
        (gradient,) = torch.autograd.grad(call.module(x).square().sum(), x)
        seen = gradient.abs().sum((0, 1)) > 0
        rows, columns = (int((~seen.any(axis)).sum()) for axis in (1, 0))
        assert unread(layer) == (rows, columns), call.path


def test_a_shortcut_of_1x1_skips_every_second_row() -> None:
    report = profile(ResNetSpec(), InputSpec(224, 225))
    assert unread(report.layer("layer2.0.downsample.0")) == (28, 28)
    assert overhang(report.layer("conv1")) == (0, 1)
    assert unread(report.layer("layer2.0.conv2")) == (0, 0)
    assert unread(report.layer("avgpool")) == overhang(report.layer("avgpool")) == (0, 0)
