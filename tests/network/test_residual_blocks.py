"""The parts of blocks against who made which tensor in a real forward pass."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from resnet_viz.errors import LayerError
from resnet_viz.network.layer_graph import trace
from resnet_viz.network.model import Add, build_model
from resnet_viz.network.residual_blocks import BlockParts, block_parts
from resnet_viz.network.spec import PRESETS, InputSpec, ResNetSpec
from tests.helpers.oracles import assert_one_sentence, picture, record_forward
from tests.helpers.strategies import specs


@settings(max_examples=25)
@given(spec=specs(max_stages=3, max_blocks=2))
def test_parts_of_any_network(spec: ResNetSpec) -> None:
    model, graph = build_model(spec), trace(spec)
    calls = record_forward(model, picture(model, InputSpec(33, 33)))
    order = {call.path: place for place, call in enumerate(calls)}
    sums = [call for call in calls if isinstance(call.module, Add)]
    assert len(sums) == len(graph.blocks)
    for call in sums:
        block = call.path.removesuffix(".add")
        parts = block_parts(graph, block)
        assert (parts.residual, parts.shortcut) == call.inputs
        assert parts.total == call.path
        # What enters the block's first operation enters the block; the ReLU after the sum ends it.
        first = min((one for one in calls if one.path.startswith(f"{block}.")), key=calls.index)
        assert (parts.input,) == first.inputs
        after = calls[order[call.path] + 1]
        assert parts.output == after.path
        assert after.inputs == (call.path,)
        assert (parts.input == parts.shortcut) == (model.get_submodule(block).downsample is None)


def test_parts_of_resnet18() -> None:
    graph = trace(PRESETS["resnet18"])
    assert block_parts(graph, "layer1.0") == BlockParts(
        input="maxpool",
        residual="layer1.0.bn2",
        shortcut="maxpool",
        total="layer1.0.add",
        output="layer1.0.relu2",
    )
    assert block_parts(graph, "layer2.0").input == "layer1.1.relu2"
    assert block_parts(graph, "layer2.0").shortcut == "layer2.0.downsample.1"


@pytest.mark.parametrize("block", ["layer1", "layer1.2", "layer1.0.conv1", "stem", "", "x" * 500])
def test_what_is_no_block(block: str) -> None:
    with pytest.raises(LayerError, match=r"its blocks are layer1\.0 to layer4\.1") as caught:
        block_parts(trace(PRESETS["resnet18"]), block)
    assert_one_sentence(caught.value)
