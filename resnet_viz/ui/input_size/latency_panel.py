"""Measured times beside what was predicted: operation by operation, and by batch size."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final, Literal, NamedTuple, TypeVar

import streamlit as st

from resnet_viz.costs.latency.timings import (
    BATCHES,
    MAX_SECONDS,
    NetworkTimings,
    OperationTimings,
    representatives,
)
from resnet_viz.costs.profiling import profile
from resnet_viz.errors import BudgetError
from resnet_viz.network.display_names import network_at
from resnet_viz.network.spec import MAX_BATCH, InputSpec, ResNetSpec, preset_name
from resnet_viz.ui.caching.feature_results import MAX_PASS_BYTES, MAX_WEIGHT_BYTES
from resnet_viz.ui.input_size.panel_inputs import Bench
from resnet_viz.ui.shared import sidebar
from resnet_viz.ui.shared.download_button import Download, downloads
from resnet_viz.ui.shared.messages import errors_as_sentences, plain
from resnet_viz.units import si
from resnet_viz.views.charts.latency_charts import (
    ACROSS,
    batch_chart,
    rate_chart,
    share_chart,
    throughput_chart,
)
from resnet_viz.views.tables.latency_tables import (
    BY,
    batch_table,
    conditions_text,
    operation_table,
    share_table,
    sum_text,
    unsteady_text,
    verdict,
    with_conditions,
)
from resnet_viz.views.tables.layer_tables import csv_text

__all__ = ["draw"]

_RESULTS: Final = "_latencies"  # of this session: what was asked for, with its times
_MOST_RESULTS: Final = 8
_PLOTLY: Final[dict[str, Any]] = {"displayModeBar": False}

Result = TypeVar("Result", OperationTimings, NetworkTimings)


class _Asked(NamedTuple):
    """What is measured, where."""

    what: Literal["operations", "batches"]
    spec: ResNetSpec
    input: InputSpec
    device: str


def draw(bench: Bench) -> None:
    """Two buttons that measure, and what they have measured for this choice."""
    choice = bench.choice
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.number_input("Batch", 1, MAX_BATCH, key="batch", step=1, width=140)
        where = _device_label(choice.device)
        operations = st.button(f"Measure on {where}", key="measure", type="primary")
        batches = st.button(f"Measure batch sizes on {where}", key="measure_batches")
    size = replace(choice.input, batch=bench.lab.batch)
    report = profile(choice.spec, size)
    different = len(set(representatives(report).values()))
    st.caption(
        f"{len(report.layers):,} operations, {different:,} of them different, and the whole "
        f"network; or whole passes of {BATCHES[0]} to {BATCHES[-1]} pictures. "
        f"Either takes {MAX_SECONDS:g} s or less; where one pass takes seconds, somewhat more."
    )
    alone = _Asked("operations", choice.spec, size, choice.device)
    whole = _Asked("batches", choice.spec, replace(size, batch=1), choice.device)
    with errors_as_sentences():
        if operations:
            _keep(alone, _run(alone, _measure_operations))
        if batches:
            _keep(whole, _run(whole, _measure_batches))
    _operations(alone, bench.dark)
    _batches(whole, bench.dark)


def _device_label(device: str) -> str:
    """What people call a device, as far as that is known before torch is there.

    Raises:
        DeviceError: It is not there.
    """
    if not sidebar.devices_known():
        return "the CPU" if device == "cpu" else "the chosen device"
    from resnet_viz.network.devices import available_devices, resolve_device

    name = str(resolve_device(device))
    return next(found.label for found in available_devices() if found.name == name)


def _operations(asked: _Asked, dark: bool) -> None:
    timings: OperationTimings | None = _result(asked)
    if timings is None:
        return
    st.markdown(f"**{plain(verdict(timings))}** {plain(sum_text(timings))}")
    st.caption(plain(conditions_text(timings)))
    if warning := unsteady_text(timings):
        st.warning(plain(warning))
    for column, across in zip(st.columns(2, gap="medium"), ACROSS, strict=True):
        column.plotly_chart(
            rate_chart(timings, across, dark),
            config=_PLOTLY,
            key=f"rates_{across}",
            alt=f"Measured time of each operation against its {ACROSS[across]}",
        )
    for column, by in zip(st.columns(2, gap="medium"), BY, strict=True):
        column.plotly_chart(
            share_chart(timings, by, dark),
            config=_PLOTLY,
            key=f"shares_{by}",
            alt=f"Shares of MACs, bytes and time by {BY[by].lower()}",
        )
        with column:
            _table(share_table(timings, by), f"Shares by {BY[by].lower()}")
    _table(operation_table(timings), "The time of each operation", height=320)
    downloads("Download", "operation_times", lambda: _operation_files(timings))


def _batches(asked: _Asked, dark: bool) -> None:
    timings: NetworkTimings | None = _result(asked)
    if timings is None:
        return
    st.subheader("The whole network by batch size", anchor=False)
    st.caption(plain(conditions_text(timings)))
    left, right = st.columns(2, gap="medium")
    left.plotly_chart(
        throughput_chart(timings, dark),
        config=_PLOTLY,
        key="throughput",
        alt="Pictures per second by batch size",
    )
    right.plotly_chart(
        batch_chart(timings, dark),
        config=_PLOTLY,
        key="batch_latency",
        alt="Latency of a pass by batch size",
    )
    if timings.stopped:
        st.caption(plain(timings.stopped))
    _table(batch_table(timings), "Latency and throughput by batch size")
    downloads("Download", "batch_times", lambda: [_csv("Batches", timings, batch_table(timings))])


def _table(columns: dict[str, list[Any]], alt: str, height: int | Literal["auto"] = "auto") -> None:
    formats = {
        name: "localized" if isinstance(values[0], int) else "%.1f" if "%" in name else "%.3g"
        for name, values in columns.items()
        if not isinstance(values[0], str)
    }
    st.dataframe(
        columns,
        hide_index=True,
        height=height,
        alt=alt,
        column_config={
            name: st.column_config.NumberColumn(format=text) for name, text in formats.items()
        },
    )


def _operation_files(timings: OperationTimings) -> Iterator[Download]:
    yield _csv("Operations", timings, operation_table(timings))
    for by, name in BY.items():
        yield _csv(f"Shares by {name.lower()}", timings, share_table(timings, by))


def _csv(
    label: str, timings: OperationTimings | NetworkTimings, columns: dict[str, list[Any]]
) -> Download:
    name = f"{preset_name(timings.spec) or 'resnet'}_{label.lower().replace(' ', '_')}_times.csv"
    return Download(label, csv_text(with_conditions(timings, columns)), name, "text/csv")


def _kept() -> dict[_Asked, Any]:
    """What this session has measured, the latest last."""
    kept: dict[_Asked, Any] = st.session_state.setdefault(_RESULTS, {})
    return kept


def _keep(asked: _Asked, timings: OperationTimings | NetworkTimings) -> None:
    kept = _kept()
    kept.pop(asked, None)
    kept[asked] = timings
    while len(kept) > _MOST_RESULTS:
        del kept[next(iter(kept))]


def _result(asked: _Asked) -> Any:
    """What was measured for this choice; None, with a line about the last other one, if nothing."""
    kept = _kept()
    if asked not in kept and (others := [other for other in kept if other.what == asked.what]):
        st.caption(plain(f"Not measured for this choice; last measured: {_name(others[-1])}."))
    return kept.get(asked)


def _name(asked: _Asked) -> str:
    """A network with its input, in a few words."""
    batch = f", batch {asked.input.batch}" if asked.what == "operations" else ""
    return f"{network_at(asked.spec, asked.input)}{batch}, device {asked.device}"


_Show = Callable[[int, int, str], None]


def _run(asked: _Asked, measure: Callable[[_Asked, _Show], Result]) -> Result:
    """Measure, and show how far it is.

    Any widget that is used meanwhile ends the run at the bar's next step, which lets go of
    all that is held; the button only says so.
    """
    place = st.empty()
    with place.container(horizontal=True, vertical_alignment="center"):
        bar = st.progress(0.0, "Building the network …")
        st.button("Stop", key="stop_measuring")

    def show(done: int, total: int, what: str) -> None:
        bar.progress(done / total, plain(f"{done:,} of {total:,}: {what}"))

    try:
        return measure(asked, show)
    finally:
        place.empty()


def _measure_operations(asked: _Asked, show: _Show) -> OperationTimings:
    from resnet_viz.costs.latency.measuring import measure_operations

    model, budget_bytes = _built(asked)
    return measure_operations(model, asked.input, progress=show, budget_bytes=budget_bytes)


def _measure_batches(asked: _Asked, show: _Show) -> NetworkTimings:
    from resnet_viz.costs.latency.measuring import measure_network

    model, budget_bytes = _built(asked)
    return measure_network(model, asked.input, progress=show, budget_bytes=budget_bytes)


def _built(asked: _Asked) -> tuple[Any, int | None]:
    """The network, and the memory that a pass may take; refused before it is built.

    Memory of the machine is shared by all visitors; that of a GPU by what it computes.

    Raises:
        ResNetVizError: It would take too much, or the device is not there.
    """
    from resnet_viz.costs.latency.measuring import require_measurable
    from resnet_viz.network.devices import resolve_device
    from resnet_viz.network.model import build_model

    size = profile(asked.spec, asked.input).totals.weight_bytes
    if size > MAX_WEIGHT_BYTES:
        raise BudgetError(
            f"The weights of this network take {si(size, 'B')}, and at most "
            f"{si(MAX_WEIGHT_BYTES, 'B')} are measured; choose a narrower or shallower network."
        )
    device = resolve_device(asked.device)
    budget_bytes = None if device.type == "cuda" else MAX_PASS_BYTES
    require_measurable(asked.spec, asked.input, device, budget_bytes=budget_bytes)
    return build_model(asked.spec, device), budget_bytes
