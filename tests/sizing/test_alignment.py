"""Two networks side by side, against the state dicts of the real ones."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings

from resnet_viz import PRESETS, ResNetSpec, build_model, trace
from resnet_viz.sizing.comparison.alignment import align, state_shapes
from tests.helpers.strategies import specs

SMALL = {"max_stages": 3, "max_blocks": 2, "max_width": 6}


def _state(spec: ResNetSpec) -> dict[str, tuple[int, ...]]:
    """The shapes in the state dict of the real network."""
    return {k: tuple(v.shape) for k, v in build_model(spec, "meta").state_dict().items()}


@settings(max_examples=10)
@given(specs(**SMALL))
def test_shapes_are_those_of_the_state_dict(spec: ResNetSpec) -> None:
    found = {f"{op.path}.{name}": shape for op in trace(spec) for name, shape in state_shapes(op)}
    assert found == _state(spec)


@settings(max_examples=8)
@given(specs(**SMALL), specs(**SMALL))
def test_what_loads_is_what_torch_would_load(first: ResNetSpec, second: ResNetSpec) -> None:
    old, new = _state(first), _state(second)
    alignment = align(first, second)
    for operation in alignment.operations:
        mine = {
            key: shape for key, shape in new.items() if key.rpartition(".")[0] == operation.path
        }
        theirs = {k: shape for k, shape in old.items() if k.rpartition(".")[0] == operation.path}
        expected = None
        if mine or theirs:
            expected = "loads" if mine == theirs else "reshaped"
        if not mine and theirs:
            expected = "only in reference"
        if mine and not theirs:
            expected = "only here"
        assert operation.weights == expected

    # Real loading: what fits by name and shape goes in, and nothing else does.
    model = build_model(second)
    fitting = {key: torch.zeros(shape) for key, shape in old.items() if new.get(key) == shape}
    missing, unexpected = model.load_state_dict(fitting, strict=False)
    assert not unexpected
    filled = sum(p.numel() for key, p in model.named_parameters() if key not in missing)
    assert alignment.loading_params == filled
    params = sum(p.numel() for p in build_model(first, "meta").parameters())
    assert alignment.unused_params == params - filled


@settings(max_examples=12)
@given(specs(**SMALL), specs(**SMALL))
def test_both_orders_of_execution_are_kept(first: ResNetSpec, second: ResNetSpec) -> None:
    before, after = trace(first), trace(second)
    operations = align(first, second).operations
    paths = [operation.path for operation in operations]
    assert len(set(paths)) == len(paths)
    assert set(paths) == set(before.by_path) | set(after.by_path)
    assert [p for p in paths if p in after.by_path] == [op.path for op in after]
    # A name on another branch cannot stand at its place in both.
    moved = {
        op.path
        for op in before
        if op.path in after.by_path and after.by_path[op.path].branch != op.branch
    }
    kept = [op.path for op in before if op.path not in moved]
    assert [p for p in paths if p in before.by_path and p not in moved] == kept
    for operation in operations:
        for place, graph in ((operation.before, before), (operation.after, after)):
            assert (place is None) == (operation.path not in graph.by_path)
            assert place is None or graph.operations[place].path == operation.path
        stages = {
            graph.by_path[operation.path].stage
            for graph in (before, after)
            if operation.path in graph.by_path
        }
        assert len(stages) == 1


def test_what_only_one_has_stands_where_it_belongs() -> None:
    basic, bottleneck = PRESETS["resnet18"], PRESETS["resnet50"]
    paths = [operation.path for operation in align(bottleneck, basic).operations]
    block = [path.removeprefix("layer1.0.") for path in paths if path.startswith("layer1.0.")]
    assert block == [
        *("conv1", "bn1", "relu1", "conv2", "bn2", "conv3", "bn3"),
        *("downsample.0", "downsample.1", "add", "relu3", "relu2"),
    ]
    stem = [op.path for op in align(basic, replace(basic, stem="small")).operations][:5]
    assert stem == ["conv1", "bn1", "relu", "maxpool", "layer1.0.conv1"]
    deeper = align(basic, replace(basic, blocks=(2, 2, 2, 2, 1)))
    tail = [operation.path for operation in deeper.operations][-4:]
    assert tail == ["layer5.0.relu2", "avgpool", "flatten", "fc"]


@pytest.mark.parametrize(
    ("change", "reshaped"),
    [
        ({}, set()),
        ({"num_classes": 10}, {"fc"}),
        ({"in_channels": 1}, {"conv1"}),
        ({"stem": "small"}, {"conv1"}),
        ({"dilations": (1, 1, 2, 4)}, set()),
        ({"strides": (1, 2, 2, 1)}, set()),
        ({"stride_in": "1x1"}, set()),
    ],
)
def test_changes_of_resnet_50(change: dict[str, object], reshaped: set[str]) -> None:
    spec = PRESETS["resnet50"]
    alignment = align(spec, replace(spec, **change))  # type: ignore[arg-type]
    assert {op.path for op in alignment.operations if op.weights == "reshaped"} == reshaped
    assert pickle.loads(pickle.dumps(alignment)) == alignment
