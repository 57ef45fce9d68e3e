"""Every number of a profile, against a real forward pass, other counters, and plain Python."""

from __future__ import annotations

import copy
import json
import math
import pickle
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
import torchinfo
from hypothesis import given, settings, strategies as st
from torch.utils.flop_counter import FlopCounterMode

from resnet_viz.costs.profile_records import LayerProfile, Profile
from resnet_viz.costs.profiling import DTYPE_BYTES, profile
from resnet_viz.errors import LayerError, SpecError
from resnet_viz.network.layer_graph import INPUT, trace
from resnet_viz.network.model import ResNet, build_model
from resnet_viz.network.spec import PRESETS, InputSpec, ResNetSpec
from tests.helpers.oracles import OP_NAMES, picture, recompute, record_forward
from tests.helpers.strategies import inputs, large_specs, specs

TINY = ResNetSpec(blocks=(1, 2), base_width=4, num_classes=5)
IMAGENET = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")


def assert_equals_a_forward_pass(model: ResNet, size: InputSpec) -> Profile:
    """Each row and each total, beside hooks and `FlopCounterMode` on the network itself."""
    report = profile(model.spec, size)
    x = picture(model, size)
    with FlopCounterMode(display=False) as counter:
        calls = record_forward(model, x)
    counts = counter.get_flop_counts()

    assert [row.path for row in report.layers] == [call.path for call in calls]
    for row, call in zip(report.layers, calls, strict=True):
        assert row.op == OP_NAMES[type(call.module)]
        assert row.inputs == call.inputs
        assert row.input_shapes == call.input_shapes
        assert row.output_shape == call.output_shape
        assert row.params == sum(p.numel() for p in call.module.parameters())
        assert row.output_bytes == call.output.numel() * call.output.element_size()
        counted = counts.get(f"ResNet.{row.path}", {})
        assert row.flops == 2 * row.macs == sum(counted.values())

    totals = report.totals
    assert totals.flops == 2 * totals.macs == counter.get_total_flops()
    assert totals.params == sum(p.numel() for p in model.parameters())
    assert totals.buffers == sum(b.numel() for b in model.buffers())
    assert totals.weight_bytes == sum(p.numel() * p.element_size() for p in model.parameters())
    assert totals.activation_bytes == sum(row.output_bytes for row in report.layers)
    pooled = next(call for call in calls if call.path == "avgpool")
    assert totals.final_grid == pooled.input_shapes[0][2:]
    for point in report.downsample_points:
        rows = [row for row in report.layers if row.path.startswith(point.path)]
        assert point.input_shape == rows[0].input_shapes[0]
        assert point.output_shape == rows[-1].output_shape
    return report


@settings(max_examples=300)
@given(specs(max_planes=32, max_blocks=2), inputs(most=40))
def test_rows_equal_a_real_forward_pass(spec: ResNetSpec, size: InputSpec) -> None:
    assert_equals_a_forward_pass(build_model(spec, seed=None), size)


@pytest.mark.parametrize("side", [224, 32])
@pytest.mark.parametrize("name", list(PRESETS))
def test_presets_equal_a_forward_pass(name: str, side: int) -> None:
    report = assert_equals_a_forward_pass(build_model(PRESETS[name], "meta"), InputSpec(side, side))
    assert report.totals.depth == PRESETS[name].depth


@pytest.mark.parametrize(("name", "side"), [("resnet18", 224), ("resnet50", 32), ("resnet56", 32)])
def test_presets_equal_a_forward_pass_with_real_numbers(name: str, side: int) -> None:
    assert_equals_a_forward_pass(build_model(PRESETS[name]), InputSpec(side, side))


# --- beside published figures -------------------------------------------------------------------


class Sums(NamedTuple):
    """Sums over a profile's rows, from which other counters' conventions are put together."""

    conv_macs: int
    linear_macs: int
    linear_biases: int
    norm_params: int
    norm_cells: int
    relu_cells: int
    pooling_input_cells: int
    global_pooling_input_cells: int
    global_pooling_window: int
    global_pooling_cells: int


