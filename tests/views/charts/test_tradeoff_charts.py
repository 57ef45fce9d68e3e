"""Charts and tables of trade-offs, tested as the plain data they are."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import plotly.graph_objects as go
import pytest

from resnet_viz.network.spec import InputSpec, ResNetSpec
from resnet_viz.sizing.tradeoffs.network_candidates import candidates, pareto_front
from resnet_viz.sizing.tradeoffs.series import Over, Point, Series, measure, number, series_over
from resnet_viz.units import si
from resnet_viz.views.charts.tradeoff_charts import GROUPS, front_chart, series_chart
from resnet_viz.views.charts.tradeoff_labels import NAME_ROOM, TOTALS, Axis, Name, texts
from resnet_viz.views.palette import contrast, theme
from resnet_viz.views.tables.layer_tables import csv_text
from resnet_viz.views.tables.tradeoff_tables import front_table, series_table

BOTH = pytest.mark.parametrize("dark", [False, True])
BASIC = ResNetSpec(block="basic", blocks=(2, 2, 2, 2))
SMALL = ResNetSpec(block="basic", blocks=(1, 1), stem="small", base_width=8)
SIZE = InputSpec(64, 96)
HERE = measure("chosen network", BASIC, SIZE)
GROUPED = candidates(SMALL, SIZE)


def _series(over: Over) -> tuple[Series, ...]:
    return series_over(over, {"mine": BASIC, "small": SMALL}, SIZE)


def _traces(figure: go.Figure) -> list[dict[str, Any]]:
    return [trace.to_plotly_json() for trace in figure.data]


@BOTH
@pytest.mark.parametrize("over", ["size", "depth", "width"])
@pytest.mark.parametrize("total", ["macs", "final_grid"])
def test_each_series_is_its_numbers_and_the_chosen_network_a_star(
    over: Over, total: str, dark: bool
) -> None:
    series = _series(over)
    figure = series_chart(series, total, HERE, dark)
    traces = _traces(figure)

    for each, trace in zip(series, traces[:2], strict=True):
        assert trace["name"] == each.name
        assert list(trace["x"]) == each.x.tolist()
        assert list(trace["y"]) == [number(point.totals, total) for point in each.points]
        assert "markers" in trace["mode"]  # a line alone cannot be clicked
        assert contrast(trace["line"]["color"], theme(dark).paper) >= 3
    mine, small = traces[:2]
    for part in (("line", "dash"), ("line", "color"), ("marker", "symbol")):
        assert mine[part[0]][part[1]] != small[part[0]][part[1]]
    star = traces[-1]
    assert star["marker"]["symbol"] == "star"
    x = {"size": SIZE.height, "depth": BASIC.depth, "width": BASIC.base_width}[over]
    assert (list(star["x"]), list(star["y"])) == ([x], [number(HERE.totals, total)])
    assert figure.layout.font.color == theme(dark).ink


def test_the_pointer_finds_names_and_exact_values_with_prefixes() -> None:
    sizes, depths = _series("size")[0], _series("depth")[0]
    (memory, *_) = _traces(series_chart([sizes], "peak_activation_bytes", HERE, False))
    assert list(memory["customdata"][0]) == [
        "4 × 6",
        si(sizes.points[0].totals.peak_activation_bytes, "B"),
    ]
    (grid, *_) = _traces(series_chart([sizes], "final_grid", HERE, False))
    assert grid["customdata"][-1][1] == "8 × 12"
    (macs, *_) = _traces(series_chart([depths], "macs", HERE, False, str.upper))
    assert [data[0] for data in macs["customdata"][:5]] == [
        *("10 LAYERS", "12 LAYERS", "14 LAYERS", "16 LAYERS", "RESNET18")
    ]


def test_published_depths_are_named_on_their_line() -> None:
    figure = series_chart(_series("depth"), "macs", HERE, False, str.upper)
    names = _traces(figure)[2]
    assert list(names["text"]) == ["RESNET18", "RESNET34"]
    assert list(names["x"]) == [18, 34]
    alone = series_chart(_series("depth")[1:], "macs", HERE, False)
    assert list(_traces(alone)[1]["text"]) == []


def test_axes_are_logarithmic_where_small_values_would_vanish() -> None:
    macs = series_chart(_series("size"), "macs", HERE, False)
    assert (macs.layout.xaxis.type, macs.layout.yaxis.type) == ("log", "log")
    grid = series_chart(_series("size")[:1], "final_grid", HERE, False)
    assert (grid.layout.xaxis.type, grid.layout.yaxis.type) == (None, None)
    depth = series_chart(_series("depth")[:1], "macs", HERE, False)
    assert (depth.layout.xaxis.type, depth.layout.yaxis.type) == (None, None)


@pytest.mark.parametrize("high", [30, 5_000, 10**9, 7 * 10**18, 10**24])
def test_ticks_lie_on_the_axis_and_are_few(high: int) -> None:
    settings = Axis(1, high).settings("B")
    ticks = settings["tickvals"]
    assert all(1 <= tick <= high for tick in ticks)
    assert all(low < tick for low, tick in pairwise(ticks))
    assert 2 <= len(ticks) <= 8
    assert settings["ticksuffix"] == "B"
    assert Axis(1, 29).settings("B")["rangemode"] == "tozero"


def test_a_value_knows_its_place_on_the_axis() -> None:
    assert Axis.of([10, 1, 100]).share(10) == pytest.approx(0.5)
    assert Axis.of([10, 20]).share(15) == pytest.approx(0.5)
    assert Axis.of([7, 7]).share(7) == 0


def test_names_that_would_run_together_give_way_to_the_first() -> None:
    wide, high = NAME_ROOM

    def name(text: str, x: float, y: float) -> Name:
        return Name(1, 1, text, "top left", (x, y))

    drawn = texts(
        [
            name("first", 0.1, 0.1),
            name("on it", 0.1 + wide / 2, 0.1 + high / 2),
            name("beside", 0.1 + wide * 1.01, 0.1),
            name("above", 0.1, 0.1 + high * 1.01),
        ]
    )
    assert drawn["text"] == ["first", "beside", "above"]


def _columns(group: str, price: str, gain: str) -> list[tuple[int, int]]:
    return [(number(point.totals, price), number(point.totals, gain)) for point in GROUPED[group]]


@BOTH
@pytest.mark.parametrize("gain", ["receptive_field", "final_grid"])
@pytest.mark.parametrize("price", ["macs", "peak_activation_bytes", "params"])
def test_the_front_is_a_step_line_over_all_candidates(price: str, gain: str, dark: bool) -> None:
    figure = front_chart(GROUPED, price, gain, dark)
    traces = _traces(figure)

    for group, trace in zip(GROUPS, traces[:3], strict=True):
        assert trace["name"] == GROUPS[group]
        assert list(zip(trace["x"], trace["y"], strict=True)) == _columns(group, price, gain)
        assert contrast(trace["marker"]["color"], theme(dark).paper) >= 3
    assert len({trace["marker"]["symbol"] for trace in traces[:3]}) == 3
    every = [pair for group in GROUPED for pair in _columns(group, price, gain)]
    front, names, star = traces[3:]
    members = pareto_front([cost for cost, _ in every], [gained for _, gained in every])
    assert list(zip(front["x"], front["y"], strict=True)) == [every[place] for place in members]
    assert front["line"]["shape"] == "hv"
    assert set(zip(names["x"], names["y"], strict=True)) <= {every[place] for place in members}
    assert names["text"][0] is not None
    assert list(zip(star["x"], star["y"], strict=True)) == _columns("chosen", price, gain)
    assert star["marker"]["symbol"] == "star"


def test_tables_hold_everything_drawn_exactly() -> None:
    series = _series("depth")
    table = series_table(series, str.upper)
    points = [point for each in series for point in each.points]

    assert table["Layers"] == [point.totals.depth for point in points]
    assert table["Series"] == ["mine"] * len(series[0].points) + ["small"] * len(series[1].points)
    assert table["Network"][4] == "RESNET18"
    assert table["MACs"] == [point.totals.macs for point in points]
    assert table["Peak bytes"] == [point.totals.peak_activation_bytes for point in points]
    assert table["Receptive field"][4] == "435 × 435"
    rows = list(csv.reader(io.StringIO(csv_text(table))))
    assert rows[0] == list(table)
    assert [int(row[4]) for row in rows[1:]] == table["MACs"]
    assert list(series_table(_series("size")))[1] == "Height"
    assert list(series_table(_series("width")))[1] == "Planes"


def test_the_table_of_the_front_marks_its_members() -> None:
    table = front_table(GROUPED, "macs", "final_grid")
    by_name: Mapping[str, Point] = {
        point.name: point for group in GROUPED.values() for point in group
    }
    assert sorted(table["Network"]) == sorted(by_name)
    assert table["MACs"] == sorted(point.totals.macs for point in by_name.values())
    members = [name for name, on in zip(table["Network"], table["On the front"], strict=True) if on]
    best = 0
    for name in members:  # the cheapest first: each gives more than all before, or the same
        gained = number(by_name[name].totals, "final_grid")
        assert gained >= best
        best = gained
    assert best == max(number(point.totals, "final_grid") for point in by_name.values())


def test_counts_too_large_for_a_data_frame_are_text() -> None:
    widest = ResNetSpec(blocks=(1,) * 8, stem="small", base_width=1024, groups=1024)
    point = measure("widest", widest, InputSpec(16_384, 16_384, batch=4096))
    table = series_table(
        [replace(_series("width")[0], points=(point,), x=_series("width")[0].x[:1])]
    )
    assert table["MACs"] == [f"{point.totals.macs:,}"]
    assert table["Parameters"] == [point.totals.params]


def test_every_total_has_a_label() -> None:
    assert all(hasattr(HERE.totals, total) for total in TOTALS)
