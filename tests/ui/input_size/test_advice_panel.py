"""The coach on its page: cards, buttons that mend, and the way back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from resnet_viz import PRESETS, InputSpec
from resnet_viz.sizing.advice.diagnosing import Conditions, Mend, diagnose
from resnet_viz.ui.input_size.advice_panel import Step, conditions
from resnet_viz.ui.state.input_size_options import Lab

SPEC = PRESETS["resnet18"]
SMALL = InputSpec(64, 64, channels=3)


def _page() -> None:
    from resnet_viz.costs.profiling import profile
    from resnet_viz.ui.input_size import advice_panel
    from resnet_viz.ui.input_size.panel_inputs import Bench
    from resnet_viz.ui.shared import sidebar
    from resnet_viz.ui.state import session

    sidebar.draw()
    choice = session.current()
    for key, value in choice.lab.values.items():
        session.first(key, value)
    report = profile(choice.spec, choice.input)
    advice_panel.draw(Bench(choice, report, report, choice.lab, False))


def _open(**link: str) -> AppTest:
    app = AppTest.from_function(_page, default_timeout=60)
    app.query_params.update(link)
    return app.run()


def _buttons(app: AppTest) -> dict[str, str]:
    """Keys of the coach's buttons by their labels."""
    return {
        button.label.replace("\\", ""): str(button.key)
        for button in app.main.button
        if str(button.key).startswith("coach_")
    }


def _press(app: AppTest, label: str) -> AppTest:
    app.button(key=_buttons(app)[label]).click().run()
    assert [error.value for error in app.exception] == []
    return app


def _state(app: AppTest, *keys: str) -> list[object]:
    return [app.session_state[key] for key in keys]


def test_nothing_is_said_of_an_input_that_is_fine() -> None:
    app = _open(model="resnet18")
    assert [caption.value for caption in app.caption] == ["Nothing to mend at 224 × 224."]
    assert _buttons(app) == {}


def test_a_mend_is_made_and_taken_back() -> None:
    app = _open(model="resnet18", h="64", w="64")
    before = _state(app, "model", "stem", "strides", "dilations", "h", "w")
    _press(app, "Use stride 1 in layer4")
    assert _state(app, "model", "strides", "dilations") == ["custom", "1,2,2,1", ""]
    _press(app, "Use a 3 × 3 stem without pooling")
    assert _state(app, "model", "stem", "strides") == ["custom", "small", "1,2,2,1"]
    _press(app, "Back to the network before")
    assert _state(app, "stem", "strides") == ["imagenet", "1,2,2,1"]
    _press(app, "Back to ResNet-18")
    assert _state(app, "model", "stem", "strides", "dilations", "h", "w") == before
    assert not any(label.startswith("Back") for label in _buttons(app))


def test_a_batch_is_mended_where_memory_has_its_own() -> None:
    app = _open(model="resnet18", h="32", w="32")
    _press(app, "Use batch 2")
    assert _state(app, "batch", "model") == [2, "resnet18"]
    assert "Use batch 2" not in _buttons(app)
    _press(app, "Back to batch 1")
    assert _state(app, "batch") == [1]
    assert "Use batch 2" in _buttons(app)


def test_the_way_back_keeps_what_was_changed_since() -> None:
    app = _open(model="resnet18", h="64", w="64")
    _press(app, "Use a 3 × 3 stem without pooling")
    app.number_input(key="h").set_value(72).run()
    _press(app, "Back to ResNet-18")
    assert _state(app, "model", "stem", "h", "w") == ["resnet18", "imagenet", 72, 64]
    _press(app, "Use a 3 × 3 stem without pooling")
    app.selectbox(key="stem").set_value("deep").run()
    assert not any(label.startswith("Back") for label in _buttons(app))


def test_what_is_typed_before_the_click_stays() -> None:
    app = _open(model="resnet18", h="64", w="64")
    app.number_input(key="h").set_value(72)
    app.text_input(key="blocks").set_value("2,2,2,3")
    _press(app, "Use a 3 × 3 stem without pooling")
    assert _state(app, "model", "stem", "blocks", "h") == ["custom", "small", "2,2,2,3", 72]
    app.text_input(key="blocks").set_value("2,2,2,2")
    app.number_input(key="base_width").set_value(32)
    _press(app, "Back to ResNet-18")
    assert _state(app, "model", "stem", "blocks", "h") == ["custom", "imagenet", "2,2,2,2", 72]
    assert _state(app, "base_width") == [32]


