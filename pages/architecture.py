"""The block graph, with the downsample points."""

import streamlit as st

from resnet_viz.ui import frame
from resnet_viz.units import shape_text
from resnet_viz.views.dot import LEVELS, draw
from resnet_viz.views.tables import downsample_table

NAMES = {"block": "Blocks", "stage": "Stages", "op": "Operations"}
# A browser lays out thousands of shapes for a minute, and nobody reads them.
MAX_OPERATIONS = 1000

choice, report = frame.begin("Architecture")
size = shape_text((report.spec.in_channels, report.input.height, report.input.width))

left, right = st.columns([1, 2], vertical_alignment="bottom")
level = left.segmented_control(
    "Level",
    sorted(LEVELS, key=list(NAMES).index),
    key="level",
    default="block",
    format_func=NAMES.__getitem__,
    required=True,
)
right.caption(
    "Solid: the main path, F(x). Dashed: the shortcut into the addition. "
    "Hexagon: a downsample point, with its reason. Hover for numbers."
)
if level == "op" and len(report.layers) > MAX_OPERATIONS:
    st.info(
        f"This network has {len(report.layers):,} operations, and a browser draws at most "
        f"{MAX_OPERATIONS:,} of them well; the Layers page lists them all. Shown are its blocks."
    )
    level = "block"
# A place for each: drawn over one another, the browser's Graphviz loses the shape of a node
# that is a circle in one drawing and a box in the other.
places = {name: st.container() for name in NAMES}
places[level].graphviz_chart(
    draw(report, level, frame.dark()),
    width="stretch",
    alt=f"The graph of {choice.model} on {size}; the Layers page has it as a table.",
)
if report.downsample_points:
    st.subheader("Downsample points", anchor=False)
    st.dataframe(
        downsample_table(report),
        hide_index=True,
        alt="Each downsample point with its reasons and shapes",
    )
