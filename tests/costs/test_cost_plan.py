"""Receptive fields against gradients, and peak memory against real tensors' lives."""

from __future__ import annotations

import gc
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import Tensor, nn

from resnet_viz.costs.cost_plan import make_plan
from resnet_viz.costs.profile_records import Profile
from resnet_viz.costs.profiling import prefix_cost, profile
from resnet_viz.network.layer_graph import INPUT, LayerGraph, trace
from resnet_viz.network.model import ResNet, build_model
from resnet_viz.network.spec import PRESETS, InputSpec, ResNetSpec
from tests.helpers.oracles import last_reads, recompute, simulated_peak
from tests.helpers.strategies import inputs, specs

# --- receptive fields -----------------------------------------------------------------------


def positive(spec: ResNetSpec) -> ResNet:
    """The network with weights under which every window's every pixel raises the output.

    The maximum passes a gradient to one pixel only; the mean of the same window, to all.
    """
    model = build_model(spec).double()
    generator = torch.Generator().manual_seed(0)
    for part in model.modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            part.weight.data.uniform_(0.5, 1.5, generator=generator)
            part.weight.data /= part.weight[0].numel()  # or outputs grow beyond all bounds
        elif isinstance(part, nn.BatchNorm2d):
            nn.init.ones_(part.weight)
    if isinstance(model.maxpool, nn.MaxPool2d):
        model.maxpool = nn.AvgPool2d(kernel_size=3, stride=2, padding=1)  # type: ignore[assignment]
    return model.requires_grad_(requires_grad=False)


class Fields:
    """Which input pixels a cell of an operation's output depends on."""

    def __init__(self, spec: ResNetSpec, height: int, width: int) -> None:
        model = positive(spec)
        self.outputs: dict[str, Tensor] = {}
        for op in trace(spec):
            model.get_submodule(op.path).register_forward_hook(
                lambda _m, _a, out, path=op.path: self.outputs.update({path: out})
            )
        self.input = torch.ones(1, spec.in_channels, height, width, dtype=torch.float64)
        self.input.requires_grad_()
        model(self.input)

    def seen(self, path: str, row: int, column: int) -> tuple[tuple[int, int], tuple[int, int]]:
        """First and last input row, and first and last column, of the gradient's support."""
        cell = self.outputs[path][0, :, row, column].sum()
        (gradient,) = torch.autograd.grad(cell, self.input, retain_graph=True)
        touched = gradient[0].sum(dim=0) != 0
        rows, columns = (touched.any(dim=axis).nonzero().flatten().tolist() for axis in (1, 0))
        return (rows[0], rows[-1]), (columns[0], columns[-1])


def spatial(report: Profile) -> list[str]:
    """Operations with a map, the last of each run that shares a field, and of each stage."""
    rows = [row for row in report.layers if row.stage != "head"]
    return [
        a.path
        for a, b in pairwise([*rows, report.layers[-1]])
        if (a.receptive_field, a.jump, a.stage) != (b.receptive_field, b.jump, b.stage)
    ]


FEW_PLANES = specs(max_stages=3, max_blocks=2, max_planes=8, max_width=2)


