"""The size map of the page Input size: pointed at, clicked, and as a table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pandas as pd
import streamlit as st

from resnet_viz.network.layer_graph import Pair
from resnet_viz.network.spec import MAX_SIDE, ResNetSpec
from resnet_viz.sizing.costs_by_size import SizeMap, formulas, size_map
from resnet_viz.ui.caching.lru_cache import Kept
from resnet_viz.ui.components.size_map_view import size_map_view
from resnet_viz.ui.input_size.panel_inputs import Bench
from resnet_viz.ui.shared.download_button import Download, downloads
from resnet_viz.units import shape_text, si
from resnet_viz.views.palette import theme
from resnet_viz.views.pixels.size_map_axes import marks, reach, samples
from resnet_viz.views.pixels.size_map_image import QUANTITIES, SizePicture, size_picture
from resnet_viz.views.tables.layer_tables import csv_text

__all__ = ["draw", "good_sizes"]

_MAPS: Final[Kept[SizeMap]] = Kept(4 * 10**7, lambda table: table.nbytes)

_WHAT: Final = {
    "final_grid": "final grid",
    "macs": "multiply-accumulates",
    "peak_activation_bytes": "peak memory",
    "one_cell": "number of convolutions that work on 1 × 1",
    "outgrown": "number of convolutions that see beyond the input",
    "rounding": "rounding loss",
}


def draw(bench: Bench) -> None:
    """The choice of a quantity, its map, and the numbers at the chosen size and good ones."""
    st.segmented_control(
        "Quantity",
        list(QUANTITIES),
        key="map",
        format_func=QUANTITIES.__getitem__,
        label_visibility="collapsed",
        required=True,
    )
    quantity = bench.lab.map
    size, spec = bench.report.input, bench.report.spec
    stride = bench.report.totals.output_stride
    reached = reach(size.height, size.width, max(stride), quantity)
    with st.container(horizontal=True, gap="medium"):
        with st.container(width=580):
            with st.spinner("Drawing the map …", show_time=False):
                picture = _picture(spec, reached, size.batch, bench.report.dtype, quantity)
            size_map_view(
                picture,
                formulas(spec),
                step=int(samples(reached)[0]),
                marks=marks(reached),
                selected=(size.height, size.width),
                batch=size.batch,
                dtype=bench.report.dtype,
                alt=f"Map of input sizes up to {reached} × {reached}: {_WHAT[quantity]}",
                key="size_map",
                on_select=_choose,
            )
        with st.container(width="stretch"):
            _table(bench)
            downloads("Download the map", "map_download", lambda: _files(bench, reached))


def _choose(size: Pair) -> None:
    """Make a size the input's; before the run, so its widgets can still be set."""
    st.session_state.update(h=size[0], w=size[1])


def _map(spec: ResNetSpec, reached: int, batch: int, dtype: str) -> SizeMap:
    """A map of sizes, shared by its pictures; it is never written to."""
    key = (spec, reached, batch, dtype)
    return _MAPS.get(key, lambda: size_map(spec, samples(reached), batch=batch, dtype=dtype))


@st.cache_resource(max_entries=24, show_spinner=False)
def _picture(spec: ResNetSpec, reached: int, batch: int, dtype: str, quantity: str) -> SizePicture:
    """A map's picture, the same in both themes; it is never written to."""
    return size_picture(_map(spec, reached, batch, dtype), quantity)


def good_sizes(size: Pair, stride: Pair) -> tuple[Pair, ...]:
    """The nearest sizes that the output stride divides, smaller and larger.

    Of a size that it divides, those are its neighbours; a side cannot leave its limits.

    Args:
        size: Height and width in pixels.
        stride: The network's output stride by rows and columns.
    """
    below = [side // step for side, step in zip(size, stride, strict=True)]
    above = [-(-side // step) for side, step in zip(size, stride, strict=True)]
    if below == above:
        below, above = [count - 1 for count in below], [count + 1 for count in above]
    pairs = (_within_limits(counts, stride) for counts in (below, above))
    return tuple(pair for pair in dict.fromkeys(pairs) if pair != size)


def _within_limits(counts: list[int], stride: Pair) -> Pair:
    """Multiples of the stride, at least one and no larger than an input may be."""
    height, width = (
        step * min(max(count, 1), max(1, MAX_SIDE // step))
        for count, step in zip(counts, stride, strict=True)
    )
    return height, width


def _table(bench: Bench) -> None:
    """The numbers at the chosen size and at good ones near by; a click on one chooses it."""
    report = bench.report
    size, stride = (report.input.height, report.input.width), report.totals.output_stride
    sizes = sorted({size, *good_sizes(size, stride)})
    names = {shape_text(each): each for each in sizes}
    table = size_map(
        report.spec,
        [height for height, _ in sizes],
        [width for _, width in sizes],
        report.input.batch,
        report.dtype,
    )
    columns = {name: _values(table, place) for place, name in enumerate(names)}
    mark = f"background-color: {theme(bench.dark).badge}; font-weight: bold"
    key = f"map_sizes_{size[0]}_{size[1]}"  # a new one has nothing selected

    def choose() -> None:
        cells = st.session_state[key].selection.cells
        if cells and cells[0][1] in names:
            _choose(names[cells[0][1]])

    st.dataframe(
        pd.DataFrame(columns)
        .rename_axis("Size")
        .style.map(lambda _: mark, subset=[shape_text(size)]),
        key=key,
        on_select=choose,
        selection_mode="single-cell",
        alt="The chosen size and the nearest that the output stride divides; a click chooses",
    )
    st.caption(
        f"The sizes beside the chosen one are multiples of the output stride, {shape_text(stride)}."
    )


def _values(table: SizeMap, place: int) -> dict[str, str]:
    """All quantities at one size of the map's diagonal, in words."""
    here, every = (place, place), table.convolutions
    values = (
        shape_text((int(table.final_heights[place]), int(table.final_widths[place]))),
        si(int(table.macs[here])),
        si(int(table.peak_activation_bytes[here]), "B"),
        f"{table.one_cell[here]} of {every}",
        f"{table.outgrown[here]} of {every}",
        f"{100 * table.rounding[here]:.1f} %",
    )
    return dict(zip(QUANTITIES.values(), values, strict=True))


def _files(bench: Bench, reached: int) -> Iterator[Download]:
    """The whole map: a row for each size."""
    report = bench.report
    table = _map(report.spec, reached, report.input.batch, report.dtype)
    name = f"{bench.choice.model}-sizes-{reached}.csv"
    yield Download("CSV", csv_text(table.columns()), name, "text/csv")
