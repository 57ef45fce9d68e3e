"""Every kind of operation has its names."""

from __future__ import annotations

from resnet_viz.network.layer_graph import trace
from resnet_viz.network.operation_names import OPERATION_NAMES
from resnet_viz.network.spec import PRESETS, ResNetSpec


def test_every_operation_of_the_networks_has_a_name_and_no_other() -> None:
    specs = (
        *(PRESETS["resnet20"], PRESETS["resnet50"]),
        ResNetSpec(stem="deep", shortcut="avgpool_projection"),
    )
    used = {operation.op for spec in specs for operation in trace(spec)}
    assert used == set(OPERATION_NAMES)


def test_names_of_operations_differ() -> None:
    assert len({each.name for each in OPERATION_NAMES.values()}) == len(OPERATION_NAMES)