@settings(max_examples=40)
@given(FEW_PLANES, st.integers(0, 40), st.integers(0, 40))
def test_fields_are_the_support_of_gradients(spec: ResNetSpec, taller: int, wider: int) -> None:
    spec = replace(spec, in_channels=1, num_classes=1)
    totals = profile(spec).totals
    # A field, and room for two cells of the deepest map that see no padding on either side.
    room = [size + 5 * jump for size, jump in zip(totals.receptive_field, totals.output_stride,
                                                  strict=True)]  # fmt: skip
    height, width = room[0] + taller, room[1] + wider
    report = profile(spec, InputSpec(height, width))
    fields = Fields(spec, height, width)
    for path in spatial(report):
        row = report.by_path[path]
        inside = []
        for axis, side in enumerate((height, width)):
            start, jump = row.field_start[axis], row.jump[axis]
            first = -(start // jump)  # the first cell that sees no padding
            last = (side - start - row.receptive_field[axis]) // jump
            assert last > first
            inside.append((first, last))
        for cell in zip(*inside, strict=True):  # the two corners of what is not clipped
            for axis, (first_pixel, last_pixel) in enumerate(fields.seen(path, *cell)):
                wanted = row.field_start[axis] + cell[axis] * row.jump[axis]
                assert first_pixel == wanted
                assert last_pixel == wanted + row.receptive_field[axis] - 1


@settings(max_examples=60)
@given(FEW_PLANES, st.integers(1, 90), st.integers(1, 90))
def test_fields_are_clipped_at_the_edges(spec: ResNetSpec, height: int, width: int) -> None:
    spec = replace(spec, in_channels=1, num_classes=1)
    report = profile(spec, InputSpec(height, width))
    fields = Fields(spec, height, width)
    for path in spatial(report):
        row = report.by_path[path]
        for cell in ((0, 0), tuple(side - 1 for side in row.output_shape[2:])):
            seen = fields.seen(path, cell[0], cell[1])
            for axis, side in enumerate((height, width)):
                start = row.field_start[axis] + cell[axis] * row.jump[axis]
                end = start + row.receptive_field[axis]
                clipped = (max(0, start), min(side, end) - 1)
                # With a dilation the last place inside may lie before the edge.
                assert clipped[0] <= seen[axis][0] <= seen[axis][1] <= clipped[1]
                assert spec.dilations or seen[axis] == clipped


@settings(max_examples=100)
@given(specs(), inputs(most=300))
def test_fields_grow_along_the_network_and_are_the_same_by_rows_and_columns(
    spec: ResNetSpec, size: InputSpec
) -> None:
    report = profile(spec, size)
    for row in report.layers:
        if row.stage == "head":
            continue
        assert row.receptive_field[0] == row.receptive_field[1]
        assert row.jump[0] == row.jump[1]
        for before in row.inputs:
            if before != INPUT:
                source = report.by_path[before]
                assert row.receptive_field[0] >= source.receptive_field[0]
                assert row.jump[0] in (source.jump[0], 2 * source.jump[0])
                assert row.field_start[0] <= source.field_start[0]
    last = next(row for row in report.layers if row.op == "adaptive_avg_pool2d")
    before_pooling = report.by_path[last.inputs[0]]
    assert report.totals.receptive_field == before_pooling.receptive_field
    assert report.totals.output_stride == before_pooling.jump
    # The pooled cell sees what all cells of the map see together.
    for axis in (0, 1):
        cells = report.totals.final_grid[axis]
        size_, jump = before_pooling.receptive_field[axis], before_pooling.jump[axis]
        assert last.receptive_field[axis] == size_ + (cells - 1) * jump
        assert last.field_start[axis] == before_pooling.field_start[axis]


# --- grids ----------------------------------------------------------------------------------


@settings(max_examples=100)
@given(specs(), st.lists(st.integers(1, 16_384), min_size=1, max_size=5))
def test_grids_take_arrays_as_they_take_numbers(spec: ResNetSpec, sizes: list[int]) -> None:
    plan = make_plan(spec)
    assert len(set(plan.grids)) == len(plan.grids)
    for axis in (0, 1):
        together = plan.sides(np.array(sizes), axis)
        for index, size in enumerate(sizes):
            alone = plan.sides(size, axis)
            assert all(type(side) is int for side in alone)
            assert [int(np.broadcast_to(s, len(sizes))[index]) for s in together] == alone


def test_each_resolution_is_one_grid() -> None:
    # The input, five halvings, and the pooled cell: one grid each, whatever the depth.
    assert len(make_plan(PRESETS["resnet152"]).grids) == 7
    assert len(make_plan(PRESETS["resnet1202"]).grids) == 4


# --- peak memory ------------------------------------------------------------------------------


@settings(max_examples=150)
@given(specs(max_planes=32, max_blocks=2), inputs(most=48))
def test_peak_memory_is_that_of_real_tensors_to_the_byte(spec: ResNetSpec, size: InputSpec) -> None:
    totals = profile(spec, size).totals
    simulated = simulated_peak(build_model(spec, seed=None), trace(spec), size)
    assert (totals.peak_activation_bytes, totals.peak_path) == simulated
    assert totals.peak_activation_bytes == 4 * recompute(trace(spec), size).peak_elements


@settings(max_examples=75)
@given(specs(max_planes=48), inputs(), st.data())
def test_a_pass_that_ends_early_takes_what_its_operations_take(
    spec: ResNetSpec, size: InputSpec, data: st.DataObject
) -> None:
    report, graph = profile(spec, size), trace(spec)
    paths = data.draw(st.sets(st.sampled_from([op.path for op in graph]), min_size=1, max_size=3))
    cost = prefix_cost(spec, size, paths)
    run = report.layers[: 1 + max(report.layers.index(report.layer(path)) for path in paths)]
    assert cost.last == run[-1].path
    assert cost.macs == sum(row.macs for row in run)
    assert cost.output_bytes == sum(report.by_path[path].output_bytes for path in paths)
    model = build_model(spec, seed=None)
    assert cost.peak_bytes == simulated_peak(model, graph, size, cost.last)[0]
    whole = prefix_cost(spec, size, [graph.operations[-1].path])
    assert whole.macs == report.totals.macs
    assert whole.peak_bytes == report.totals.peak_activation_bytes


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "resnext50_32x4d", "resnet56"])
def test_peak_memory_of_presets_is_that_of_real_tensors(name: str) -> None:
    size = InputSpec(96, 64, batch=2)
    totals = profile(PRESETS[name], size).totals
    simulated = simulated_peak(build_model(PRESETS[name]), trace(PRESETS[name]), size)
    assert (totals.peak_activation_bytes, totals.peak_path) == simulated


