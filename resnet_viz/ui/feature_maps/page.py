"""The parts of the page Feature maps, and how they stand together."""

from __future__ import annotations

from typing import Final

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from resnet_viz.costs.profile_records import Profile
from resnet_viz.errors import ResNetVizError, WeightsError
from resnet_viz.images.preprocessing import Fit
from resnet_viz.ui.caching.feature_results import require
from resnet_viz.ui.feature_maps import (
    branch_removal,
    convolution_panel,
    layer_strip_panel,
    maps_panel,
    prediction_panel,
    residual_panel,
    side_by_side_panel,
)
from resnet_viz.ui.feature_maps.image_choice import (
    Subject,
    choose_fit,
    choose_picture,
    follow_native,
    show_received,
)
from resnet_viz.ui.shared.image_and_weights import Pass, Weights
from resnet_viz.ui.shared.messages import errors_as_sentences, plain
from resnet_viz.ui.shared.weights_choice import (
    adapted,
    choose_weights,
    is_here,
    keep_fitting,
    offer_patterns,
    offer_random,
    receipt,
    set_network,
)
from resnet_viz.ui.state import session
from resnet_viz.ui.state.choice import Choice
from resnet_viz.weights.mismatch_error import MismatchError

__all__ = ["draw"]

_PANELS: Final = ("Maps", "Residual", "Convolution", "Prediction", "Compare")


def draw(choice: Choice, report: Profile) -> None:
    """The page below its head."""
    above = st.container()
    left, right = st.columns([4, 11], gap="medium")
    with left:
        found = choose_picture()
        fit, normalise = choose_fit()
        if found is not None:
            with errors_as_sentences():
                follow_native(choice, found.picture, fit)
                show_received(choice, found, fit, normalise)
        weights = choose_weights(choice)
    of = None
    with above:
        if found is not None:
            of = _ready(choice, weights, found, fit, normalise, left)
        if of is not None:
            branch_removal.remind(of.spec)
            with errors_as_sentences():
                layer_strip_panel.draw(of, session.current().layer)
    with right:
        row = st.container(horizontal=True, vertical_alignment="center")
    with row:
        layer = layer_strip_panel.choose_layer(report, session.current().layer)
        if layer != session.current().layer:
            session.focus(layer)
        if of is not None and found is not None:
            panel = _choose_panel()
    if of is not None and found is not None:
        with right, errors_as_sentences():
            _draw(panel, of, layer, found)


def _ready(
    choice: Choice,
    weights: Weights,
    found: Subject,
    fit: Fit,
    normalise: bool,
    left: DeltaGenerator,
) -> Pass | None:
    """The pass, once its network has its values; None, and a sentence, where it cannot."""
    of = Pass(
        spec=choice.spec,
        size=choice.input,
        device=choice.device,
        weights=weights,
        picture=found.picture,
        picture_key=found.key,
        fit=fit,
        normalise=normalise,
        without=branch_removal.removed(choice.spec),
    )
    if not is_here(of.spec, weights):
        offer_random()
        return None
    try:
        require(of)
        with left, st.spinner("Loading the weights …", show_time=True):
            of = adapted(of)
            if weights.label.partition(":")[0] != "random":
                receipt(of)
            else:
                offer_patterns()
    except MismatchError as error:
        st.error(plain(str(error)))
        with st.container(horizontal=True):
            set_network(error.found)
            keep_fitting(weights, error.found, of.spec)
            offer_random()
    except ResNetVizError as error:
        st.error(plain(str(error)))
        if isinstance(error, WeightsError):
            offer_random()
    else:
        return of
    return None


def _choose_panel() -> str:
    session.first("panel", _PANELS[0])
    panel = st.segmented_control(
        "Panel",
        list(_PANELS),
        key="panel",
        required=True,
        label_visibility="collapsed",
    )
    return panel or _PANELS[0]


def _draw(panel: str, of: Pass, layer: str, found: Subject) -> None:
    """The panel that is chosen; only that is computed.

    Raises:
        ResNetVizError: It cannot be; the text says why.
    """
    if panel == "Residual":
        residual_panel.draw(of, layer)
    elif panel == "Convolution":
        convolution_panel.draw(of, layer)
    elif panel == "Prediction":
        prediction_panel.draw(of, layer)
    elif panel == "Compare":
        side_by_side_panel.draw(of, layer, found.name)
    else:
        maps_panel.draw(of, layer)
