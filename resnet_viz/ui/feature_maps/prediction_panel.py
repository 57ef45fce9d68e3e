"""What the network says about the picture, and where in the picture it says so."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import streamlit as st

from resnet_viz.features.class_predictions import Guess, predict
from resnet_viz.network.layer_graph import trace
from resnet_viz.ui.caching.feature_results import Maps, grad_cam, loaded, occlusion, survey
from resnet_viz.ui.components.image_view import image_view
from resnet_viz.ui.feature_maps.image_choice import in_colour, received
from resnet_viz.ui.shared import page_frame
from resnet_viz.ui.shared.image_and_weights import Pass
from resnet_viz.ui.shared.messages import errors_as_sentences, plain
from resnet_viz.ui.state import session
from resnet_viz.units import shape_text, si
from resnet_viz.views.charts.feature_charts import bar_chart
from resnet_viz.views.pixels.heat_overlay import heat

__all__ = ["draw"]

_MOST_NAMES: Final = 1000  # classes that a list can hold
_STEPS: Final = 8  # windows of an occlusion beside one another
_QUICK_MACS: Final = 3 * 10**10  # a second or so on two CPU cores; more is asked for first


def draw(of: Pass, layer: str) -> None:
    """The whole panel.

    Raises:
        ResNetVizError: The network cannot be run; the text says why.
    """
    with st.spinner("Running the network …", show_time=True):
        logits, names = survey(of).logits, loaded(of).class_names
    if not np.isfinite(logits).all():
        st.info("There is no prediction: the logits are not finite numbers.")
        return
    guesses = predict(logits, names)
    left, right = st.columns(2, gap="medium")
    with left:
        _bars(of, guesses, names)
        target = _choose_class(logits, guesses, names)
    with right, errors_as_sentences():
        _where(of, layer, target)


def _name(index: int, names: tuple[str, ...] | None) -> str:
    return f"{index}: {names[index]}" if names else f"class {index}"


def _bars(of: Pass, guesses: tuple[Guess, ...], names: tuple[str, ...] | None) -> None:
    """The five likeliest; probabilities where the head was trained, else logits."""
    trained = loaded(of).head_kept
    values = [guess.probability * 100 if trained else guess.logit for guess in guesses]
    before = None
    if of.without:
        whole = survey(replace(of, without=())).logits
        guess_of = {guess.index: guess for guess in predict(whole, names, len(whole))}
        was = [guess_of[guess.index] for guess in guesses]
        before = [guess.probability * 100 if trained else guess.logit for guess in was]
    st.plotly_chart(
        bar_chart(
            [_name(guess.index, names) for guess in guesses],
            values,
            f"Top {len(guesses)}: {'probability' if trained else 'logits'}",
            page_frame.dark(),
            unit="%" if trained else "",
            before=before,
        ),
        config={"displayModeBar": False},
        alt="The likeliest classes",
        key="top",
    )
    if not trained:
        st.caption("This classifier has learned nothing: its logits are chance.")
    elif names is None:
        st.caption("These weights bring no names of classes.")


def _choose_class(logits: Maps, guesses: tuple[Guess, ...], names: tuple[str, ...] | None) -> int:
    state = st.session_state
    likeliest = guesses[0].index
    if len(logits) > _MOST_NAMES:
        state["class_number"] = min(state.get("class_number", likeliest), len(logits) - 1)
        return int(st.number_input("Class", 0, len(logits) - 1, key="class_number", step=1))
    likely = [guess.index for guess in guesses]
    options = [None, *likely, *(index for index in range(len(logits)) if index not in likely)]
    picked = st.selectbox(
        "Explain",
        options,
        key="class",
        format_func=lambda index: (
            f"the likeliest, {_name(likeliest, names)}" if index is None else _name(index, names)
        ),
    )
    return likeliest if picked is None else int(picked)


def _where(of: Pass, layer: str, target: int) -> None:
    """A heat map over the picture.

    Raises:
        ResNetVizError: It would take too much.
    """
    session.first("where", "Grad-CAM")
    session.first("where_opacity", 0.6)
    how = st.segmented_control(
        "Where",
        ["Grad-CAM", "Occlusion"],
        key="where",
        required=True,
        help="Grad-CAM (Selvaraju et al. 2017) weighs a layer's maps by the class's gradient. "
        "Occlusion covers one window after the other and measures how far the logit falls.",
    )
    opacity = st.slider("Opacity", 0.0, 1.0, step=0.05, key="where_opacity")
    shown = in_colour(received(of.picture, of.size, of.fit))
    over: Maps | None = None
    at = ""
    with errors_as_sentences():
        if how == "Occlusion":
            over = _occluded(of, target)
        else:
            at = _choose_map(of, layer)
            with st.spinner("Following the gradient …", show_time=True):
                over = grad_cam(of, at, target)
    image_view(
        shown,
        key="where_view",
        alt=f"{how} over the picture",
        heat=None if over is None else heat(over, (shown.shape[0], shown.shape[1])),
        opacity=opacity,
        pixelated=max(shown.shape) < 200,
        clickable=False,
        max_height=420,
    )
    if over is not None:
        st.caption(f"From {min(float(over.min()), 0.0):.3g} to {over.max():.3g}")
    if at and over is not None:
        note = "" if over.any() else " Nothing in it speaks for this class."
        st.caption(plain(f"Grad-CAM of {at}, {shape_text(over.shape)} cells.{note}"))


def _choose_map(of: Pass, layer: str) -> str:
    """The last block, as is usual; or the layer in focus, if it is another map."""
    graph = trace(of.spec)
    last = graph.blocks[-1].path
    row = of.report.by_path.get(graph.outputs.get(layer, ""))
    is_map = row is not None and len(row.output_shape) == 4 and row.stage != "head"
    if not is_map or layer == last:
        return last
    names = {last: f"{last}, the last block", layer: f"{layer}, in focus"}
    picked: str = st.selectbox(
        "Of the maps of", list(names), key=f"cam_{layer}", format_func=names.__getitem__
    )
    return picked


def _occluded(of: Pass, target: int) -> Maps | None:
    """The map; where it takes long, once it is switched on.

    Raises:
        ResNetVizError: It would take too much.
    """
    from resnet_viz.features.occluding import occlusion_cost

    side = min(of.size.height, of.size.width)
    window = max(1, -(-side // (_STEPS // 2)))
    stride = max(1, window // 2)
    macs = occlusion_cost(of.spec, of.size, window, stride)
    text = f"{window} × {window} windows, {stride} apart: {si(macs)} multiply-accumulates."
    st.caption(plain(text if of.normalise else f"{text} They are covered with black."))
    asked = macs <= _QUICK_MACS or st.toggle("Compute it", key="occlude")
    if not asked:
        return None
    with st.spinner("Covering one window after the other …", show_time=True):
        return occlusion(of, target, window, stride)