def sums(report: Profile) -> Sums:
    def cells(shape: Iterable[int]) -> int:
        return math.prod(shape)

    def of(op: str) -> list[LayerProfile]:
        return [row for row in report.layers if row.op == op]

    pooling = of("adaptive_avg_pool2d")[0]
    assert pooling.kernel
    return Sums(
        conv_macs=sum(row.macs for row in of("conv2d")),
        linear_macs=sum(row.macs for row in of("linear")),
        linear_biases=sum(cells(row.output_shape) for row in of("linear")),
        norm_params=sum(row.params for row in of("batch_norm")),
        norm_cells=sum(cells(row.output_shape) for row in of("batch_norm")),
        relu_cells=sum(cells(row.output_shape) for row in of("relu")),
        pooling_input_cells=sum(cells(row.input_shapes[0]) for row in of("max_pool2d")),
        global_pooling_input_cells=cells(pooling.input_shapes[0]),
        global_pooling_window=cells(pooling.kernel),
        global_pooling_cells=cells(pooling.output_shape),
    )


@pytest.mark.parametrize("name", IMAGENET)
def test_other_counters_figures_follow_from_our_rows(
    name: str, reference: Callable[[str], Any]
) -> None:
    figures = reference("flops_at_224")
    report = profile(PRESETS[name])
    s, macs = sums(report), report.totals.macs
    others = s.relu_cells + s.pooling_input_cells + s.global_pooling_input_cells

    assert report.totals.params == figures["params"][name]
    assert report.totals.flops == figures["torch_flop_counter_flops"][name]
    assert macs == s.conv_macs + s.linear_macs
    by_operator = {
        "conv": s.conv_macs,
        "batch_norm": 2 * s.norm_cells,
        "adaptive_avg_pool2d": s.global_pooling_input_cells,
        "linear": s.linear_macs,
    }
    assert figures["fvcore_by_operator"][name] == by_operator
    assert figures["fvcore_flops"][name] == sum(by_operator.values())
    # A weight or bias once for each cell it is used on, but those of norms once a picture.
    assert figures["torchinfo_mult_adds"][name] == macs + s.norm_params + s.linear_biases
    assert figures["ptflops_aten_macs"][name] == macs + s.linear_biases
    # ReLU and pooling counted twice: as modules, and as the functions that they call.
    assert (
        figures["ptflops_pytorch_macs"][name]
        == macs + s.linear_biases + 2 * s.norm_cells + 2 * others
    )
    # Four per cell of a norm; the global pooling adds its window up and divides once.
    pooling = (s.global_pooling_window + 1) * s.global_pooling_cells
    assert figures["thop_macs"][name] == macs + 4 * s.norm_cells + pooling
    assert figures["calflops_flops"][name] == 2 * macs + 2 * s.norm_cells + others


@pytest.mark.parametrize("name", IMAGENET)
def test_the_papers_table_within_its_rounding(name: str, reference: Callable[[str], Any]) -> None:
    spec = replace(PRESETS[name], stride_in="1x1")
    assert abs(profile(spec).totals.macs - reference("flops_at_224")["paper"][name]) < 0.1e9


@pytest.mark.parametrize("stem", ["imagenet", "small"])
@pytest.mark.parametrize("name", IMAGENET)
def test_receptive_fields_equal_published_ones(
    name: str, stem: Any, reference: Callable[[str], Any]
) -> None:
    spec = replace(PRESETS[name], stem=stem)
    report = profile(spec)
    published = reference("receptive_field")[stem][name]
    last = {row.stage: row for row in report.layers}
    assert list(published) == ["stem", "layer1", "layer2", "layer3", "layer4"]
    for stage, (size, jump) in published.items():
        row = last["stem"] if stage == "stem" else report.layer(stage)
        assert row == last[stage]
        assert row.receptive_field == (size, size)
        assert row.jump == (jump, jump)
    assert report.totals.receptive_field == (size, size)
    assert report.totals.output_stride == (jump, jump)


