"""The picture: where it comes from, and what the network receives of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np
import streamlit as st

from resnet_viz.images.decoding import MAX_BYTES, Picture, Pixels
from resnet_viz.images.preprocessing import (
    FITS,
    IMAGENET_MEAN,
    IMAGENET_STD,
    Fit,
    channel_rule,
    framed,
    native_input,
)
from resnet_viz.images.sample_images import SAMPLES, sample_bytes
from resnet_viz.network.spec import MAX_SIDE, InputSpec
from resnet_viz.ui.caching import shared_caches
from resnet_viz.ui.shared.messages import errors_as_sentences
from resnet_viz.ui.state import session, uploads
from resnet_viz.ui.state.choice import Choice
from resnet_viz.units import shape_text

__all__ = [
    "PICTURE_TYPES",
    "Subject",
    "choose_fit",
    "choose_picture",
    "follow_native",
    "in_colour",
    "received",
    "show_received",
    "subject",
]

PICTURE_TYPES: Final = ("jpg", "jpeg", "png", "webp", "bmp", "gif", "tif", "tiff")

_FIT_NAMES: Final = {
    "crop": "Crop",
    "letterbox": "Pad",
    "stretch": "Stretch",
    "native": "Native",
}
_PREVIEW_SIDE: Final = 1024


class Subject(NamedTuple):
    """A picture that was chosen.

    Attributes:
        picture: Its pixels.
        key: What caches know it by.
        name: What people call it.
    """

    picture: Picture
    key: str
    name: str


def choose_picture() -> Subject | None:
    """Upload, camera or sample; None, and a sentence on the page, where it is no picture."""
    st.file_uploader(
        "Your pictures",
        type=list(PICTURE_TYPES),
        key="picture",
        accept_multiple_files=True,
        max_upload_size=MAX_BYTES // 10**6,
        on_change=uploads.store,
        args=("picture",),
    )
    own = uploads.stored("picture")
    shot = None
    if st.toggle("Camera", key="use_camera", disabled=bool(own)) and not own:
        shot = st.camera_input("Take a picture", key="camera", label_visibility="collapsed")
    sample = st.selectbox(
        "Or a sample",
        list(SAMPLES),
        key="sample",
        format_func=lambda key: SAMPLES[key].title,
        disabled=bool(own) or shot is not None,
    )
    found = None
    with errors_as_sentences():
        if own:
            upload = _one_of(own)
            found = Subject(
                shared_caches.picture(upload.data, upload.sha256), upload.sha256, upload.name
            )
        elif shot is not None:
            found = subject(shot.getvalue(), "the camera's picture")
        else:
            found = subject(sample_bytes(sample), SAMPLES[sample].title)
    return found


def _one_of(own: Sequence[uploads.Upload]) -> uploads.Upload:
    """The upload that is chosen; with a way to forget those that another visit to the page left."""
    if not st.session_state.get("picture"):
        st.button(
            f"Forget {'the upload' if len(own) == 1 else f'{len(own)} uploads'}",
            key="forget_pictures",
            on_click=uploads.forget,
            args=("picture",),
        )
    if len(own) == 1:
        return own[0]
    places = range(len(own))
    if st.session_state.get("upload") not in places:
        st.session_state["upload"] = len(own) - 1
    return own[
        st.selectbox(
            "Picture",
            places,
            key="upload",
            format_func=lambda place: f"{place + 1}: {own[place].name}",
        )
    ]


def subject(data: bytes, name: str) -> Subject:
    """The picture in a file's bytes.

    Raises:
        ImageError: They are none.
    """
    key = shared_caches.digest(data)
    return Subject(shared_caches.picture(data, key), key, name)


def choose_fit() -> tuple[Fit, bool]:
    """How a picture is brought to the input, and whether it is normalised."""
    session.first("fit", "crop")
    session.first("normalise", True)
    fit = st.segmented_control(
        "Fit to the input",
        list(FITS),
        key="fit",
        format_func=_FIT_NAMES.__getitem__,
        required=True,
        help="Crop the middle; pad to a letterbox; stretch; or native: the input takes the "
        "picture's size.",
    )
    normalise = st.toggle(
        "Normalise",
        key="normalise",
        help="Divided by 255, less ImageNet's mean "
        f"({', '.join(map(str, IMAGENET_MEAN))}), over its deviation "
        f"({', '.join(map(str, IMAGENET_STD))}). Off: values from 0 to 1.",
    )
    return fit or "crop", normalise


def received(picture: Picture, size: InputSpec, fit: Fit) -> Pixels:
    """What the network receives, no larger than a page can show.

    Raises:
        ImageError: The picture does not have the input's size, where it is to be native.
    """
    scale = min(1.0, _PREVIEW_SIDE / max(size.height, size.width))
    if scale == 1.0:
        return framed(picture, size, fit)
    height, width = (max(1, round(side * scale)) for side in (size.height, size.width))
    # A native picture has the input's proportions.
    shown: Fit = "stretch" if fit == "native" else fit
    return framed(picture, replace(size, height=height, width=width), shown)


def in_colour(pixels: Pixels) -> Pixels:
    """A picture ``[h, w, 1 or 3]`` as ``[h, w, 3]``."""
    return pixels if pixels.shape[2] == 3 else np.repeat(pixels, 3, axis=2)


def show_received(choice: Choice, found: Subject, fit: Fit, normalise: bool) -> None:
    """The picture as it enters the network, how it came to that, and what could be mended.

    Raises:
        ImageError: It cannot be brought to the input.
    """
    picture = found.picture
    size = shape_text((choice.input.height, choice.input.width))
    st.image(
        received(picture, choice.input, fit),
        width="stretch",
        output_format="PNG",
        caption=f"What the network receives, {size}; "
        f"from {picture.format}, {picture.height} × {picture.width}",
        alt="The picture as it enters the network",
    )
    st.caption(channel_rule(choice.spec.in_channels, normalise))
    _mends(choice, picture, fit)


def _mends(choice: Choice, picture: Picture, fit: Fit) -> None:
    """One click for each way in which the network could fit the picture, not the reverse."""
    grey = picture.pixels.shape[2] == 1
    same = (picture.height, picture.width) == (choice.input.height, choice.input.width)
    fits = max(picture.height, picture.width) <= MAX_SIDE
    channels = 1 if grey else 3
    with st.container(horizontal=True, gap="xsmall"):
        if not same and fits and fit != "native":
            _set(
                f"Set the input to {shape_text((picture.height, picture.width))}",
                "mend_size",
                "The picture's own size",
                h=picture.height,
                w=picture.width,
            )
        if choice.spec.in_channels != channels:
            kind = "grey" if grey else "coloured"
            _set(
                f"Set the channels to {channels}",
                "mend_channels",
                f"The picture is {kind}: give the network as many channels",
                c=channels,
            )


def _set(label: str, key: str, text: str, **values: int) -> None:
    def change() -> None:
        st.session_state.update(values)

    st.button(label, key=key, help=text, on_click=change)


def follow_native(choice: Choice, picture: Picture, fit: Fit) -> None:
    """Give the input the size of a picture that is to be native; the page then runs again.

    Raises:
        SpecError: The picture is larger than any input may be.
    """
    if fit == "native" and (size := native_input(picture, choice.input)) != choice.input:
        session.change(h=size.height, w=size.width)
