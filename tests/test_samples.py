"""`resnet_viz.samples`: each sample is a picture, and comes without a library's weight."""

from __future__ import annotations

import subprocess
import sys

import pytest

from resnet_viz import samples
from resnet_viz.errors import ImageError
from resnet_viz.images import load_image
from resnet_viz.preparation import prepare
from resnet_viz.spec import InputSpec
from tests.pictures import names_are_sorted, one_sentence


@pytest.mark.parametrize("name", samples.sample_names())
def test_sample(name: str) -> None:
    picture = load_image(samples.sample_bytes(name))
    assert min(picture.height, picture.width) >= 224
    assert picture.channels == (1 if "grey" in samples.SAMPLES[name].title else 3)
    assert prepare(picture, InputSpec(224, 224), 3).std() > 0.1


def test_sample_names() -> None:
    assert samples.sample_names()[0] == "chelsea"
    assert {"astronaut", "coffee", "camera", "retina", "ihc", "moon"} < set(samples.SAMPLES)


def test_an_unknown_sample_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("lenna", "../../etc/passwd", "", "x" * 500):
        with pytest.raises(ImageError) as caught:
            samples.sample_bytes(name)
        assert "choose one of chelsea, astronaut" in one_sentence(caught.value)
    monkeypatch.setattr(samples, "find_spec", lambda _: None)
    with pytest.raises(ImageError, match="come with scikit-image; install it") as caught:
        samples.sample_bytes("chelsea")
    one_sentence(caught.value)


def test_pictures_need_neither_torch_nor_skimage() -> None:
    code = (
        "import sys; from resnet_viz.images import load_image;"
        "from resnet_viz.preparation import framed;"
        "from resnet_viz.samples import sample_bytes;"
        "from resnet_viz.spec import InputSpec;"
        "framed(load_image(sample_bytes('chelsea')), InputSpec());"
        "print([name for name in ('torch', 'skimage', 'scipy') if name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
    assert result.stderr == ""


def test_names() -> None:
    names_are_sorted(samples)
