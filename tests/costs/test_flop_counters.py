"""The ledgers, against published integers and against the tools whose names they bear."""

from __future__ import annotations

import contextlib
import importlib
import io
import math
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings, strategies as st
from hypothesis.strategies import SearchStrategy
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from resnet_viz.costs.flop_counters import (
    KINDS,
    LIKE,
    SWITCHES,
    Ledger,
    as_counted,
    count_row,
    count_rows,
    counted,
    entries,
)
from resnet_viz.costs.profile_records import LayerProfile, Profile
from resnet_viz.costs.profiling import profile
from resnet_viz.errors import SpecError
from resnet_viz.network.model import ResNet, build_model
from resnet_viz.network.spec import PRESETS, InputSpec, ResNetSpec
from tests.helpers.strategies import inputs, specs

IMAGENET = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")

# The `_ops` of torchvision's weights, in 10⁹, rounded to three decimals.
TORCHVISION_OPS = {
    "resnet18": 1.814,
    "resnet34": 3.664,
    "resnet50": 4.089,
    "resnet101": 7.801,
    "resnet152": 11.514,
    "resnext50_32x4d": 4.23,
    "resnext101_32x8d": 16.414,
    "wide_resnet50_2": 11.398,
    "wide_resnet101_2": 22.753,
}


def ledgers() -> SearchStrategy[Ledger]:
    """Any convention that can be kept."""
    values = {name: st.sampled_from(allowed) for name, allowed in SWITCHES.items()}
    return st.builds(Ledger, **values)


# --- beside published figures -------------------------------------------------------------------


@pytest.mark.parametrize("name", IMAGENET)
def test_published_integers(name: str, reference: Callable[[str], Any]) -> None:
    figures, report = reference("flops_at_224"), profile(PRESETS[name])
    published = {
        "torch": "torch_flop_counter_flops",
        "torchinfo": "torchinfo_mult_adds",
        "fvcore": "fvcore_flops",
        "ptflops-pytorch": "ptflops_pytorch_macs",
        "ptflops-aten": "ptflops_aten_macs",
        "calflops": "calflops_flops",
        "thop": "thop_macs",
    }
    ours = {like: counted(report, LIKE[like].ledger) for like in published}
    assert ours == {like: figures[key][name] for like, key in published.items()}
    assert abs(counted(report, LIKE["paper"].ledger) - figures["paper"][name]) < 0.1e9


@pytest.mark.parametrize("name", TORCHVISION_OPS)
def test_torchvisions_weights(name: str) -> None:
    total = counted(profile(PRESETS[name]), LIKE["torchvision"].ledger)
    assert round(total / 1e9, 3) == TORCHVISION_OPS[name]


def test_fvcores_table_by_operator(reference: Callable[[str], Any]) -> None:
    published = reference("flops_at_224")["fvcore_by_operator"]["resnet50"]
    kinds = entries(profile(PRESETS["resnet50"]), LIKE["fvcore"].ledger)
    assert {name: value for name, value in kinds.items() if value} == {
        "Convolutions": published["conv"],
        "Classifier": published["linear"],
        "Batch norms": published["batch_norm"],
        "Pooling": published["adaptive_avg_pool2d"],
    }


def test_the_names() -> None:
    assert list(LIKE) == [
        *("paper", "torchvision", "torch", "torchinfo", "fvcore", "ptflops-pytorch"),
        *("ptflops-aten", "calflops", "thop"),
    ]
    for convention in LIKE.values():
        assert convention.about.endswith(".")
        assert len(re.findall(r"\.(?: [A-Z]|$)", convention.about)) == 1  # one sentence
        assert convention.unit in ("MACs", "FLOPs", "GFLOPS", "mult-adds")
    with pytest.raises(TypeError):
        LIKE["mine"] = LIKE["paper"]  # type: ignore[index]


# --- beside the tools themselves ----------------------------------------------------------------


