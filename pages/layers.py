"""Every operation as a table, where the cost is, what others count, and an independent count."""

import json
from collections.abc import Iterator

import streamlit as st

from resnet_viz.costs.profile_records import Profile
from resnet_viz.ui.caching import shared_caches
from resnet_viz.ui.layers import cost_treemap_panel, flop_counters_panel, operations_table
from resnet_viz.ui.shared import page_frame
from resnet_viz.ui.shared.download_button import Download, downloads
from resnet_viz.ui.shared.messages import errors_as_sentences
from resnet_viz.ui.state.choice import Choice
from resnet_viz.views.tables.layer_tables import csv_text, layer_table

MAX_WITNESSED = 2_000  # operations that torchinfo counts unasked, in about a second


def show_witness(choice: Choice, report: Profile) -> None:
    """Torchinfo's count beside ours."""
    with st.spinner("torchinfo counts the same network …"), errors_as_sentences():
        witness = shared_caches.witness(choice.spec, choice.input)
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


def files() -> Iterator[Download]:
    """The table, with what the ledger counts, and the profile."""
    table = csv_text(layer_table(report, ledger))
    yield Download("CSV", table, f"{choice.model}.csv", "text/csv")
    text = json.dumps(report.to_dict(), indent=1)
    yield Download("JSON", text, f"{choice.model}.json", "application/json")


choice, report = page_frame.begin("Layers")
dark = page_frame.dark()
ledger = flop_counters_panel.current()

operations_table.show_focus(report, choice.layer)
cost_treemap_panel.show(report, choice.layer, dark)
operations_table.show(report, ledger, choice.layer, dark)
downloads("Download", "download", files)

st.subheader("How many operations, and who counts so", anchor=False)
with st.spinner("Counting …", show_time=False), errors_as_sentences():
    flop_counters_panel.show(
        report, dark
    )  # one convention strides elsewhere: another network to trace

st.subheader("Checked by torchinfo", anchor=False)
asked = len(report.layers) <= MAX_WITNESSED or st.button(
    f"Have torchinfo count these {len(report.layers):,} operations too",
    help="It takes about a second for each thousand.",
)
if asked:
    show_witness(choice, report)