def test_a_network_is_named_by_all_that_was_changed_at_once() -> None:
    app = _open(model="resnet18", h="64", w="64")
    _press(app, "Use a 3 × 3 stem without pooling")
    app.number_input(key="base_width").set_value(32).run()
    app.number_input(key="base_width").set_value(64)
    _press(app, "Back to ResNet-18")
    assert _state(app, "model", "stem", "base_width") == ["resnet18", "imagenet", 64]


def test_a_field_that_spells_nothing_is_left_to_the_visitor() -> None:
    app = _open(model="resnet18", h="64", w="64")
    app.text_input(key="blocks").set_value("2,2,x")
    _press(app, "Use a 3 × 3 stem without pooling")
    assert _state(app, "stem", "blocks") == ["small", "2,2,x"]
    app.text_input(key="blocks").set_value("2,2,2,2").run()
    assert _state(app, "model", "stem") == ["custom", "small"]


def test_the_first_layer_can_be_put_in_focus() -> None:
    app = _open(model="resnet18", h="64", w="64")
    (diagnosis, *_) = diagnose(SPEC, SMALL)
    _press(app, f":primary[{diagnosis.path}]")
    assert app.session_state["layer"] == diagnosis.path


def test_one_stands_open_and_the_others_are_folded() -> None:
    app = _open(model="resnet18", h="32", w="32")
    found = diagnose(SPEC, InputSpec(32, 32), conditions=Conditions(training=True))
    assert len(found) > 1
    (folded,) = app.main.expander
    assert folded.label == f"{len(found) - 1} more: " + ", ".join(d.title for d in found[1:])
    mends = [label for label in _buttons(app) if label.startswith("Use ")]
    assert mends == list(dict.fromkeys(f"Use {m.label}" for d in found for m in d.mends))


def test_a_card_without_a_mend_says_what_would_help() -> None:
    app = _open(model="resnet18", h="7", w="300")
    sentence = "No change of the network helps here; resize to at least 128 × 5504."
    assert sentence in [caption.value for caption in app.main.caption]


def _mend(label: str, size: InputSpec) -> Mend:
    mends = (mend for found in diagnose(SPEC, size) for mend in found.mends)
    return next(mend for mend in mends if mend.label == label)


def test_a_step_back_undoes_its_own_fields_alone() -> None:
    mend = _mend("a 3 × 3 stem without pooling", SMALL)
    step = Step.of(mend, (SPEC, SMALL))
    wider = replace(mend.spec, base_width=32)
    assert step.undone((mend.spec, mend.input)) == (SPEC, SMALL)
    assert step.undone((wider, SMALL)) == (replace(SPEC, base_width=32), SMALL)
    assert step.undone((replace(wider, stem="deep"), SMALL)) is None


def test_a_step_that_no_longer_goes_back_is_none() -> None:
    fewer = replace(SPEC, strides=(1, 2, 2, 1))
    size = InputSpec(64, 64, channels=3)
    mend = replace(_mend("a 3 × 3 stem without pooling", size), spec=SPEC, input=size)
    step = Step.of(mend, (fewer, size))  # from strides of four stages to the usual ones
    assert step.undone((SPEC, size)) == (fewer, size)
    assert step.undone((replace(SPEC, blocks=(2, 2, 2)), size)) is None


@pytest.mark.parametrize(
    ("weights", "channels"), [("random:0", None), ("imagenet:v2", 3), ("patterns", 3)]
)
def test_conditions_are_those_of_weights_and_memory(weights: str, channels: int | None) -> None:
    lab = Lab(memory=2.5, mode="inference", dtype="float16", optimizer="adam")
    asked = Conditions(channels, int(2.5 * 2**30), False, "float16", "adam")
    assert conditions(lab, weights) == asked