def tool(name: str) -> Any:
    """A counter; what it and its imports warn of is none of our concern."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # thop asks for distutils' LooseVersion
        return importlib.import_module(name)


def _torch(model: ResNet, x: torch.Tensor) -> int:
    with FlopCounterMode(display=False) as counter:
        model(x)
    return int(counter.get_total_flops())


def _torchinfo(model: ResNet, x: torch.Tensor) -> int:
    summary = tool("torchinfo").summary(model, input_size=tuple(x.shape), verbose=0, device="cpu")
    return int(summary.total_mult_adds)


def _fvcore(model: ResNet, x: torch.Tensor) -> int:
    analysis = tool("fvcore.nn").FlopCountAnalysis(model, x)
    return int(analysis.unsupported_ops_warnings(False).total())


def _ptflops(model: ResNet, x: torch.Tensor, backend: str) -> int:
    # Named, because of what comes by position it counts some per picture and some per batch.
    total, _ = tool("ptflops").get_model_complexity_info(
        model,
        tuple(x.shape[1:]),
        input_constructor=lambda _: {"x": x},
        backend=backend,
        as_strings=False,
        print_per_layer_stat=False,
    )
    return int(total)


def _thop(model: ResNet, x: torch.Tensor) -> int:
    total = tool("thop").profile(model, (x,), verbose=False)[0]
    assert total == int(total)
    return int(total)


def _calflops(model: ResNet, x: torch.Tensor) -> int:
    total = tool("calflops").calculate_flops(
        model, tuple(x.shape), print_results=False, output_as_string=False
    )[0]
    return int(total)


COUNTERS: dict[str, Callable[[ResNet, torch.Tensor], int]] = {
    "torch": _torch,
    "torchinfo": _torchinfo,
    "fvcore": _fvcore,
    "ptflops-pytorch": lambda model, x: _ptflops(model, x, "pytorch"),
    "ptflops-aten": lambda model, x: _ptflops(model, x, "aten"),
    "thop": _thop,
    "calflops": _calflops,
}


@contextlib.contextmanager
def patches_undone() -> Iterator[None]:
    """Take back what counters leave behind in torch: they put their own functions there."""
    places: tuple[Any, ...] = (functional, torch, torch.Tensor)
    before = [dict(vars(place)) for place in places]
    try:
        yield
    finally:
        for place, old in zip(places, before, strict=True):
            for name, value in list(vars(place).items()):
                if name not in old:
                    delattr(place, name)
                elif value is not old[name]:
                    setattr(place, name, old[name])


# calflops needs accelerate and transformers, so only scripts/oracles installs it.
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.oracle) if name == "calflops" else name
        for name in COUNTERS
    ],
)
@settings(max_examples=25)
@given(specs(max_planes=48), inputs())
def test_the_tool_counts_the_same(name: str, spec: ResNetSpec, size: InputSpec) -> None:
    x = torch.zeros(size.batch, spec.in_channels, size.height, size.width)
    with patches_undone(), contextlib.redirect_stdout(io.StringIO()):
        theirs = COUNTERS[name](build_model(spec, seed=None), x)
    assert counted(profile(spec, size), LIKE[name].ledger) == theirs


# --- invariants ---------------------------------------------------------------------------------


@settings(max_examples=100)
@given(specs(), inputs(), ledgers())
def test_rows_and_entries_add_up(spec: ResNetSpec, size: InputSpec, ledger: Ledger) -> None:
    report = profile(spec, size)
    total, rows = counted(report, ledger), count_rows(report, ledger)
    kinds = entries(report, ledger)
    assert len(rows) == len(report.layers)
    assert sum(rows) == total == sum(kinds.values())
    assert all(type(row) is int and row >= 0 for row in rows)
    assert list(kinds) == list(dict.fromkeys(KINDS.values()))
    many = profile(spec, replace(size, batch=7 * size.batch))
    assert count_rows(many, ledger) == tuple(7 * row for row in rows)


def cells(shape: tuple[int, ...]) -> int:
    return math.prod(shape)


def of(report: Profile, *ops: str) -> list[LayerProfile]:
    return [row for row in report.layers if row.op in ops]


def outputs(report: Profile, *ops: str) -> int:
    return sum(cells(row.output_shape) for row in of(report, *ops))


def entering(report: Profile, *ops: str) -> int:
    return sum(cells(row.input_shapes[0]) for row in of(report, *ops))


POOLS = ("max_pool2d", "avg_pool2d", "adaptive_avg_pool2d")
NORM_PARAMS: Callable[[Profile], int] = lambda r: sum(  # noqa: E731
    row.params * r.input.batch for row in of(r, "batch_norm")
)

# What each value of each switch adds to nothing but multiply-accumulates.
ADDED: dict[tuple[str, object], tuple[tuple[str, ...], Callable[[Profile], int]]] = {
    ("per_mac", 2): (("conv2d", "linear"), lambda r: r.totals.macs),
    ("bias", True): (("linear",), lambda r: r.input.batch * r.spec.num_classes),
    ("batch_norm", "parameters"): (("batch_norm",), NORM_PARAMS),
    ("batch_norm", "cell"): (("batch_norm",), lambda r: outputs(r, "batch_norm")),
    ("batch_norm", "2 per cell"): (("batch_norm",), lambda r: 2 * outputs(r, "batch_norm")),
    ("batch_norm", "4 per cell"): (("batch_norm",), lambda r: 4 * outputs(r, "batch_norm")),
    ("activation", 1): (("relu",), lambda r: outputs(r, "relu")),
    ("activation", 2): (("relu",), lambda r: 2 * outputs(r, "relu")),
    ("addition", 1): (("add",), lambda r: outputs(r, "add")),
    ("addition", 2): (("add",), lambda r: 2 * outputs(r, "add")),
    ("pooling", "global"): (POOLS[2:], lambda r: entering(r, "adaptive_avg_pool2d")),
    ("pooling", "inputs"): (POOLS, lambda r: entering(r, *POOLS)),
    ("pooling", "inputs twice"): (POOLS, lambda r: 2 * entering(r, *POOLS)),
    ("pooling", "averages"): (
        POOLS[1:],
        lambda r: entering(r, "adaptive_avg_pool2d") + outputs(r, *POOLS[1:]),
    ),
}


def test_every_switch_is_checked() -> None:
    assert [field.name for field in fields(Ledger)] == list(SWITCHES)
    values = {(name, value) for name, allowed in SWITCHES.items() for value in allowed[1:]}
    assert values - set(ADDED) == {("stride_in", "3x3"), ("stride_in", "1x1")}
    usual = Ledger()
    assert all(getattr(usual, name) == allowed[0] for name, allowed in SWITCHES.items())


@settings(max_examples=100)
@given(specs(), inputs())
def test_a_switch_changes_its_own_rows_and_no_others(spec: ResNetSpec, size: InputSpec) -> None:
    report = profile(spec, size)
    before = count_rows(report, Ledger())
    assert before == tuple(row.macs for row in report.layers)
    for (name, value), (ops, added) in ADDED.items():
        ledger = replace(Ledger(), **{name: value})  # type: ignore[arg-type]
        after = count_rows(report, ledger)
        assert sum(after) - sum(before) == added(report)
        for row, old, new in zip(report.layers, before, after, strict=True):
            assert new == count_row(row, ledger)
            assert (new > old) if row.op in ops else (new == old)


@settings(max_examples=100)
@given(specs(), inputs(), ledgers())
def test_switches_add_up_independently(spec: ResNetSpec, size: InputSpec, ledger: Ledger) -> None:
    report = as_counted(profile(spec, size), ledger)
    sums = (
        added(report)
        for (name, value), (_, added) in ADDED.items()
        if getattr(ledger, name) == value and type(getattr(ledger, name)) is type(value)
    )
    assert counted(report, ledger) == report.totals.macs + sum(sums)


@settings(max_examples=100)
@given(specs(), inputs(), st.sampled_from(["1x1", "3x3"]))
def test_the_stride_is_moved_without_moving_anything_else(
    spec: ResNetSpec, size: InputSpec, stride_in: Any
) -> None:
    report = profile(spec, size, "float16")
    moved = as_counted(report, Ledger(stride_in=stride_in))
    assert moved == profile(replace(spec, stride_in=stride_in), size, "float16")
    assert [row.path for row in moved.layers] == [row.path for row in report.layers]
    if spec.block == "basic":
        assert moved is report
    assert as_counted(report, Ledger()) is report
    assert count_rows(report, Ledger(stride_in=stride_in)) == tuple(r.macs for r in moved.layers)


def test_an_unknown_value_is_refused() -> None:
    bad: list[tuple[str, Any]] = [
        *(("per_mac", 3), ("per_mac", True), ("per_mac", "2"), ("bias", 1), ("bias", None)),
        *(("batch_norm", "all"), ("activation", False), ("activation", -1), ("addition", 1.0)),
        *(("pooling", []), ("stride_in", "7x7"), ("stride_in", "x" * 500)),
    ]
    for name, value in bad:
        with pytest.raises(SpecError) as caught:
            Ledger(**{name: value})
        text = str(caught.value)
        assert text.startswith(f"{name} must be one of ")
        assert text.endswith(".")
        assert len(text) < 160
