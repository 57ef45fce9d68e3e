"""From a picture to what a layer makes of it."""

import streamlit as st

from resnet_viz.graph import trace
from resnet_viz.images import MAX_BYTES, Picture
from resnet_viz.preparation import FITS, channel_rule, framed
from resnet_viz.samples import SAMPLES, sample_bytes
from resnet_viz.ui import caches, chosen, feature_view, frame
from resnet_viz.ui.messages import errors_as_sentences
from resnet_viz.units import shape_text

FIT_NAMES = {"crop": "Crop", "letterbox": "Letterbox", "stretch": "Stretch"}

choice, report = frame.begin("Feature maps")
graph = trace(choice.spec)
left, right = st.columns([1, 3], gap="medium")

with left:
    upload = st.file_uploader(
        "Your picture",
        type=["jpg", "jpeg", "png", "webp", "bmp", "gif", "tif", "tiff"],
        key="picture",
        max_upload_size=MAX_BYTES // 10**6,
    )
    name = st.selectbox(
        "Or a sample",
        list(SAMPLES),
        key="sample",
        format_func=lambda key: SAMPLES[key].title,
        disabled=upload is not None,
    )
    fit = st.segmented_control(
        "Fit to the input",
        list(FITS),
        key="fit",
        default="crop",
        format_func=FIT_NAMES.__getitem__,
        required=True,
    )
    shown: tuple[Picture, str] | None = None
    with errors_as_sentences():
        data = upload.getvalue() if upload is not None else sample_bytes(name)
        key = caches.digest(data)
        picture = caches.picture(data, key)
        seen = framed(picture, feature_view.preview_size(choice.input), fit)
        size = shape_text((choice.input.height, choice.input.width))
        st.image(
            seen,
            width="stretch",
            output_format="PNG",
            caption=f"What the network receives, {size}; "
            f"from {picture.format}, {picture.height} × {picture.width}",
            alt="The picture as it enters the network",
        )
        st.caption(channel_rule(choice.spec.in_channels))
        shown = (picture, key)

with right:
    layer = feature_view.choose_layer(graph, choice.layer)
    if layer != choice.layer:
        chosen.focus(layer)
    source = feature_view.choose_weights(choice)
    if shown:
        with errors_as_sentences():
            feature_view.show(choice, report, source, shown, fit, layer)
