"""The block graph to open, click and read, with the downsample points."""

import streamlit as st

from resnet_viz.ui.architecture import graph_panel
from resnet_viz.ui.shared import page_frame
from resnet_viz.views.tables.layer_tables import downsample_table

choice, report = page_frame.begin("Architecture")
graph_panel.show(choice, report)
if report.downsample_points:
    st.subheader("Downsample points", anchor=False)
    st.dataframe(
        downsample_table(report),
        hide_index=True,
        alt="Each downsample point with its reasons and shapes",
    )