@settings(max_examples=40)
@given(specs(max_planes=48), inputs())
def test_torchinfo_agrees(spec: ResNetSpec, size: InputSpec) -> None:
    report = profile(spec, size)
    shape = (size.batch, spec.in_channels, size.height, size.width)
    summary = torchinfo.summary(build_model(spec), input_size=shape, verbose=0, device="cpu")
    theirs = [layer for layer in summary.summary_list if layer.is_leaf_layer]
    assert len(theirs) == len(report.layers)
    for row, layer in zip(report.layers, theirs, strict=True):
        assert row.path.endswith(layer.var_name)
        assert tuple(layer.output_size) == row.output_shape
        assert layer.num_params == row.params
        mult_adds = row.macs if row.op == "conv2d" else size.batch * row.params
        assert layer.macs == mult_adds
    assert summary.total_params == report.totals.params


# --- invariants ---------------------------------------------------------------------------------


@settings(max_examples=200)
@given(specs(), inputs(most=300), st.integers(1, 4096), st.sampled_from(list(DTYPE_BYTES)))
def test_costs_are_linear_in_the_batch_and_in_the_bytes_of_a_number(
    spec: ResNetSpec, size: InputSpec, batch: int, dtype: str
) -> None:
    one = profile(spec, replace(size, batch=1))
    many = profile(spec, replace(size, batch=batch), dtype)
    scale = batch * DTYPE_BYTES[dtype]
    for a, b in zip(one.layers, many.layers, strict=True):
        assert b.macs == batch * a.macs
        assert b.output_bytes * 4 == scale * a.output_bytes
        assert b.output_shape == (batch, *a.output_shape[1:])
        same = ("path", "params", "receptive_field", "jump", "field_start", "kernel", "stride")
        assert all(getattr(a, name) == getattr(b, name) for name in same)
    assert many.totals.macs == batch * one.totals.macs
    assert many.totals.activation_bytes * 4 == scale * one.totals.activation_bytes
    assert many.totals.peak_activation_bytes * 4 == scale * one.totals.peak_activation_bytes
    assert many.totals.peak_path == one.totals.peak_path
    assert many.totals.weight_bytes == one.totals.params * DTYPE_BYTES[dtype]
    assert many.dtype == dtype


@settings(max_examples=200)
@given(st.one_of(specs(), large_specs().filter(lambda s: sum(s.blocks) < 60)), st.data())
def test_profile_equals_plain_arithmetic_at_any_size(spec: ResNetSpec, data: st.DataObject) -> None:
    side = st.integers(1, 16_384) | st.sampled_from((1, 2, 16_383, 16_384))
    size = InputSpec(data.draw(side), data.draw(side), data.draw(st.sampled_from((1, 3, 4_096))))
    report, costs = profile(spec, size), recompute(trace(spec), size)
    assert {row.path: row.output_shape for row in report.layers} == {
        path: shape for path, shape in costs.shapes.items() if path != INPUT
    }
    assert report.totals.macs == sum(row.macs for row in report.layers) == costs.macs
    assert report.totals.activation_bytes == 4 * costs.elements
    assert report.totals.peak_activation_bytes == 4 * costs.peak_elements
    assert report.totals.params == sum(row.params for row in report.layers)


@settings(max_examples=100)
@given(specs(), st.integers(1, 400), st.integers(1, 400))
def test_a_larger_input_never_costs_less(spec: ResNetSpec, height: int, width: int) -> None:
    totals = profile(spec, InputSpec(height, width)).totals
    for size in (InputSpec(height + 1, width), InputSpec(height, width + 1)):
        larger = profile(spec, size).totals
        assert larger.macs >= totals.macs
        assert larger.activation_bytes >= totals.activation_bytes
        assert larger.peak_activation_bytes >= totals.peak_activation_bytes
        assert larger.params == totals.params
        assert larger.receptive_field == totals.receptive_field
    turned = profile(spec, InputSpec(width, height)).totals
    assert turned.macs == totals.macs
    assert turned.peak_activation_bytes == totals.peak_activation_bytes
    assert turned.final_grid == totals.final_grid[::-1]


# --- ways in and out ----------------------------------------------------------------------------


