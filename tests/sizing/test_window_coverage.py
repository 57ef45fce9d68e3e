"""Values and padding in a window, counted by real kernels of ones on maps of ones."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from resnet_viz import InputSpec, ResNetSpec, build_model, profile
from resnet_viz.sizing.comparison.window_coverage import seen_values
from tests.helpers.oracles import picture, record_forward

SIZES = [InputSpec(*size) for size in ((1, 1), (2, 2), (7, 300), (33, 2), (225, 9))]
SPECS = [
    ResNetSpec(blocks=(1, 2, 1), base_width=4, num_classes=3),
    ResNetSpec(
        block="basic",
        blocks=(2, 2, 2),
        base_width=4,
        stem="deep",
        shortcut="avgpool_projection",
        dilations=(1, 3, 4),
        strides=(1, 2, 2),
    ),
    ResNetSpec(blocks=(1, 2), base_width=4, stem="small", strides=(1, 2), dilations=(2, 5)),
]


def _counts(module: nn.Module, size: tuple[int, ...]) -> torch.Tensor | None:
    """How many values each window sees: the sum over a map of ones."""
    ones = torch.ones(1, 1, *size, dtype=torch.float64)
    if isinstance(module, nn.Conv2d):
        kernel = torch.ones(1, 1, *module.kernel_size, dtype=torch.float64)
        window = (module.stride, module.padding, module.dilation)
        return F.conv2d(ones, kernel, None, *window)  # type: ignore[arg-type]
    if isinstance(module, nn.MaxPool2d):  # a maximum of ones with zeros around: count them
        kernel = torch.ones(1, 1, 3, 3, dtype=torch.float64)
        assert module.kernel_size == 3
        return F.conv2d(ones, kernel, None, module.stride, module.padding)
    if isinstance(module, nn.AvgPool2d):
        return F.avg_pool2d(
            ones, module.kernel_size, module.stride, ceil_mode=True, divisor_override=1
        )
    return None


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("spec", SPECS, ids=["bottleneck", "basic", "small"])
def test_windows_see_what_a_kernel_of_ones_adds_up(spec: ResNetSpec, size: InputSpec) -> None:
    report, model = profile(spec, size), build_model(spec)
    checked = 0
    for call in record_forward(model, picture(model, size)):
        counts = _counts(call.module, call.input_shapes[0][2:])
        if counts is None:
            continue
        layer = report.layer(call.path)
        assert counts.shape[2:] == layer.output_shape[2:] == call.output_shape[2:]
        alike = bool(counts.min() == counts.max())
        assert seen_values(layer) == (int(counts.max()), alike), call.path
        checked += 1
    assert checked > 8
