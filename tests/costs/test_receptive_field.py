"""Receptive fields against the gradients of networks in which no path is ever silent."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import Tensor, nn

from resnet_viz.costs.profiling import profile
from resnet_viz.costs.receptive_field import Box, ReceptiveField, receptive_field_of
from resnet_viz.errors import LayerError, SpecError
from resnet_viz.network.layer_graph import trace
from resnet_viz.network.model import ResNet, build_model
from resnet_viz.network.spec import PRESETS, InputSpec, ResNetSpec
from tests.helpers.oracles import assert_one_sentence
from tests.helpers.strategies import sides, specs


def _open_network(spec: ResNetSpec) -> ResNet:
    """Positive weights in float64: each cell grows with each pixel that it sees.

    A maximum hands its gradient to one pixel alone; an average over the same window sees all.
    """
    model = build_model(spec).double()
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.constant_(module.weight, 1 / module.weight[0].numel())
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)
        elif isinstance(module, nn.Linear):
            nn.init.constant_(module.weight, 1 / module.in_features)
    if model.maxpool is not None:
        model.maxpool = nn.AvgPool2d(3, 2, 1)  # type: ignore[assignment]
    return model


def _outputs(model: ResNet, pixels: Tensor) -> dict[str, Tensor]:
    outputs = {}
    for path, module in model.named_modules():
        module.register_forward_hook(
            lambda _module, _inputs, output, path=path: outputs.update({path: output})
        )
    model(pixels)
    return outputs


def _support(value: Tensor, pixels: Tensor) -> Box:
    """The smallest box around the pixels on which a number depends."""
    (gradient,) = torch.autograd.grad(value, pixels, retain_graph=True)
    rows, columns = np.nonzero(gradient[0].sum(0).numpy() > 0)
    return Box(int(rows.min()), int(columns.min()), int(rows.max()) + 1, int(columns.max()) + 1)


@settings(max_examples=50)
@given(
    spec=specs(max_stages=3, max_blocks=2, max_planes=16, max_width=4),
    height=sides(),
    width=sides(),
    data=st.data(),
)
def test_the_box_is_the_support_of_the_gradient(
    spec: ResNetSpec, height: int, width: int, data: Any
) -> None:
    model = _open_network(spec)
    pixels = torch.ones(1, spec.in_channels, height, width, dtype=torch.float64)
    outputs = _outputs(model, pixels.requires_grad_())
    report = profile(spec, InputSpec(height, width))
    paths = [operation.path for operation in trace(spec)]
    for path in data.draw(st.lists(st.sampled_from(paths), min_size=1, max_size=4)):
        maps = outputs[path][0].reshape(outputs[path].shape[1], *outputs[path].shape[2:] or (1, 1))
        row, column = (data.draw(st.integers(0, side - 1)) for side in maps.shape[1:])
        found = receptive_field_of(report, path, row, column)
        # The sum over channels: zeros that a shortcut appends see nothing.
        assert found.inside == _support(maps[:, row, column].sum(), pixels), path
        assert found.whole.top <= found.inside.top < found.inside.bottom <= found.whole.bottom
        assert found.whole.left <= found.inside.left < found.inside.right <= found.whole.right


@settings(max_examples=50)
@given(spec=specs(max_stages=3, max_blocks=2), data=st.data())
def test_the_whole_field_is_that_of_a_cell_far_from_all_edges(spec: ResNetSpec, data: Any) -> None:
    operations = [op for op in trace(spec) if op.stage != "head"]
    path = data.draw(st.sampled_from(operations)).path
    seen = max(profile(spec).layer(path).receptive_field)
    report = profile(spec, InputSpec(4 * seen, 4 * seen + 1))
    layer = report.layer(path)
    row, column = (side // 2 for side in layer.output_shape[2:])
    found = receptive_field_of(report, path, row, column)
    assert found.inside == found.whole
    box = found.whole
    assert (box.bottom - box.top, box.right - box.left) == layer.receptive_field
    below = receptive_field_of(report, path, row + 1, column).whole
    assert below.top - box.top == layer.jump[0]
    assert (below.left, below.right) == (box.left, box.right)


def test_the_stem_of_imagenet_by_hand() -> None:
    report = profile(PRESETS["resnet18"])

    def boxes(path: str, row: int, column: int) -> ReceptiveField:
        return receptive_field_of(report, path, row, column)

    # 7 x 7 with stride 2 and three zeros around: cell i begins at 2i - 3.
    assert boxes("conv1", 0, 5) == ReceptiveField(Box(-3, 7, 4, 14), Box(0, 7, 4, 14))
    assert boxes("conv1", 111, 111) == ReceptiveField(
        Box(219, 219, 226, 226), Box(219, 219, 224, 224)
    )
    # 3 x 3 with stride 2 on that: from the cells 2i - 1 to 2i + 1, so from 4i - 5 to 4i + 5. The
    # first cell of the pooling has no row -1 to look at, so it begins with row 0 of the picture.
    assert boxes("maxpool", 10, 0) == ReceptiveField(Box(35, -5, 46, 6), Box(35, 0, 46, 6))


def test_zeros_inside_the_network_see_nothing() -> None:
    # One row: each 3 x 3 pads it, and no cell sees more than that row.
    report = profile(PRESETS["resnet20"], InputSpec(1, 9))
    found = receptive_field_of(report, "layer1.0", 0, 4)
    assert found.whole == Box(-3, 1, 4, 8)
    assert found.inside == Box(0, 1, 1, 8)


def test_the_head_sees_all() -> None:
    report = profile(PRESETS["resnet50"], InputSpec(100, 77))
    for path in ("avgpool", "flatten", "fc", "head"):
        found = receptive_field_of(report, path, 0, 0)
        assert found.inside == Box(0, 0, 100, 77)
        box = found.whole
        assert (box.bottom - box.top, box.right - box.left) == report.layer(path).receptive_field


def test_blocks_and_stages_are_their_last_operation() -> None:
    report = profile(PRESETS["resnet18"])
    expected = receptive_field_of(report, "layer2.1.relu2", 3, 4)
    assert receptive_field_of(report, "layer2.1", 3, 4) == expected
    assert receptive_field_of(report, "layer2", 3, 4) == expected


@pytest.mark.parametrize(
    ("path", "row", "column", "says"),
    [
        ("layer1.0", 56, 0, "row must lie between 0 and 55, not 56"),
        ("layer1.0", -1, 0, "row must lie between 0 and 55, not -1"),
        ("layer1.0", 0, 56, "column must lie between 0 and 55, not 56"),
        ("fc", 0, 1, "column must lie between 0 and 0, not 1"),
    ],
)
def test_a_cell_that_is_not_there(path: str, row: int, column: int, says: str) -> None:
    with pytest.raises(SpecError, match=says) as caught:
        receptive_field_of(profile(PRESETS["resnet18"]), path, row, column)
    assert_one_sentence(caught.value)


def test_a_layer_that_is_not_there() -> None:
    with pytest.raises(LayerError, match="no layer 'layer9'"):
        receptive_field_of(profile(PRESETS["resnet18"]), "layer9", 0, 0)