def test_the_document_is_plain_json_with_the_contracts_keys() -> None:
    document = json.loads(json.dumps(profile(PRESETS["resnet50"]).to_dict()))
    assert {"schema", "spec", "input", "totals", "layers", "downsample_points"} <= set(document)
    assert document["schema"] == 1
    assert document["spec"] == PRESETS["resnet50"].to_dict()
    assert document["input"] == {"batch": 1, "channels": 3, "height": 224, "width": 224}
    expected: dict[str, Any] = {
        "depth": 50,
        "params": 25557032,
        "macs": 4089184256,
        "flops": 8178368512,
    }
    expected |= {"final_grid": [7, 7], "output_stride": [32, 32], "receptive_field": [427, 427]}
    assert expected.items() <= document["totals"].items()
    row = next(row for row in document["layers"] if row["path"] == "layer1.0.conv1")
    contract = {
        "path": "layer1.0.conv1", "op": "conv2d", "stage": "layer1", "block": "layer1.0",
        "branch": "main", "inputs": ["maxpool"], "input_shapes": [[1, 64, 56, 56]],
        "output_shape": [1, 64, 56, 56], "kernel": [1, 1], "stride": [1, 1], "padding": [0, 0],
        "groups": 1, "params": 4096, "macs": 12845056, "flops": 25690112,
        "output_bytes": 802816, "receptive_field": [11, 11], "jump": [4, 4],
    }  # fmt: skip
    assert contract.items() <= row.items()
    assert document["downsample_points"][1] == {
        "path": "layer2.0.downsample", "block": "layer2.0", "reasons": ["stride", "channels"],
        "input_shape": [1, 256, 56, 56], "output_shape": [1, 512, 28, 28],
    }  # fmt: skip


def test_rows_are_found_by_the_paths_of_operations_blocks_and_stages() -> None:
    report = profile(TINY, InputSpec(20, 30))
    assert report.input == InputSpec(20, 30, channels=3)
    assert report.layer("layer2") is report.layer("layer2.1") is report.by_path["layer2.1.relu3"]
    assert report.layer("layer2.0.downsample").path == "layer2.0.downsample.1"
    with pytest.raises(LayerError, match=r"^This network has no layer 'layer9'; did you mean "):
        report.layer("layer9")


@pytest.mark.parametrize("dtype", ["int8", "FLOAT32", "", None, 4, [], "x" * 5_000])
def test_an_unknown_dtype_is_refused(dtype: Any) -> None:
    with pytest.raises(SpecError) as caught:
        profile(TINY, dtype=dtype)
    assert str(caught.value).startswith(
        "dtype must be one of float64, float32, float16, bfloat16, not "
    )
    assert len(str(caught.value)) < 120


def test_other_channels_than_the_networks_are_refused() -> None:
    with pytest.raises(SpecError, match=r"^The input has 4 channels but the network takes 3;"):
        profile(TINY, InputSpec(8, 8, channels=4))


def test_a_profile_can_be_pickled_and_copied() -> None:
    report = profile(TINY)
    row = report.layer("layer1")  # from the cached table
    for again in (pickle.loads(pickle.dumps(report)), copy.deepcopy(report)):
        assert again == report
        assert again.layer("layer1") == row


def test_a_profile_finds_its_layers_without_tracing_the_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    graph, report = trace(PRESETS["resnet50"]), profile(PRESETS["resnet50"])
    expected = {path: graph.output_of(path).path for path in graph.outputs}
    monkeypatch.setattr("resnet_viz.network.layer_graph.read_graph", pytest.fail)
    trace.cache_clear()
    assert {path: report.layer(path).path for path in expected} == expected
    assert pickle.loads(pickle.dumps(report)).layer("layer1").path == "layer1.2.relu3"
    with pytest.raises(LayerError, match=r"no layer .layer9.; did you mean"):
        report.layer("layer9")


def test_a_row_knows_whether_a_partial_window_counts() -> None:
    spec = ResNetSpec(shortcut="avgpool_projection")
    report = profile(spec)
    modes = {operation.path: operation.ceil_mode for operation in trace(spec)}
    assert {row.path: row.ceil_mode for row in report.layers} == modes
    assert any(modes.values())
    assert "ceil_mode" not in report.layers[0].to_dict()
