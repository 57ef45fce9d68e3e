"""Every operation as a table, where the cost is, and an independent count."""

import json

import pandas as pd
import streamlit as st
from pandas.io.formats.style import Styler

from resnet_viz.records import Profile
from resnet_viz.ui import caches, frame
from resnet_viz.ui.choice import Choice
from resnet_viz.ui.messages import errors_as_sentences
from resnet_viz.views.charts import cost_chart
from resnet_viz.views.palette import stage_tint
from resnet_viz.views.tables import csv_text, layer_table

MAX_TINTED = 5_000  # rows; pandas styles no more than 262,144 cells, and slowly
MAX_WITNESSED = 2_000  # operations that torchinfo counts unasked, in about a second


def show_witness(choice: Choice, report: Profile) -> None:
    """Torchinfo's count beside ours."""
    with st.spinner("torchinfo counts the same network …"), errors_as_sentences():
        witness = caches.witness(choice.spec, choice.input)
        if witness.agrees:
            st.success(
                f"All {witness.layers:,} shapes, parameter counts and multiply-adds agree. "
                f"torchinfo's total of {witness.mult_adds:,} multiply-adds is our "
                f"{report.totals.macs:,} MACs plus {witness.batch_norm_adds:,} for batch norms "
                f"(it counts their parameters once) and {witness.bias_adds:,} for biases of the "
                "classifier.",
                icon=":material/check_circle:",
            )
        else:
            st.error(
                f"{len(witness.differences)} of torchinfo's numbers differ from ours: "
                + "; ".join(witness.differences[:5])
            )
        with st.expander("torchinfo's summary"):
            st.code(witness.summary, language=None)


choice, report = frame.begin("Layers")
dark = frame.dark()

st.plotly_chart(
    cost_chart(report, dark),
    config={"displayModeBar": False},
    alt="Shares of multiply-accumulates, parameters and activations by stage",
)

columns = layer_table(report)
stages = list(dict.fromkeys(columns["Stage"]))
left, right = st.columns(2, vertical_alignment="bottom")
wanted = left.pills("Stages", stages, selection_mode="multi", key="stages_shown", wrap=True)
words = right.text_input("Search", key="search", placeholder="conv2d, layer3, downsample …")

table = pd.DataFrame(columns)
if wanted:
    table = table[table["Stage"].isin(wanted)]
for word in words.lower().split():
    text = table["Layer"] + " " + table["Operation"] + " " + table["Branch"]
    table = table[text.str.lower().str.contains(word, regex=False)]

shown: pd.DataFrame | Styler = table
if len(table) <= MAX_TINTED:
    shown = table.style.map(
        lambda stage: f"background-color: {stage_tint(stage, dark, 0.3)}", subset=["Stage"]
    )
st.dataframe(
    shown,
    hide_index=True,
    height=460,
    column_config={
        name: st.column_config.NumberColumn(format="localized")
        for name in ("Parameters", "MACs", "Output bytes")
        if table[name].dtype.kind == "i"  # what is too large for a data frame comes as text
    },
    alt="One row per operation, in the order of execution",
)
st.caption(f"{len(table):,} of {len(report.layers):,} operations; bytes are float32.")
left, right, _ = st.columns([1, 1, 4])
left.download_button(
    "CSV", lambda: csv_text(columns), f"{choice.model}.csv", "text/csv", width="stretch"
)
right.download_button(
    "JSON",
    lambda: json.dumps(report.to_dict(), indent=1),
    f"{choice.model}.json",
    "application/json",
    width="stretch",
)

st.subheader("Checked by torchinfo", anchor=False)
asked = len(report.layers) <= MAX_WITNESSED or st.button(
    f"Have torchinfo count these {len(report.layers):,} operations too",
    help="It takes about a second for each thousand.",
)
if asked:
    show_witness(choice, report)
