"""The network to take along: its code, its weights, and how to go on from there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import streamlit as st

from resnet_viz.codegen.python_file import file_name, generate, training_step
from resnet_viz.codegen.shell_command import command_line
from resnet_viz.codegen.torchvision import torchvision_lines
from resnet_viz.errors import BudgetError, ResNetVizError, WeightsError
from resnet_viz.images.decoding import Picture
from resnet_viz.ui.caching.feature_results import loaded
from resnet_viz.ui.input_size.panel_inputs import Bench
from resnet_viz.ui.shared.image_and_weights import Pass, Weights
from resnet_viz.ui.shared.messages import plain
from resnet_viz.ui.shared.weights_choice import (
    adapted,
    choose_weights,
    is_here,
    keep_fitting,
    offer_random,
    set_network,
)
from resnet_viz.ui.state.choice import Choice
from resnet_viz.units import si
from resnet_viz.weights.mismatch_error import MismatchError

if TYPE_CHECKING:
    from resnet_viz.weights.loading import LoadedWeights

__all__ = ["MAX_DOWNLOAD_BYTES", "draw"]

MAX_DOWNLOAD_BYTES: Final = 6 * 10**8  # the server keeps the file while the page shows its button

_CODE_PIXELS: Final = 800  # height of what scrolls
_BATCH: Final = 8  # of the training step, unless another was chosen for its memory
_NOTES: Final = 3  # as many stand above the receipt


def draw(bench: Bench) -> None:
    """The code on one side, what goes with it on the other.

    Raises:
        ResNetVizError: The weights that were asked for cannot be had.
    """
    choice = bench.choice
    with st.spinner("Writing the code …", show_time=False):
        code = generate(choice.spec, choice.input)
    left, right = st.columns([7, 5], gap="medium")
    with left:
        _file(choice, code)
    with right:
        _lines("From the command line", _commands(choice), "bash")
        if (lines := torchvision_lines(choice.spec)) is not None:
            _lines("With torchvision", lines)
        _weights(choice)
        batch = bench.lab.batch if bench.lab.batch > 1 else _BATCH
        lab = bench.lab
        step = training_step(choice.spec, choice.input, batch, lab.dtype, lab.optimizer)
        _lines("A training step", step)


def _file(choice: Choice, code: str) -> None:
    name = file_name(choice.spec, choice.input)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{plain(name)}**", width="stretch")
        st.download_button(
            f"Download {si(len(code.encode()), 'B')}",
            code,
            name,
            "text/x-python",
            key="take_code",
            on_click="ignore",
            type="primary",
        )
    st.code(code, height=_CODE_PIXELS)


def _commands(choice: Choice) -> str:
    """Command lines that write the same two files."""
    code, weights = (
        f"{command_line(choice.spec, choice.input, command)}{source}"
        f" --out {file_name(choice.spec, choice.input, ending)}"
        for command, source, ending in (
            ("code", "", ".py"),
            ("weights", f" --weights {choice.weights}", ".safetensors"),
        )
    )
    return f"{code}\n{weights}"


def _lines(title: str, text: str, language: str = "python") -> None:
    st.markdown(f"**{title}**")
    st.code(text, language=language, wrap_lines=True)


def _weights(choice: Choice) -> None:
    """The weights adapted to the network; nothing is loaded before this is opened.

    Raises:
        ResNetVizError: They cannot be had; the text says why.
    """
    st.markdown("**With weights**")
    weights = choose_weights(choice)
    place = st.expander("Adapted weights", key="take_weights", on_change="rerun")
    if not place.open:
        return
    with place:
        if not is_here(choice.spec, weights):
            offer_random()
            return
        try:
            of = _pass(choice, weights)
            with st.spinner("Loading the weights …", show_time=True):
                of = adapted(of)
                found = loaded(of)
        except MismatchError as error:
            st.error(plain(str(error)))
            with st.container(horizontal=True):
                set_network(error.found)
                keep_fitting(weights, error.found, choice.spec)
                offer_random()
        except WeightsError as error:
            st.error(plain(str(error)))
            offer_random()
        else:
            _receipt(found)
            _download(choice, found)


def _pass(choice: Choice, weights: Weights) -> Pass:
    """What the network's values are kept by; which picture it would see does not matter."""
    return Pass(
        spec=choice.spec,
        size=choice.input,
        device=choice.device,
        weights=weights,
        picture=Picture(np.zeros((1, 1, 1), np.uint8)),
        picture_key="none",
        fit="stretch",
    )


def _receipt(found: LoadedWeights) -> None:
    receipt = found.receipt
    st.caption(plain(". ".join((receipt.summary, *receipt.notes[:_NOTES]))))
    rows: list[dict[str, Any]] = [
        {
            "key": entry.key,
            "what became of it": entry.fate,
            "why": entry.why,
            "shape": " × ".join(map(str, entry.shape)),
        }
        for entry in receipt.entries
    ]
    st.dataframe(rows, hide_index=True, height=240, key="take_receipt")


def _download(choice: Choice, found: LoadedWeights) -> None:
    """A button that makes the file, then one that hands it over."""
    from resnet_viz.weights.safetensors_export import safetensors_bytes

    size = sum(p.numel() * p.element_size() for p in found.model.parameters())
    if size > MAX_DOWNLOAD_BYTES:
        raise BudgetError(
            f"These weights take {si(size, 'B')}, and this page hands over at most "
            f"{si(MAX_DOWNLOAD_BYTES, 'B')}; write them with python -m resnet_viz weights."
        )
    name = file_name(choice.spec, choice.input, ".safetensors")
    if not st.button("Make the file", key="make_weights", help=f"{name}, about {si(size, 'B')}."):
        return
    try:
        with st.spinner("Writing the weights …", show_time=True):
            data = safetensors_bytes(found)
    except ResNetVizError as error:
        st.error(plain(str(error)))
        return
    st.download_button(
        f"Download {si(len(data), 'B')}",
        data,
        name,
        "application/octet-stream",
        key="download_adapted",
        on_click="ignore",
        type="primary",
    )
