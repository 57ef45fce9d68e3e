"""The traced graph, against what a real forward pass does."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from torch import nn

from resnet_viz.errors import LayerError
from resnet_viz.network.layer_graph import INPUT, LayerGraph, Operation, trace
from resnet_viz.network.model import BasicBlock, Bottleneck, ResNet, ZeroPad, build_model
from resnet_viz.network.spec import PRESETS, InputSpec, ResNetSpec
from tests.helpers.oracles import OP_NAMES, Call, leaves, picture, record_forward
from tests.helpers.strategies import inputs, specs

SMALL = ResNetSpec(blocks=(1, 2), base_width=4, num_classes=5)


def pair(value: Any) -> tuple[int, int]:
    return value if isinstance(value, tuple) else (value, value)


def assert_reads_the_module(op: Operation, call: Call) -> None:
    module = call.module
    window = isinstance(module, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d)
    assert op.op == OP_NAMES[type(module)]
    assert op.kernel == (pair(module.kernel_size) if window else None)
    assert op.padding == (pair(module.padding) if window else None)
    strided = window or isinstance(module, ZeroPad)
    assert op.stride == (pair(module.stride) if strided else None)
    convolution = isinstance(module, nn.Conv2d)
    assert op.dilation == (pair(module.dilation) if convolution else None)
    assert op.groups == (module.groups if isinstance(module, nn.Conv2d) else None)
    assert op.ceil_mode == bool(getattr(module, "ceil_mode", False))
    assert op.params == sum(p.numel() for p in module.parameters())
    assert op.buffers == sum(b.numel() for b in module.buffers())
    assert op.in_channels == call.input_shapes[0][1]
    assert op.out_channels == call.output_shape[1]


def place(path: str, model: ResNet) -> tuple[str, str | None, str]:
    """Stage, block and branch by the definitions of the contract, from the path alone."""
    if not path.startswith("layer"):
        head = path in ("avgpool", "flatten", "fc")
        return ("head", None, "head") if head else ("stem", None, "stem")
    stage, index, part, *_ = path.split(".")
    block = model.get_submodule(f"{stage}.{index}")
    assert isinstance(block, BasicBlock | Bottleneck)
    last_relu = "relu2" if isinstance(block, BasicBlock) else "relu3"
    branch = "shortcut" if part == "downsample" else "main"
    return stage, f"{stage}.{index}", "merge" if part in ("add", last_relu) else branch


@settings(max_examples=100)
@given(specs(), inputs(most=40))
def test_operations_are_those_of_a_real_forward_pass(spec: ResNetSpec, size: InputSpec) -> None:
    graph, model = trace(spec), build_model(spec, seed=None)
    calls = record_forward(model, picture(model, size))
    assert [op.path for op in graph] == [call.path for call in calls]
    assert len({op.path for op in graph}) == len(graph) == len(leaves(model))
    assert {op.path for op in graph} == set(leaves(model))
    assert [op.inputs for op in graph] == [call.inputs for call in calls]
    for op, call in zip(graph, calls, strict=True):
        assert_reads_the_module(op, call)
        assert (op.stage, op.block, op.branch) == place(op.path, model)
    assert INPUT not in graph.by_path
    assert sum(op.params for op in graph) == sum(p.numel() for p in model.parameters())
    assert sum(op.buffers for op in graph) == sum(b.numel() for b in model.buffers())


@settings(max_examples=100)
@given(specs(max_stages=4, max_blocks=2, max_planes=32))
def test_blocks_and_downsample_points_are_those_of_a_real_forward_pass(spec: ResNetSpec) -> None:
    graph, model = trace(spec), build_model(spec, "meta")
    # Large enough that each stride shows: no map is smaller than two cells.
    side = 8 << len(spec.blocks)
    seen: dict[str, tuple[torch.Size, torch.Size]] = {}
    paths = {id(part): path for path, part in model.named_modules()}
    for part in model.modules():
        if isinstance(part, BasicBlock | Bottleneck):
            part.register_forward_hook(
                lambda m, args, out: seen.update({paths[id(m)]: (args[0].shape, out.shape)})
            )
    calls = {call.path: call for call in record_forward(model, torch.empty(
        1, spec.in_channels, side, side, device="meta"))}  # fmt: skip

    assert [block.path for block in graph.blocks] == list(seen)
    assert len(graph.blocks) == sum(spec.blocks)
    assert graph.downsample_points == tuple(b.downsample for b in graph.blocks if b.downsample)
    previous = "relu" if spec.stem == "small" else "maxpool"
    for block in graph.blocks:
        before, after = seen[block.path]
        assert block.stage == block.path.split(".")[0]
        assert block.source == previous
        previous = block.output
        assert calls[block.source].output.shape == before
        assert calls[block.output].output.shape == after
        assert block.output.startswith(f"{block.path}.relu")
        reasons = (("stride",) if before[2:] != after[2:] else ()) + (
            ("channels",) if before[1] != after[1] else ()
        )
        point = block.downsample
        if not reasons:
            assert point is None
            assert graph.by_path[f"{block.path}.add"].inputs[1] == block.source
            continue
        assert point is not None
        assert point.reasons == reasons
        assert (point.block, point.source) == (block.path, block.source)
        assert point.path == f"{block.path}.downsample"
        assert point.target == graph.outputs[point.path]
        assert graph.by_path[f"{block.path}.add"].inputs[1] == point.target
    assert graph.by_path["avgpool"].inputs == (previous,)


@settings(max_examples=50)
@given(specs())
def test_every_module_can_be_asked_for_and_yields_its_own_output(spec: ResNetSpec) -> None:
    graph, model = trace(spec), build_model(spec)
    outputs: dict[str, torch.Tensor] = {}
    for path, part in model.named_modules():
        if path:
            part.register_forward_hook(lambda _m, _a, out, path=path: outputs.update({path: out}))
    with torch.no_grad():
        model(picture(model, InputSpec(9, 7)))
    # The stem and the head are not modules of their own.
    outputs |= {name: outputs[graph.outputs[name]] for name in ("stem", "head")}
    assert graph.outputs["head"] == "fc"
    assert graph.by_path[graph.outputs["stem"]].stage == "stem"
    assert graph.outputs["stem"] == graph.blocks[0].source
    assert set(graph.outputs) == set(outputs)
    for path, output in outputs.items():
        assert graph.output_of(path) is graph.by_path[graph.outputs[path]]
        assert outputs[graph.output_of(path).path] is output


@settings(max_examples=50)
@given(specs())
def test_stops_are_what_enters_and_leaves_the_blocks(spec: ResNetSpec) -> None:
    graph = trace(spec)
    names = [f"layer{n}.{k}" for n, count in enumerate(spec.blocks, 1) for k in range(count)]
    assert list(graph.stops) == ["stem", *names, "avgpool"]
    chain = [graph.stops[name] for name in ("stem", *names)]
    assert [block.source for block in graph.blocks] == chain[:-1]
    assert [block.output for block in graph.blocks] == chain[1:]
    assert graph.by_path[graph.stops["avgpool"]].inputs == (chain[-1],)


@pytest.mark.parametrize(
    ("path", "near"),
    [
        ("layer1.0.conv9", "layer1.0.conv3"),
        ("layer3", "layer2"),
        ("Layer1.0", "layer1.0"),
        ("conv", "conv1"),
        ("", "conv1"),
        ("x" * 10_000, "conv1"),
        ("a\nb", "conv1"),
        (INPUT, "conv1"),
    ],
)
def test_an_unknown_layer_names_near_ones(path: str, near: str) -> None:
    graph = trace(SMALL)
    with pytest.raises(LayerError) as caught:
        graph.output_of(path)
    text = str(caught.value)
    assert text.startswith(f"This network has no layer {path[:80]!r}; did you mean ")
    assert text.endswith("?")
    assert text.isprintable()
    assert len(text) < 250
    offered = text.partition("did you mean ")[2].rstrip("?").split(", ")
    assert all(name in graph.outputs for name in offered)
    assert near in offered or near == "conv1"


def test_a_graph_cannot_be_changed_and_is_made_once() -> None:
    graph = trace(SMALL)
    assert trace(replace(SMALL)) is graph
    assert hash(graph.operations) == hash(trace.__wrapped__(SMALL).operations)
    assert trace.__wrapped__(SMALL) == graph
    for record in (graph, graph.operations[0], graph.blocks[0], graph.downsample_points[0]):
        for field in dataclasses.fields(record):
            value = getattr(record, field.name)
            assert not isinstance(value, list | dict | set | torch.Tensor | nn.Module)
            with pytest.raises((dataclasses.FrozenInstanceError, TypeError)):
                setattr(record, field.name, value)
    for mapping in (graph.by_path, graph.outputs):
        with pytest.raises(TypeError):
            mapping["conv1"] = mapping["bn1"]  # type: ignore[index]
    for records in (graph.operations, graph.blocks):
        assert pickle.loads(pickle.dumps(records)) == records
    assert list(graph) == list(graph.operations)
    assert len(graph) == len(graph.operations)


def test_tracing_and_running_in_many_threads_disturb_nobody() -> None:
    kinds = [replace(SMALL, stem=stem) for stem in ("imagenet", "small", "deep")]
    wanted = [trace.__wrapped__(spec) for spec in kinds]
    models = [build_model(spec) for spec in kinds]
    x = torch.randn(2, 3, 24, 17, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        answers = [model(x) for model in models]
    start = Barrier(12)

    def traces(index: int) -> list[LayerGraph]:
        start.wait()
        return [trace.__wrapped__(kinds[(index + step) % 3]) for step in range(12)]

    def runs(index: int) -> list[torch.Tensor]:
        start.wait()
        with torch.no_grad():
            return [models[(index + step) % 3](x) for step in range(60)]

    with ThreadPoolExecutor(12) as pool:
        tracing = [pool.submit(traces, index) for index in range(8)]
        running = [pool.submit(runs, index) for index in range(4)]
        for index, traced in enumerate(tracing):
            for step, graph in enumerate(traced.result()):
                assert graph == wanted[(index + step) % 3]
        for index, run in enumerate(running):
            for step, output in enumerate(run.result()):
                assert torch.equal(output, answers[(index + step) % 3])


@pytest.mark.parametrize("name", list(PRESETS))
def test_presets_have_the_operations_that_their_blocks_make(name: str) -> None:
    spec = PRESETS[name]
    graph = trace(spec)
    in_block = 7 if spec.block == "basic" else 10  # convolutions and norms, ReLUs, the sum
    stem = 3 if spec.stem == "small" else 4
    on_shortcut = 1 if spec.shortcut == "zero_pad" else 2
    points = len(spec.blocks) - (spec.block == "basic")
    assert len(graph.downsample_points) == points
    assert len(graph) == stem + in_block * sum(spec.blocks) + on_shortcut * points + 3
    assert sum(op.op == "add" for op in graph) == len(graph.blocks) == sum(spec.blocks)
    weighted = [op for op in graph if op.op in ("conv2d", "linear") and op.branch != "shortcut"]
    assert len(weighted) == spec.depth
    stages = [op.stage for op in graph]
    order = ["stem", *(f"layer{i + 1}" for i in range(len(spec.blocks))), "head"]
    assert stages == sorted(stages, key=order.index)


def test_a_graph_can_be_pickled_and_copied() -> None:
    graph = trace(PRESETS["resnet18"])
    assert graph.outputs  # the cached table
    for again in (pickle.loads(pickle.dumps(graph)), copy.deepcopy(graph), copy.copy(graph)):
        assert again == graph
        assert again is not graph
        assert dict(again.by_path) == dict(graph.by_path)
        assert again.output_of("layer1").path == "layer1.1.relu2"
