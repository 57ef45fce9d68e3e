"""The residual microscope: a block's parts on one scale, and what it adds to what it gets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import streamlit as st

from resnet_viz.network.layer_graph import trace
from resnet_viz.network.residual_blocks import BlockParts, block_parts
from resnet_viz.ui.caching.feature_results import Maps, all_maps, survey
from resnet_viz.ui.feature_maps import branch_removal
from resnet_viz.ui.feature_maps.channel_choice import busiest, choose_channel
from resnet_viz.ui.feature_maps.maps_panel import bar, common_scale
from resnet_viz.ui.shared import page_frame
from resnet_viz.ui.shared.image_and_weights import Pass
from resnet_viz.ui.shared.messages import plain
from resnet_viz.ui.state import session
from resnet_viz.units import shape_text
from resnet_viz.views.charts.feature_charts import ratio_chart
from resnet_viz.views.pixels.mosaics import channel_image, mosaic

if TYPE_CHECKING:
    from resnet_viz.features.overview import Survey

__all__ = ["draw"]

_SIDE: Final = 420  # pixels of one part


def _block_of(of: Pass, layer: str) -> str:
    """The block that a layer is part of, or the first one."""
    blocks = [block.path for block in trace(of.spec).blocks]
    inside = (path for path in blocks if layer == path or layer.startswith(f"{path}."))
    first = (path for path in blocks if path.partition(".")[0] == layer)
    return next(inside, next(first, blocks[0]))


def draw(of: Pass, layer: str) -> None:
    """The whole panel.

    Raises:
        ResNetVizError: The maps cannot be had; the text says why.
    """
    block = _block_of(of, layer)
    parts = block_parts(trace(of.spec), block)
    branch_removal.choose(of.spec, block)
    with st.spinner(f"Running the network up to {block} …", show_time=True):
        named = _named(parts)
        taken = dict(zip(named, all_maps(of, named.values()), strict=True))
        whole = survey(of)
    _parts(block, parts, taken)
    _check(of, block, taken)
    _depth(whole, block, of.without)


def _named(parts: BlockParts) -> dict[str, str]:
    """The parts by what they are called, in the order in which they come about."""
    return {
        "x": parts.input,
        "F(x)": parts.residual,
        "shortcut": parts.shortcut,
        "sum": parts.total,
        "output": parts.output,
    }


def _title(name: str, parts: BlockParts) -> str:
    if name == "shortcut":
        return "x, the identity" if parts.shortcut == parts.input else "downsample(x)"
    return {"sum": "sum, before ReLU", "output": "output, after ReLU"}.get(name, name)


def _parts(block: str, parts: BlockParts, taken: dict[str, Maps]) -> None:
    """Five pictures on one scale: of one channel, or of all."""
    both = min(len(taken["x"]), len(taken["sum"]))  # channels that all parts have
    with st.container(horizontal=True, vertical_alignment="bottom"):
        every = st.toggle("All channels", key="every_channel")
        channel = 0
        if not every:
            channel = choose_channel(
                "Channel of the block",
                "part_channel",
                range(len(taken["sum"])),
                lambda: busiest(taken["output"][:both]),
            )
    scale = common_scale(taken.values())
    bar(scale, own=False)
    for place, (name, array) in zip(st.columns(5, gap="small"), taken.items(), strict=True):
        picture = None
        if every:
            picture = mosaic(array, scale, max_side=_SIDE).image
        elif channel < len(array):
            picture = channel_image(array[channel], scale, max_side=_SIDE)
        title = _title(name, parts)
        with place:
            st.markdown(plain(title))
            if picture is None:
                st.caption(f"x has {len(array)} channels only.")
            else:
                st.image(
                    picture,
                    width="stretch",
                    output_format="PNG",
                    alt=f"{title} of {block}",
                    caption=shape_text(array.shape),
                )


def _check(of: Pass, block: str, taken: dict[str, Maps]) -> None:
    """Say whether the parts add up."""
    residual = 0.0 if block in of.without else taken["F(x)"]
    with np.errstate(all="ignore"):
        off = np.abs(taken["sum"] - (residual + taken["shortcut"])).max()
        relu = np.abs(taken["output"] - np.maximum(taken["sum"], 0)).max()
    apart = float(max(off, relu))
    cells = f"{taken['sum'].size:,} cells"
    if not np.isfinite(apart):
        st.caption(f"Whether the parts add up cannot be said: some of {cells} are not finite.")
        return
    what = "shortcut alone, F(x) being removed" if block in of.without else "F(x) + shortcut"
    text = f"sum = {what} and output = max(0, sum), to within {apart:.1g}, in all {cells}."
    st.caption(plain(text))


def _depth(whole: Survey, block: str, without: tuple[str, ...]) -> None:
    """‖F(x)‖ / ‖x‖ of every block; a click puts a block into focus."""
    names = [each.block for each in whole.residuals]
    ratios = [each.ratio for each in whole.residuals]
    picked = st.plotly_chart(
        ratio_chart(names, ratios, block, page_frame.dark(), without),
        config={"displayModeBar": False},
        alt="The ratio of norms of every block",
        key=f"ratios_{block}",
        on_select="rerun",
        selection_mode="points",
    )
    points = picked["selection"]["points"]
    if points and (clicked := str(points[0]["x"])) != block and clicked in names:
        session.change(layer=clicked)
    here = whole.residuals[names.index(block)]
    st.caption(
        plain(
            f"{block}: norm of x {here.input_norm:.4g}, of F(x) {here.residual_norm:.4g}, of the "
            f"shortcut {here.shortcut_norm:.4g}, ratio {here.ratio:.3g}."
        )
    )
