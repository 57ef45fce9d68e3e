"""What the coach measures: the rows of `profile`, real forward passes, real state dicts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import assume, given, settings, strategies as st

from resnet_viz import PRESETS, InputSpec, ResNetSpec, profile
from resnet_viz.costs.memory_use import OPTIMIZER_STATES, memory
from resnet_viz.costs.profile_records import LayerProfile
from resnet_viz.costs.profiling import DTYPE_BYTES
from resnet_viz.costs.total_costs import totals
from resnet_viz.network.model import build_model
from resnet_viz.sizing.advice.fit_measures import (
    Found,
    first_below,
    first_convolution,
    first_overhanging,
    measure,
    outgrown_at,
    productive_blocks,
)
from resnet_viz.sizing.advice.resources import memory_bound
from resnet_viz.sizing.advice.transferable_weights import compare_weights
from resnet_viz.sizing.input_fit import convolutions, field_exceeds, overhang, reads_one_cell
from tests.helpers.oracles import picture, record_forward
from tests.helpers.strategies import choices, inputs, specs


def _found(rows: list[LayerProfile]) -> Found:
    return Found(len(rows), rows[0].path if rows else None)


@settings(max_examples=25)
@given(specs(max_blocks=4, max_stages=4), inputs(most=300))
def test_the_counts_are_those_of_the_rows(spec: ResNetSpec, size: InputSpec) -> None:
    report, here = profile(spec, size), measure(spec, size)
    rows = convolutions(report)
    unpooled = report.layers[: [row.op for row in report.layers].index("adaptive_avg_pool2d")]

    assert here.totals == profile(spec, replace(size, batch=1)).totals
    assert here.convolutions == len(rows)
    assert here.one_cell == _found([row for row in rows if reads_one_cell(row)])
    assert here.outgrown == _found([row for row in rows if field_exceeds(row, report)])
    assert here.outgrown.count == outgrown_at(spec, size.height, size.width)
    for axes in ((0,), (1,), (0, 1)):
        over = [row.path for row in unpooled if any(overhang(row)[axis] > 0 for axis in axes)]
        assert first_overhanging(spec, size, axes) == (over[0] if over else None)
    assert first_convolution(spec) == rows[0].path
    for side in (1, 2, 4):
        small = [row.path for row in unpooled if min(row.output_shape[2:]) < side]
        assert first_below(spec, size, side) == (small[0] if small else None)


@settings(max_examples=8)
@given(specs(max_blocks=2, max_stages=4, max_planes=16), inputs(most=40))
def test_single_cells_are_those_of_a_real_pass(spec: ResNetSpec, size: InputSpec) -> None:
    model = build_model(spec)
    calls = record_forward(model, picture(model, size))
    here = measure(spec, size)

    for found, kind in ((here.one_cell, "Conv2d"), (here.lone_norms, "BatchNorm2d")):
        batch = 1 if kind == "Conv2d" else size.batch  # a pair of pictures is two values
        paths = [
            call.path
            for call in calls
            if type(call.module).__name__ == kind
            and batch * call.input_shapes[0][2] * call.input_shapes[0][3] == 1
        ]
        assert found == Found(len(paths), paths[0] if paths else None)


@settings(max_examples=15)
@given(specs(max_blocks=5, max_stages=4), inputs(most=200))
def test_productive_blocks_are_counted_block_by_block(spec: ResNetSpec, size: InputSpec) -> None:
    report = profile(spec, size)
    expected = [
        sum(
            not field_exceeds(report.layer(f"layer{stage}.{block}.conv1"), report)
            for block in range(blocks)
        )
        for stage, blocks in enumerate(spec.blocks, start=1)
    ]
    assert productive_blocks(spec, size) == tuple(max(1, count) for count in expected)


def _shapes(spec: ResNetSpec) -> dict[str, dict[str, tuple[int, ...]]]:
    """By module, the shapes of its tensors in a real state dict."""
    shapes: dict[str, dict[str, tuple[int, ...]]] = {}
    for key, value in build_model(spec, "meta").state_dict().items():
        module, _, name = key.rpartition(".")
        shapes.setdefault(module, {})[name] = tuple(value.shape)
    return shapes


@settings(max_examples=15)
@given(specs(max_blocks=4, max_stages=4), st.data())
def test_weights_are_compared_as_state_dicts_are(before: ResNetSpec, data: Any) -> None:
    wanted = data.draw(choices(max_blocks=4, max_stages=4))
    names = data.draw(st.sets(st.sampled_from(("stem", "shortcut", "in_channels", "blocks"))))
    changed = {name: wanted[name] for name in names}
    if len(changed.get("blocks", before.blocks)) != len(before.blocks):
        changed |= {"strides": None, "dilations": None}
    after = replace(before, **changed)
    old, new = _shapes(before), _shapes(after)
    blocks = [
        {".".join(path.split(".")[:2]) for path in shapes if path.startswith("layer")}
        for shapes in (old, new)
    ]
    kept = [
        path
        for path in new
        if not path.startswith("layer") or ".".join(path.split(".")[:2]) in blocks[0]
    ]
    different = {path for path in kept if new[path] != old.get(path)}
    found = compare_weights(before, after)

    assert found.new_blocks == len(blocks[1] - blocks[0])
    assert found.unused_blocks == len(blocks[0] - blocks[1])
    told = {*found.new, *found.adapted}
    # Of a stage's blocks after its first, which are alike, one speaks for all.
    assert {path for path in different if ".0." in path or "layer" not in path} <= told
    assert told <= different
    for path in found.adapted:
        was, now = old[path]["weight"], new[path]["weight"]
        assert (was[0], was[2:]) == (now[0], now[2:])
        assert was[1] != now[1]


def test_weights_of_one_network_load() -> None:
    spec = PRESETS["resnet50"]
    assert compare_weights(spec, replace(spec, dilations=(1, 1, 2, 4))).load
    assert compare_weights(spec, replace(spec, stem="small")).new == ("conv1",)
    assert compare_weights(spec, replace(spec, in_channels=1)).adapted == ("conv1",)
    assert compare_weights(spec, PRESETS["resnet101"]) == ((), (), 17, 0)


@settings(max_examples=20)
@given(
    specs(max_blocks=3, max_stages=4),
    inputs(),
    st.booleans(),
    st.sampled_from(sorted(OPTIMIZER_STATES)),
    st.sampled_from(sorted(DTYPE_BYTES)),
)
def test_the_first_look_at_memory_is_never_too_low(
    spec: ResNetSpec, size: InputSpec, training: bool, optimizer: str, dtype: str
) -> None:
    size = size.for_network(spec)
    exact = memory(spec, size, dtype, training=training, optimizer=optimizer).peak_bytes
    assert memory_bound(totals(spec, replace(size, batch=1)), size, dtype) >= exact


@settings(max_examples=5)
@given(st.sampled_from([name for name in PRESETS if name != "resnet1202"]), inputs(most=400))
def test_deep_networks_are_counted_too(name: str, size: InputSpec) -> None:
    assume(sum(PRESETS[name].blocks) > 8)
    report = profile(PRESETS[name], size)
    rows = [row for row in convolutions(report) if field_exceeds(row, report)]
    assert measure(PRESETS[name], size).outgrown == _found(rows)