class Allocated(NamedTuple):
    """What the CUDA allocator says, in bytes over what was there before."""

    between_operations: int
    at_most: int


def cuda_peak(model: ResNet, graph: LayerGraph, shape: tuple[int, ...], before: int) -> Allocated:
    reads, between = last_reads(graph.operations), 0
    alive = {INPUT: torch.zeros(shape, device=next(model.parameters()).device)}
    for index, op in enumerate(graph):
        alive[op.path] = model.get_submodule(op.path)(*[alive[path] for path in op.inputs])
        between = max(between, torch.cuda.memory_allocated() - before)
        for path in [path for path in alive if reads[path] <= index]:
            del alive[path]
    return Allocated(between, torch.cuda.max_memory_allocated() - before)


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "resnet56"])
def test_peak_memory_on_the_device_is_that_of_its_allocator(name: str, device: str) -> None:
    """To the allocator's blocks of 512 bytes between operations.

    Inside one, kernels may take more: cuDNN its workspace, the max-pool an index for each cell
    (8 bytes). The tolerance for both together is once the peak, and 256 MiB.
    """
    spec, size = PRESETS[name], InputSpec(224, 192, batch=8)
    peak = profile(spec, size).totals.peak_activation_bytes
    if not device.startswith("cuda"):
        # Other devices' allocators do not say; the lives of tensors are the same everywhere.
        assert peak == 4 * recompute(trace(spec), size).peak_elements
        return
    shape = (size.batch, spec.in_channels, size.height, size.width)
    with torch.cuda.device(device), torch.inference_mode():
        model = build_model(spec, device)
        model(torch.zeros(shape, device=device))  # libraries allocate once, for good
        gc.collect()
        torch.cuda.empty_cache()
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        allocated = cuda_peak(model, trace(spec), shape, before)
    blocks = 512 * 4  # at most four tensors are alive at once
    assert peak <= allocated.between_operations <= peak + blocks
    assert allocated.between_operations <= allocated.at_most <= 2 * peak + 2**28
