"""Rows 1 to 5 and 14: profiles, sweeps and maps of sizes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from math import log
from statistics import correlation, linear_regression, median
from typing import Any

from benchmarks.harness import Work, agree, alternate
from benchmarks.peers import (
    count_macs,
    fvcore_count,
    torchinfo_summary,
    torchview_graph,
    torchview_shapes,
)
from benchmarks.report import Result, at_least, at_most
from resnet_viz import PRESETS, InputSpec, ResNetSpec, build_model, profile, sweep, trace
from resnet_viz.costs.cost_plan import make_plan
from resnet_viz.costs.profile_records import Profile, Sweep, Totals
from resnet_viz.sizing.costs_by_size import SizeMap, size_map

__all__ = [
    "linearity",
    "map_of_sizes",
    "new_architecture",
    "new_size",
    "new_size_large",
    "sweep_1000",
]

RESNET152 = PRESETS["resnet152"]
DEPTHS = (18, 34, 50, 101, 152, 110, 1202)


def near(side: int, number: int) -> InputSpec:
    """A size that no other round asks for: side, then one more, one less, two more."""
    step = (number + 1) // 2
    return InputSpec(height=side + (step if number % 2 else -step), width=side)


def new_size(rounds: int) -> Iterator[Result]:
    """Row 1: a network already known at a size never asked for."""
    yield _new_size(rounds, 224, limit=100)


def new_size_large(rounds: int) -> Iterator[Result]:
    """Row 2: the same at 1024, and whether our time depends on the size."""
    yield _new_size(rounds, 1024, limit=1500)

    def hundred(side: int, number: int) -> list[Totals]:
        sizes = [InputSpec(side + number, side + column) for column in range(100)]
        return [profile(RESNET152, size).totals for size in sizes]

    def check(large: list[Totals], small: list[Totals]) -> None:
        agree("parameters", large[0].params, small[0].params)

    ours, peer = alternate(rounds, check, partial(hundred, 1024), partial(hundred, 224))
    yield Result("the same, 100 sizes from 1024", "ours from 224", ours, peer, at_most(1.1))


def _new_size(rounds: int, side: int, limit: float) -> Result:
    model = build_model(RESNET152)  # with weights and seed: the peer computes real numbers
    ours, peer = alternate(
        rounds,
        _torchinfo_agrees,
        lambda number: profile(RESNET152, near(side, number)),
        lambda number: torchinfo_summary(model, near(side, number)),
    )
    work = f"profile ResNet-152 at a new input size, {side}"
    return Result(work, "torchinfo", ours, peer, at_least(limit))


def new_architecture(rounds: int) -> Iterator[Result]:
    """Row 3: nothing known of the network; models on meta are built on the clock, on all sides."""
    # fvcore gets a model with weights, built off the clock, since it cannot work on meta.
    with_weights = build_model(RESNET152)
    peers: tuple[tuple[str, Callable[..., None], Work], ...] = (
        (
            "torchinfo on meta",
            _torchinfo_agrees,
            lambda number: torchinfo_summary(build_model(RESNET152, "meta"), near(224, number)),
        ),
        (
            "fvcore",
            _fvcore_agrees,
            lambda number: fvcore_count(with_weights, near(224, number)),
        ),
        (
            "torchview on meta",
            _torchview_agrees,
            lambda number: torchview_graph(build_model(RESNET152, "meta"), near(224, number)),
        ),
    )
    for name, check, ask in peers:
        ours, peer = alternate(
            rounds,
            check,
            lambda number: profile(RESNET152, near(224, number)),
            ask,
            before=_forget,
        )
        work = "a new architecture, ResNet-152, spec to profile"
        yield Result(work, name, ours, peer, at_least(2))


def sweep_1000(rounds: int) -> Iterator[Result]:
    """Row 4: the totals over many sizes at once, beside a profile of each."""
    heights = range(32, 1032)

    def check(swept: Sweep, totals: list[Totals]) -> None:
        agree("parameters", [swept.params] * len(swept), [one.params for one in totals])
        agree("MACs", swept.macs.tolist(), [one.macs for one in totals])
        peaks = [one.peak_activation_bytes for one in totals]
        agree("peak bytes", swept.peak_activation_bytes.tolist(), peaks)
        outputs = [one.activation_bytes for one in totals]
        agree("bytes of outputs", swept.activation_bytes.tolist(), outputs)
        _counted(profile(RESNET152, InputSpec(heights[0], 224)))

    ours, peer = alternate(
        rounds,
        check,
        lambda number: sweep(RESNET152, heights, [224 + number]),
        lambda number: [
            # The totals are what a sweep gives; keeping every row would only cost the peer time.
            profile(RESNET152, InputSpec(rows, 224 + number)).totals
            for rows in heights
        ],
    )
    yield Result("sweep of 1,000 sizes, ResNet-152", "1,000 × `profile`", ours, peer, at_least(50))


def map_of_sizes(rounds: int) -> Iterator[Result]:
    """Row 14: 250,000 sizes with all that the size map shows, beside 250 profiles."""
    side = 500

    def check(table: SizeMap, totals: list[Totals]) -> None:
        diagonal = [int(table.macs[place, place]) for place in range(250)]
        agree("MACs", diagonal, [one.macs for one in totals])

    ours, peer = alternate(
        rounds,
        check,
        lambda number: size_map(RESNET152, range(1 + number, side + 1 + number)),
        lambda number: [
            profile(RESNET152, InputSpec(rows, rows)).totals
            for rows in range(1 + number, 251 + number)
        ],
    )
    work = "map of 500 × 500 sizes, ResNet-152"
    yield Result(work, "250 × `profile`", ours, peer, at_least(1))


def linearity(rounds: int) -> Iterator[Result]:
    """Row 5: whether the time per operation is the same in small and large networks."""
    specs = [PRESETS[f"resnet{depth}"] for depth in DEPTHS]
    operations = [len(trace(spec)) for spec in specs]

    def check(*profiles: Profile) -> None:
        for one, count in zip(profiles, operations, strict=True):
            agree("operations", len(one.layers), count)
            _counted(one)

    def small(spec: ResNetSpec, number: int) -> Profile:
        return profile(spec, near(32, number))

    times = alternate(rounds, check, *(partial(small, spec) for spec in specs), before=_forget)
    middles = [median(measured) for measured in times]
    each = [  # µs per operation, a list for each network
        [1000 * time / count for time in measured]
        for measured, count in zip(times, operations, strict=True)
    ]
    cheapest, *_, dearest = sorted(range(len(specs)), key=lambda index: median(each[index]))

    line = linear_regression(operations, middles)
    power = linear_regression(list(map(log, operations)), list(map(log, middles))).slope
    note = [
        "| spec to profile at 32 × 32 | operations | ms | µs per operation |",
        "|---|---|---|---|",
    ]
    note += [
        f"| ResNet-{depth} | {count:,} | {middle:.1f} | {median(costs):.0f} |"
        for depth, count, middle, costs in zip(DEPTHS, operations, middles, each, strict=True)
    ]
    fit = (
        f"Least squares: {line.intercept:.1f} ms + {1000 * line.slope:.0f} µs × operations, "
        f"R² = {correlation(operations, middles) ** 2:.4f}; "
        f"the time grows as operations to the power {power:.2f}."
    )
    yield Result(
        f"spec to profile at 32 × 32, the dearest of seven per operation: ResNet-{DEPTHS[dearest]}",
        f"the cheapest, ResNet-{DEPTHS[cheapest]}",
        each[dearest],
        each[cheapest],
        at_most(1.5),
        unit="µs per operation",
        note="\n".join([*note, "", fit]),
    )


def _forget() -> None:
    """Empty the caches of networks, so that the next profile starts from nothing."""
    trace.cache_clear()
    make_plan.cache_clear()


def _counted(ours: Profile) -> None:
    """Parameters and MACs beside the model's own and torch's counter."""
    model = build_model(ours.spec, "meta")
    agree("parameters", ours.totals.params, sum(p.numel() for p in model.parameters()))
    agree("MACs by torch", ours.totals.macs, count_macs(model, ours.input))


def _torchinfo_agrees(ours: Profile, statistics: Any) -> None:
    agree("parameters by torchinfo", ours.totals.params, statistics.total_params)
    # torchinfo also counts one for each parameter of a batch norm and for the classifier's bias.
    norms = sum(layer.params for layer in ours.layers if layer.op == "batch_norm")
    extra = norms + ours.spec.num_classes
    agree("MACs by torchinfo", ours.totals.macs, statistics.total_mult_adds - extra)
    _counted(ours)


def _fvcore_agrees(ours: Profile, analysis: Any) -> None:
    by_operator = analysis.by_operator()
    agree("MACs by fvcore", ours.totals.macs, by_operator["conv"] + by_operator["linear"])
    _counted(ours)


def _torchview_agrees(ours: Profile, graph: Any) -> None:
    shapes = Counter(layer.output_shape for layer in ours.layers)
    agree("shapes by torchview", shapes, Counter(torchview_shapes(graph)))
    _counted(ours)
