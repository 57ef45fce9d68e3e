"""A convolution taken apart against torch's own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import Tensor
from torch.nn.functional import conv2d

from resnet_viz.errors import DeviceError, LayerError, SpecError
from resnet_viz.features.capturing import capture
from resnet_viz.features.convolution_steps import conv_weight, convolve_at
from resnet_viz.network.layer_graph import INPUT, trace
from resnet_viz.network.model import build_model
from resnet_viz.network.spec import PRESETS, ResNetSpec
from tests.helpers.oracles import assert_one_sentence


@st.composite
def convolutions(draw: st.DrawFn) -> dict[str, Any]:
    groups, depth, outputs = (draw(st.integers(1, 4)) for _ in range(3))
    kernel, stride = ([draw(st.integers(1, 4)) for _ in "hw"] for _ in range(2))
    dilation = [draw(st.integers(1, 3)) for _ in "hw"]
    reach = [step * (side - 1) + 1 for side, step in zip(kernel, dilation, strict=True)]
    padding = [draw(st.integers(0, side - 1)) for side in reach]
    sides = [
        draw(st.integers(max(1, side - 2 * pad), 9 + side))
        for side, pad in zip(reach, padding, strict=True)
    ]
    generator = torch.Generator().manual_seed(draw(st.integers(0, 99)))
    return {
        "inputs": torch.randn(groups * depth, *sides, generator=generator, dtype=torch.float64),
        "weight": torch.randn(
            groups * outputs, depth, *kernel, generator=generator, dtype=torch.float64
        ),
        "stride": tuple(stride),
        "padding": tuple(padding),
        "dilation": tuple(dilation),
        "groups": groups,
    }


@settings(max_examples=60)
@given(convolution=convolutions(), data=st.data())
def test_any_convolution(convolution: dict[str, Any], data: Any) -> None:
    inputs, weight = convolution.pop("inputs"), convolution.pop("weight")
    whole = conv2d(inputs[None], weight, **convolution)[0]
    channel, row, column = (data.draw(st.integers(0, side - 1)) for side in whole.shape)
    step = convolve_at(
        inputs.numpy(), weight.numpy(), **convolution, channel=channel, row=row, column=column
    )
    assert step.total == pytest.approx(float(whole[channel, row, column]), rel=1e-12, abs=1e-12)
    patch, padded = _unfolded(inputs, weight, convolution, row, column)
    assert np.array_equal(step.patch, patch[list(step.channels)])
    assert np.array_equal(step.padded, padded)
    depth = weight.shape[1]
    group = channel // (weight.shape[0] // convolution["groups"])
    assert list(step.channels) == list(range(group * depth, (group + 1) * depth))
    assert np.array_equal(step.kernel, weight[channel].numpy())
    assert np.array_equal(step.products, step.patch * step.kernel)
    assert step.per_channel.shape == (depth,)
    assert step.per_channel.sum() == pytest.approx(step.products.sum(), abs=1e-12)


def _unfolded(
    inputs: Tensor, weight: Tensor, how: dict[str, Any], row: int, column: int
) -> tuple[np.ndarray, np.ndarray]:
    """All channels' window ``[C, k_h, k_w]`` and what of it is padding, by torch's unfold."""
    kernel = weight.shape[2:]
    how = {name: how[name] for name in ("stride", "padding", "dilation")}
    reach = how["dilation"][1] * (kernel[1] - 1) + 1
    across = (inputs.shape[2] + 2 * how["padding"][1] - reach) // how["stride"][1] + 1
    marked = torch.cat([inputs, torch.ones_like(inputs[:1])])[None]
    windows = torch.nn.functional.unfold(marked, kernel, **how)
    window = windows[0, :, row * across + column].reshape(-1, *kernel).numpy()
    return window[:-1], window[-1] == 0


@pytest.mark.parametrize(
    "spec",
    [
        PRESETS["resnet18"],
        replace(PRESETS["resnext50_32x4d"], base_width=16, num_classes=7),
        ResNetSpec(blocks=(1, 1), stem="deep", base_width=8, stride_in="1x1"),
        ResNetSpec(blocks=(1, 2, 2), base_width=4, dilations=(1, 2, 4)),
    ],
    ids=["resnet18", "narrow resnext50", "deep stem", "dilated"],
)
def test_every_convolution_of_a_network(spec: ResNetSpec) -> None:
    model = build_model(spec, seed=4)
    generator = torch.Generator().manual_seed(5)
    picture = torch.randn(3, 45, 38, generator=generator)
    convolutions = [operation for operation in trace(spec) if operation.op == "conv2d"]
    sources = {operation.inputs[0] for operation in convolutions} - {INPUT}
    paths = [operation.path for operation in convolutions]
    found = capture(model, picture, [*paths, *sources])
    maps = {path: value[0].numpy() for path, value in found.items()} | {INPUT: picture.numpy()}
    for operation in convolutions:
        assert operation.stride
        assert operation.padding
        assert operation.groups
        outputs = maps[operation.path]
        scale = float(np.abs(outputs).max())
        corner = tuple(side - 1 for side in outputs.shape)
        drawn = tuple(int(torch.randint(side, (), generator=generator)) for side in outputs.shape)
        for channel, row, column in ((0, 0, 0), corner, drawn):
            step = convolve_at(
                maps[operation.inputs[0]],
                conv_weight(model, operation.path),
                operation.stride,
                operation.padding,
                operation.groups,
                channel,
                row,
                column,
                operation.dilation or (1, 1),
            )
            expected = float(outputs[channel, row, column])
            assert step.total == pytest.approx(expected, rel=1e-4, abs=1e-5 * scale)


def test_arrays_are_read_only() -> None:
    step = convolve_at(np.ones((2, 5, 5)), np.ones((4, 1, 3, 3)), (1, 1), (1, 1), 2, 3, 0, 0)
    assert list(step.channels) == [1]
    assert step.padded.sum() == 5
    for array in (step.patch, step.padded, step.kernel, step.products, step.per_channel):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_the_weight_is_a_copy(device: str) -> None:
    model = build_model(ResNetSpec(blocks=(1,), base_width=4), device)
    weight = conv_weight(model, "layer1.0.conv2")
    assert weight.dtype == np.float32
    assert weight.shape == (4, 4, 3, 3)
    assert np.array_equal(weight, model.state_dict()["layer1.0.conv2.weight"].cpu().numpy())
    weight[:] = 0
    assert conv_weight(model, "layer1.0.conv2").any()


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("fc", "no convolution; choose one, such as conv1.0"),
        ("layer1.0", "no convolution; choose one, such as layer1.0.conv1"),
        ("conv1", "no convolution; choose one, such as conv1.0"),  # a container, of a deep stem
        ("layer1.0.conv9", "has no layer"),
    ],
)
def test_a_layer_that_has_no_weight_of_a_convolution(path: str, says: str) -> None:
    model = build_model(ResNetSpec(blocks=(1,), base_width=4, stem="deep"))
    with pytest.raises(LayerError, match=says):
        conv_weight(model, path)


def test_a_network_without_values() -> None:
    with pytest.raises(DeviceError, match="no values"):
        conv_weight(build_model(ResNetSpec(blocks=(1,)), "meta"), "conv1")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"channel": 4}, "channel must lie between 0 and 3, not 4"),
        ({"row": -1}, "row must lie between 0 and 2, not -1"),
        ({"column": 3}, "column must lie between 0 and 2, not 3"),
        ({"groups": 3}, "do not fit"),
        ({"groups": 0}, "do not fit"),
        ({"inputs": np.ones((3, 5, 5))}, "do not fit"),
        ({"inputs": np.ones((5, 5))}, "do not fit"),
        ({"inputs": np.ones((2, 5, 5)), "weight": np.ones((4, 1, 8, 3))}, "do not fit"),
    ],
)
def test_refusals(changes: dict[str, Any], says: str) -> None:
    sound: dict[str, Any] = {
        "inputs": np.ones((2, 5, 5)),
        "weight": np.ones((4, 1, 3, 3)),
        "stride": (2, 2),
        "padding": (1, 1),
        "groups": 2,
        "channel": 0,
        "row": 0,
        "column": 0,
    }
    assert convolve_at(**sound).total == 4
    with pytest.raises(SpecError, match=says) as caught:
        convolve_at(**(sound | changes))
    assert_one_sentence(caught.value)
