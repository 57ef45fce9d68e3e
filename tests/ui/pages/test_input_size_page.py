"""The page Input size: the slider, the reference, the coach and the panels."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from streamlit.testing.v1 import AppTest

from resnet_viz import PRESETS, InputSpec, ResNetSpec, profile
from resnet_viz.codegen.python_file import generate
from resnet_viz.costs.memory_use import largest_batch, memory
from resnet_viz.sizing.advice.diagnosing import diagnose
from resnet_viz.sizing.comparison.comparing import compare
from resnet_viz.ui.input_size.advice_panel import conditions
from resnet_viz.ui.state.input_size_options import DEFAULT_LAB, PANELS
from resnet_viz.units import si
from tests.ui.pages.driver import (
    assert_alive,
    assert_shows,
    fields,
    go_to,
    has_component,
    link,
    open_page,
    said,
)

RESNET18 = PRESETS["resnet18"]


def press(app: AppTest, label: str) -> AppTest:
    (button,) = [each for each in app.button if each.label.replace("\\", "") == label]
    return button.click().run()


def slide(app: AppTest, side: int) -> AppTest:
    """Move the slider of the size."""
    (slider,) = app.slider
    return slider.set_value(side).run()


def texts(app: AppTest) -> str:
    return "\n".join(each.value for each in (*app.markdown, *app.caption))


def summary_of(reference: ResNetSpec, before: InputSpec, spec: ResNetSpec, size: InputSpec) -> str:
    return compare(profile(reference, before), profile(spec, size)).summary[0]


@pytest.mark.parametrize("panel", PANELS)
def test_each_panel_stands_at_awkward_sizes_without_a_word_of_error(panel: str) -> None:
    app = open_page("input_size", f"model=resnet18&c=1&h=7&w=300&lab={panel}")
    size = InputSpec(7, 300)
    spec = ResNetSpec(block="basic", blocks=(2, 2, 2, 2), in_channels=1)
    assert_shows(app, "input_size", spec, size)
    assert said(app) == []
    assert link(app).get("lab", "changes") == panel
    slide(app, 9)
    assert_shows(app, "input_size", spec, InputSpec(9, 386))  # in proportion
    assert said(app) == []
    assert link(app).items() >= {"h": "9", "w": "386"}.items()


def test_the_panels_show_what_the_library_says() -> None:
    app = open_page("input_size", "model=resnet18&h=32&w=32&batch=4&optimizer=adam&memory=0.5")
    size = InputSpec(32, 32)
    assert summary_of(RESNET18, InputSpec(), RESNET18, size) in texts(app).replace("\\", "")
    app.session_state["lab"] = "memory"
    app.run()
    use = memory(RESNET18, InputSpec(32, 32, batch=4), training=True, optimizer="adam")
    shown = {metric.label: metric.value for metric in app.metric}
    assert shown["Peak"] == si(use.peak_bytes, "B")
    fits = largest_batch(RESNET18, size, 2**29, training=True, optimizer="adam")
    assert shown["Largest batch that fits"] == f"{fits:,}"
    app.session_state["lab"] = "code"
    app.run()
    assert generate(RESNET18, size) in [each.value + "\n" for each in app.code]


def test_all_of_it_stands_in_the_link() -> None:
    text = {
        "model": "resnet18",
        "lab": "sweeps",
        "over": "width",
        "total": "params",
        "nets": "resnet20,resnet34",
        "front": "final_grid",
        "price": "params",
        "ref": "model=resnet34&h=96&w=96",
    }
    app = open_page("input_size", urlencode(text))
    assert link(app) == text
    assert app.multiselect(key="nets").value == ["resnet20", "resnet34"]
    app.multiselect(key="nets").set_value([]).run()
    assert link(app) == text | {"nets": "none"}
    go_to(app, "layers")
    go_to(app, "input_size")
    assert link(app) == text | {"nets": "none"}
    assert app.session_state["over"] == "width"


def test_what_a_link_says_wrongly_is_named_and_left_out() -> None:
    app = open_page("input_size", "model=resnet18&lab=toys&batch=x&ref=model%3Dresnet19%26h%3D0")
    assert_alive(app, "input_size")
    news = said(app)
    assert [line.split(" was left out")[0] for line in news] == [
        *("The link's lab", "The link's batch"),
        *("The reference's model", "The reference's h"),
    ]
    assert link(app).keys() == {"model", "ref"}


def test_the_reference_can_be_pinned_and_let_go() -> None:
    app = open_page("input_size", "model=resnet18&h=96&w=96")
    press(app, "Compare from here on with what is chosen now")
    assert link(app)["ref"] == "model=resnet18&h=96&w=96"
    assert any("Nothing" in line or "same" in line for line in texts(app).splitlines())
    app.number_input(key="h").set_value(64).run()
    spec, before, here = RESNET18, InputSpec(96, 96), InputSpec(64, 96)
    assert summary_of(spec, before, spec, here) in texts(app).replace("\\", "")
    press(app, "Back to ResNet-18 at 224 × 224")
    assert "ref" not in link(app)
    assert summary_of(spec, InputSpec(), spec, here) in texts(app).replace("\\", "")


def test_the_reference_can_be_another_preset() -> None:
    app = open_page("input_size", "model=resnet18")
    app.selectbox(key="reference_model").set_value("resnet20").run()
    app.number_input(key="reference_h").set_value(40).run()
    press(app, "Compare with this")
    assert link(app)["ref"] == "model=resnet20&h=40&w=224"
    other = PRESETS["resnet20"]
    expected = summary_of(other, InputSpec(40, 224), RESNET18, InputSpec())
    assert expected in texts(app).replace("\\", "")


def test_the_fields_of_the_reference_follow_it() -> None:
    app = open_page("input_size", "model=resnet18&h=96&w=64&ref=model%3Dresnet34%26h%3D100")
    assert app.selectbox(key="reference_model").value == "resnet34"
    assert app.number_input(key="reference_h").value == 100
    press(app, "Compare from here on with what is chosen now")
    assert app.selectbox(key="reference_model").value == "resnet18"
    assert (
        app.number_input(key="reference_h").value,
        app.number_input(key="reference_w").value,
    ) == (
        96,
        64,
    )


@pytest.mark.parametrize("size", ["h=1&w=9000", "h=16384&w=1", "h=1&w=1", "h=16384&w=16384"])
def test_the_slider_stands_at_the_limits(size: str) -> None:
    app = open_page("input_size", f"model=resnet18&{size}")
    assert_alive(app, "input_size")
    assert said(app) == []
    slide(app, 2)
    assert_alive(app, "input_size")
    assert fields(app)["h"] == 2


def test_the_slider_keeps_the_proportions_of_the_size_it_began_with() -> None:
    app = open_page("input_size", "model=resnet18&h=1080&w=1920")
    for side in (3, 1000, 1, 1080):
        slide(app, side)
        assert fields(app)["w"] == max(1, round(side * 1920 / 1080))
    app.number_input(key="w").set_value(540).run()
    slide(app, 100)
    assert (fields(app)["h"], fields(app)["w"]) == (100, 50)


def test_a_reference_of_thousands_of_parameters_is_a_reference() -> None:
    many = "&".join(f"a{place}=1" for place in range(300))
    app = open_page("input_size", urlencode({"model": "resnet18", "ref": f"{many}&h=64"}))
    assert_alive(app, "input_size")
    assert said(app) == []


@pytest.mark.parametrize("panel", ["changes", "map", "memory"])
def test_a_huge_network_has_its_panels(panel: str) -> None:
    blocks = ",".join(["12"] * 8)
    link = f"blocks={blocks}&base_width=1024&width_per_group=1024&h=16384&w=16384&lab={panel}"
    app = open_page("input_size", f"model=custom&block=bottleneck&batch=4096&{link}")
    assert_alive(app, "input_size")
    assert said(app) == []


# --- the coach ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "resnet20"])
def test_a_usual_input_needs_no_coach(name: str) -> None:
    app = open_page("input_size", f"model={name}")
    assert "Nothing to mend" in texts(app)


def test_a_mend_is_one_click_and_can_be_taken_back() -> None:
    app = open_page("input_size", "model=resnet18&h=32&w=32")
    found = diagnose(RESNET18, InputSpec(32, 32), conditions=conditions(DEFAULT_LAB, "random:0"))
    shown = texts(app).replace("\\", "")
    assert found
    for diagnosis in found:
        assert diagnosis.title in shown
    label = "a 3 × 3 stem without pooling"
    mend = next(mend for each in found for mend in each.mends if mend.label == label)
    press(app, f"Use {label}")
    assert_shows(app, "input_size", mend.spec, InputSpec(32, 32))
    assert fields(app)["stem"] == "small"
    assert link(app)["stem"] == "small"
    press(app, "Back to ResNet-18")
    assert_shows(app, "input_size", RESNET18, InputSpec(32, 32))
    assert link(app) == {"model": "resnet18", "h": "32", "w": "32"}


def test_a_stride_can_be_mended_too() -> None:
    app = open_page("input_size", "model=resnet18&h=32&w=32&batch=2")
    press(app, "Use stride 1 in layer4")
    spec = ResNetSpec(block="basic", blocks=(2, 2, 2, 2), strides=(1, 2, 2, 1))
    assert_shows(app, "input_size", spec, InputSpec(32, 32))
    assert fields(app)["strides"] == "1,2,2,1"
    assert link(app)["strides"] == "1,2,2,1"
    assert has_component(app, "graph") is False
    go_to(app, "architecture")
    assert_shows(app, "architecture", spec, InputSpec(32, 32))


# --- strides and dilations in the sidebar -------------------------------------------------------


def test_dilations_are_typed_and_refused_in_one_sentence() -> None:
    app = open_page("layers", "model=resnet50")
    app.text_input(key="dilations").set_value("1, 1, 2, 4").run()
    dilated = ResNetSpec(dilations=(1, 1, 2, 4))
    assert_shows(app, "layers", dilated, InputSpec())
    assert link(app)["dilations"] == "1,1,2,4"
    assert fields(app)["model"] == "custom"
    app.text_input(key="dilations").set_value("1,1,2").run()
    (sentence,) = said(app)
    assert sentence.startswith("dilations must list one number for each of the 4 stages")
    assert_alive(app, "layers")
    app.text_input(key="dilations").set_value("").run()
    assert_shows(app, "layers", ResNetSpec(), InputSpec())
    assert link(app) == {"model": "resnet50"}


def test_a_preset_takes_strides_and_dilations_away() -> None:
    app = open_page("layers", "model=resnet50&strides=1,2,2,1&dilations=1,1,1,2")
    assert_shows(
        app, "layers", ResNetSpec(strides=(1, 2, 2, 1), dilations=(1, 1, 1, 2)), InputSpec()
    )
    app.selectbox(key="model").set_value("resnet18").run()
    assert_shows(app, "layers", RESNET18, InputSpec())
    assert (fields(app)["strides"], fields(app)["dilations"]) == ("", "")


def test_a_link_to_an_edited_network_says_what_it_was_made_from() -> None:
    app = open_page("input_size", "model=resnet18&h=32&w=32")
    press(app, "Use a 3 × 3 stem without pooling")
    said_before = [metric.delta for metric in app.metric]
    assert link(app)["base"] == "resnet18"
    again = open_page("input_size", urlencode(link(app)))
    assert [metric.delta for metric in again.metric] == said_before
    assert link(again) == link(app)
    assert any("Differences from ResNet-18 at 224 × 224" in text.value for text in again.caption)


def test_the_headline_tells_the_difference_from_the_reference() -> None:
    app = open_page("layers", "model=resnet18&ref=model%3Dresnet34")
    depth = profile(PRESETS["resnet34"]).totals.depth
    assert app.metric[0].delta == f"−{depth - 18}"
    assert any("Differences from ResNet-34 at 224 × 224" in text.value for text in app.caption)


def test_a_slider_that_is_behind_takes_no_edit_back() -> None:
    app = open_page("input_size", "model=resnet18")
    app.number_input(key="h").set_value(225).run()
    # The browser sends the next edit before it has heard that the slider is at 225.
    app.number_input(key="h").set_value(226)
    slide(app, 224)
    assert (fields(app)["h"], app.slider[0].value) == (226, 226)
    assert link(app)["h"] == "226"
