"""What fits of another network's checkpoint, kept where a visitor asks for it."""

from __future__ import annotations

from dataclasses import replace

from safetensors.torch import save
from streamlit.testing.v1 import AppTest

from resnet_viz import ResNetSpec, build_model
from tests.ui.pages.driver import assert_alive, go_to, has_component, open_page, said

PAGE = "feature_maps"
THEIRS = ResNetSpec(block="basic", blocks=(1, 1), base_width=4, num_classes=3, stem="small")
LINK = "model=custom&block=basic&blocks=1,2&stem=small&base_width=4&classes=3&h=32&w=32"


def _upload(app: AppTest, spec: ResNetSpec, seed: int) -> None:
    data = save(build_model(spec, seed=seed).state_dict())
    file = (f"{seed}.safetensors", data, "application/octet-stream")
    app.file_uploader(key="checkpoint").set_value(file).run()
    assert_alive(app, PAGE)


def _buttons(app: AppTest) -> list[str]:
    return [str(button.key) for button in app.button]


def _captions(app: AppTest) -> str:
    return " ".join(caption.value for caption in app.caption)


def _assert_refused(app: AppTest) -> None:
    (sentence,) = said(app)
    assert "looks like a network" in sentence
    assert "keep_fitting" in _buttons(app)
    assert not has_component(app, "mosaic")


def test_what_fits_is_kept_of_this_checkpoint_and_no_other() -> None:
    app = open_page(PAGE, LINK)
    _upload(app, THEIRS, 11)
    _assert_refused(app)

    app.button(key="keep_fitting").click().run()
    assert_alive(app, PAGE)
    assert said(app) == []
    assert has_component(app, "mosaic")
    assert "38 of 48 tensors kept, 10 initialised anew" in _captions(app)
    assert "parameters here are kept" in _captions(app)
    assert "keep_fitting" not in _buttons(app)

    go_to(app, "architecture")
    go_to(app, PAGE)
    assert said(app) == []
    assert has_component(app, "mosaic")

    _upload(app, THEIRS, 12)
    _assert_refused(app)
    _upload(app, THEIRS, 11)  # the first again: it has been forgotten
    _assert_refused(app)

    app.button(key="keep_fitting").click().run()
    app.button(key="set_network").click().run()
    assert_alive(app, PAGE)
    assert "38 of 38 tensors kept" in _captions(app)


def test_nothing_is_offered_where_nothing_fits() -> None:
    app = open_page(PAGE, LINK)
    _upload(app, replace(THEIRS, base_width=16), 13)
    (sentence,) = said(app)
    assert "keep what fits" not in sentence
    assert "set_network" in _buttons(app)
    assert "keep_fitting" not in _buttons(app)


def test_the_weights_to_take_along() -> None:
    app = open_page(PAGE, LINK)
    _upload(app, THEIRS, 14)
    go_to(app, "input_size")
    app.session_state["lab"] = "code"
    app.session_state["take_weights"] = True
    app.run()
    app.button(key="keep_fitting").click().run()
    assert_alive(app, "input_size")
    assert said(app) == []
    assert "38 of 48 tensors kept" in _captions(app)
    assert "make_weights" in _buttons(app)
