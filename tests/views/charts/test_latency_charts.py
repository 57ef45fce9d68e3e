"""Charts, tables and sentences of measured times: what is drawn is what was measured."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings, strategies as st

from resnet_viz import PRESETS, InputSpec, profile
from resnet_viz.costs.latency.timings import (
    KINDS,
    BatchTiming,
    Latency,
    MeasurementConditions,
    NetworkTimings,
    OperationTiming,
    OperationTimings,
    kind,
    representatives,
)
from resnet_viz.costs.profile_records import LayerProfile
from resnet_viz.network.spec import ResNetSpec
from resnet_viz.views.charts.latency_charts import (
    ACROSS,
    batch_chart,
    rate_chart,
    share_chart,
    throughput_chart,
)
from resnet_viz.views.palette import contrast, theme
from resnet_viz.views.tables.latency_tables import (
    BY,
    batch_table,
    conditions_text,
    operation_table,
    share_table,
    spread_text,
    sum_text,
    time_text,
    unsteady_text,
    verdict,
    with_conditions,
)
from resnet_viz.views.tables.layer_tables import csv_text
from tests.helpers.strategies import specs

BOTH = pytest.mark.parametrize("dark", [False, True])
CONDITIONS = MeasurementConditions("cpu", "Some CPU", 2, "2.13.0", "float32")


def _latency(seconds: float, samples: int = 5) -> Latency:
    return Latency(seconds, 0.9 * seconds, 1.25 * seconds, samples, 10 * samples)


def _timings(spec: ResNetSpec, size: InputSpec) -> OperationTimings:
    """Times as they would be at a microsecond a call, 10 GB/s and 100 GMAC/s."""
    report = profile(spec, size)
    measured_as = representatives(report)

    def seconds(layer: LayerProfile) -> float:
        return 1e-6 + layer.output_bytes / 1e10 + layer.macs / 1e11

    rows = tuple(
        OperationTiming(
            layer,
            measured_as[layer.path],
            _latency(seconds(report.by_path[measured_as[layer.path]])),
        )
        for layer in report.layers
    )
    return OperationTimings(report, CONDITIONS, rows, _latency(0.05))


def _batches(stopped: str | None = None) -> NetworkTimings:
    rows = tuple(BatchTiming(batch, _latency(0.01 + 0.004 * batch)) for batch in (1, 2, 4))
    spec = PRESETS["resnet18"]
    return NetworkTimings(spec, InputSpec().for_network(spec), CONDITIONS, rows, stopped)


RESNET50 = _timings(PRESETS["resnet50"], InputSpec())


@settings(max_examples=10)
@given(specs(max_stages=3), st.sampled_from(sorted(ACROSS)), st.booleans())
def test_each_measurement_is_one_mark_at_its_cost_and_time(
    spec: ResNetSpec, across: str, dark: bool
) -> None:
    timings = _timings(spec, InputSpec(33, 48))
    drawn = rate_chart(timings, across, dark)

    marks = [trace for trace in drawn.data if trace.mode == "markers"]
    assert {mark.name for mark in marks} <= set(KINDS)
    found = {
        text.split("</b>")[0].removeprefix("<b>"): (mark.name, x, y, high, low)
        for mark in marks
        for text, x, y, high, low in zip(
            mark.customdata,
            mark.x,
            mark.y,
            mark.error_y.array,
            mark.error_y.arrayminus,
            strict=True,
        )
    }
    expected = {}
    for row in timings.measured:
        cost = row.layer.macs if across == "macs" else row.bytes_moved
        middle = row.latency.median_seconds
        spread = (row.latency.high_seconds - middle, middle - row.latency.low_seconds)
        if cost:
            expected[row.layer.path] = (kind(row.layer), cost, middle, *spread)
    assert found == expected
    for axis, place in ((drawn.layout.xaxis, 1), (drawn.layout.yaxis, 2)):
        low, high = axis.range
        assert all(low < math.log10(each[place]) < high for each in found.values())


@pytest.mark.parametrize(("across", "unit"), [("macs", "MAC/s"), ("bytes_moved", "B/s")])
def test_lines_are_of_equal_rate_and_say_which(across: str, unit: str) -> None:
    drawn = rate_chart(RESNET50, across, False)
    lines = [trace for trace in drawn.data if trace.mode == "lines+text"]
    prefixes = {"k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
    rates = []
    for line in lines:
        number, rate_unit = line.text[-1].split()
        assert rate_unit.endswith(unit)
        rates.append(float(number) * prefixes[rate_unit.removesuffix(unit)])
        for cost, seconds in zip(line.x, line.y, strict=True):
            assert cost / seconds == pytest.approx(rates[-1])
    assert rates == [rates[0] * 10**step for step in range(len(rates))]
    assert len(rates) > 1


def test_marks_are_larger_where_more_time_goes_and_seen_in_both_themes() -> None:
    for dark in (False, True):
        for trace in rate_chart(RESNET50, "bytes_moved", dark).data:
            if trace.mode == "markers":
                assert contrast(trace.marker.color, theme(dark).paper) >= 3
    (mark,) = (t for t in rate_chart(RESNET50, "macs", False).data if t.name == "3×3 convolution")
    together = {
        row.layer.path: row.latency.median_seconds
        * sum(other.measured_as == row.layer.path for other in RESNET50.operations)
        for row in RESNET50.measured
    }
    shares = [together[text.split("</b>")[0].removeprefix("<b>")] for text in mark.customdata]
    sizes = list(mark.marker.size)
    order = sorted(range(len(sizes)), key=shares.__getitem__)
    assert [sizes[index] for index in order] == sorted(sizes)
    assert sizes[order[-1]] > sizes[order[0]]


def test_a_mark_tells_its_stage_and_those_it_stands_for() -> None:
    drawn = rate_chart(RESNET50, "macs", False)
    texts = [text for trace in drawn.data if trace.mode == "markers" for text in trace.customdata]
    (text,) = [text for text in texts if "layer3.1.conv2" in text]
    assert "and 4 like it (layer3)" in text
    assert "3×3 convolution to 256 × 14 × 14" in text
    assert "115.6 M MACs" in text


@BOTH
@pytest.mark.parametrize("by", sorted(BY))
def test_shares_are_sums_of_the_operations(by: str, dark: bool) -> None:
    table = share_table(RESNET50, by)
    names: dict[str, Callable[[LayerProfile], str]] = {
        "kind": kind,
        "stage": lambda layer: layer.stage,
    }
    totals = [0.0, 0.0, 0.0]
    sums: dict[str, list[float]] = {}
    for row in RESNET50.operations:
        values = (row.layer.macs, row.bytes_moved, row.latency.median_seconds)
        for index, value in enumerate(values):
            sums.setdefault(names[by](row.layer), [0.0, 0.0, 0.0])[index] += value
            totals[index] += value
    assert set(table[BY[by]]) == set(sums)
    assert sum(table["Operations"]) == len(RESNET50.operations)
    drawn = share_chart(RESNET50, by, dark)
    for index, (bars, column) in enumerate(
        zip(drawn.data, ("MACs, %", "Bytes, %", "Time, %"), strict=True)
    ):
        assert list(bars.x) == table[column]
        assert list(bars.y) == table[BY[by]]
        assert sum(table[column]) == pytest.approx(100)
        for called, share in zip(table[BY[by]], table[column], strict=True):
            assert share == pytest.approx(100 * sums[called][index] / totals[index])


def test_the_verdict_is_about_convolutions() -> None:
    convolutions = [row for row in RESNET50.operations if row.layer.op == "conv2d"]
    seconds = sum(row.latency.median_seconds for row in convolutions)
    share = seconds / sum(row.latency.median_seconds for row in RESNET50.operations)
    assert verdict(RESNET50) == (
        f"Convolutions: 99.9 % of the MACs, {100 * share:.1f} % of the time."
    )
    assert sum_text(RESNET50).endswith(f"{0.05 / RESNET50.sum_seconds:.2f} × their sum.")


def test_times_that_vary_are_called_unsteady() -> None:
    assert unsteady_text(RESNET50) == ""  # 0.9 to 1.25 of the median
    rows = tuple(
        row._replace(latency=row.latency._replace(high_seconds=3 * row.latency.median_seconds))
        for row in RESNET50.operations
    )
    assert "spans 210 % of the medians" in unsteady_text(replace(RESNET50, operations=rows))


def test_batches_are_drawn_as_they_were_measured() -> None:
    timings = _batches()
    table = batch_table(timings)
    (speed,) = throughput_chart(timings, False).data
    (times,) = batch_chart(timings, True).data
    assert list(speed.x) == list(times.x) == table["Batch"] == [1, 2, 4]
    assert list(speed.y) == table["Pictures per second"]
    assert list(speed.y) == pytest.approx([1 / 0.014, 2 / 0.018, 4 / 0.026])
    assert list(times.y) == pytest.approx([0.014, 0.018, 0.026])
    assert list(times.error_y.array) == pytest.approx([0.25 * value for value in times.y])
    assert times.customdata[0] == "14 ms (12.6 ms to 17.5 ms)"


def test_tables_take_their_conditions_along() -> None:
    table = operation_table(RESNET50)
    rows = list(csv.DictReader(io.StringIO(csv_text(with_conditions(RESNET50, table)))))
    assert [row["Layer"] for row in rows] == [row.layer.path for row in RESNET50.operations]
    for row, timing in zip(rows, RESNET50.operations, strict=True):
        assert float(row["Median, ms"]) == pytest.approx(1e3 * timing.latency.median_seconds)
        assert float(row["GMAC/s"]) == pytest.approx(timing.macs_per_second / 1e9)
        assert row["Measured as"] == timing.measured_as
        assert (row["Device"], row["Threads"], row["Batch"]) == ("Some CPU (cpu)", "2 threads", "1")
        assert row["Input"] == "3 × 224 × 224"
    whole = with_conditions(_batches(), batch_table(_batches()))
    assert whole["Batch"] == [1, 2, 4]
    assert whole["PyTorch"] == ["torch 2.13.0"] * 3


def test_conditions_are_one_line() -> None:
    usual = "Some CPU (cpu), 2 threads, torch 2.13.0, float32, 3 × 224 × 224"
    assert conditions_text(RESNET50) == f"{usual}, batch 1"
    assert conditions_text(_batches()) == usual
    gpu = replace(CONDITIONS, device="cuda:0", device_name="GPU", threads=1, tf32=True)
    assert conditions_text(replace(_batches(), conditions=gpu)).startswith(
        "GPU (cuda:0), 1 thread, torch 2.13.0, float32, convolutions in TF32, "
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (12.34, "12.3 s"), (123.4, "123 s"), (1.0, "1 s"), (0.9996, "1 s"), (0.9994, "999 ms"),
        (0.00123, "1.23 ms"), (1.5e-5, "15 µs"), (9.87e-9, "9.87 ns"), (1e-10, "0.1 ns"),
    ],
)  # fmt: skip
def test_times_have_three_digits(seconds: float, text: str) -> None:
    assert time_text(seconds) == text


@given(st.floats(1e-9, 1e4))
def test_a_time_can_be_read_back(seconds: float) -> None:
    number, unit = time_text(seconds).split()
    scale = {"s": 1.0, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9}[unit]
    assert float(number) * scale == pytest.approx(seconds, rel=0.0051)


def test_one_sample_has_no_quartiles() -> None:
    assert spread_text(_latency(0.5, samples=1)) == "500 ms (once)"
    assert spread_text(_latency(0.5)) == "500 ms (450 ms to 625 ms)"
