"""`images.sample_images`: each sample is a picture, and comes without a library's weight."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from resnet_viz.errors import ImageError
from resnet_viz.images import sample_images
from resnet_viz.images.decoding import load_image
from resnet_viz.images.drawn_patterns import FIRST_FRESH_SEED, picture
from resnet_viz.images.preprocessing import prepare
from resnet_viz.network.spec import InputSpec
from tests.helpers.pictures import names_are_sorted, one_sentence

PATTERNS = [name for name in sample_images.SAMPLES if name.startswith("pattern_")]
ODD = [name for name, sample in sample_images.SAMPLES.items() if sample.title.startswith("Odd: ")]


@pytest.mark.parametrize("name", list(sample_images.SAMPLES))
def test_sample(name: str) -> None:
    picture = load_image(sample_images.sample_bytes(name))
    assert (min(picture.height, picture.width) >= 224) == (name not in ODD or name == "horse")
    assert picture.channels == (1 if "grey" in sample_images.SAMPLES[name].title else 3)
    assert prepare(picture, InputSpec(224, 224), 3).std() > 0.1


def test_names_of_samples() -> None:
    names = tuple(sample_images.SAMPLES)
    photographs = ["astronaut", "coffee", "camera", "retina", "ihc", "moon", "rocket"]
    assert names == ("chelsea", *photographs, *PATTERNS, *ODD)
    assert len({sample.title for sample in sample_images.SAMPLES.values()}) == len(names)


@pytest.mark.parametrize("name", PATTERNS)
def test_patterns_are_drawn_from_seeds_that_training_never_saw(name: str) -> None:
    pixels = load_image(sample_images.sample_bytes(name)).pixels
    label = name.removeprefix("pattern_")
    drawn = [picture(label, FIRST_FRESH_SEED + number, 256) for number in range(60)]
    assert sum(np.array_equal(pixels, other) for other in drawn) == 1


def test_odd_pictures_are_odd() -> None:
    opened = {name: Image.open(io.BytesIO(sample_images.sample_bytes(name))) for name in ODD}
    assert opened["horse"].mode == "RGBA"
    grey = np.asarray(opened["horse"].convert("L"))
    assert np.mean((grey < 20) | (grey > 235)) > 0.95  # nearly black or white, no texture
    assert opened["page"].mode == "L"
    assert opened["animation"].size == (14, 25)
    assert getattr(opened["animation"], "n_frames", 1) > 1
    assert opened["tiny"].size == (16, 12)
    assert opened["wide"].size == (1000, 50)


def test_odd_pictures_are_parts_of_the_photographs() -> None:
    cat = load_image(sample_images.sample_bytes("chelsea")).pixels[:, 25:425]
    means = cat.reshape(12, 25, 16, 25, 3).mean(axis=(1, 3))
    tiny = load_image(sample_images.sample_bytes("tiny")).pixels
    np.testing.assert_allclose(tiny, means, atol=1)


def test_what_is_made_is_made_once() -> None:
    assert sample_images.sample_bytes("tiny") is sample_images.sample_bytes("tiny")


def test_an_unknown_sample_is_refused() -> None:
    for name in ("lenna", "../../etc/passwd", "", "x" * 500):
        with pytest.raises(ImageError) as caught:
            sample_images.sample_bytes(name)
        assert "choose one of chelsea, astronaut" in one_sentence(caught.value)


def test_without_scikit_image_there_are_patterns_still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample_images, "find_spec", lambda _: None)
    with pytest.raises(ImageError, match="come with scikit-image; install it") as caught:
        sample_images.sample_bytes("chelsea")
    one_sentence(caught.value)
    assert load_image(sample_images.sample_bytes("pattern_star")).channels == 3


def test_pictures_need_neither_torch_nor_skimage() -> None:
    code = (
        "import sys; from resnet_viz.images.decoding import load_image;"
        "from resnet_viz.images.preprocessing import framed;"
        "from resnet_viz.images.sample_images import sample_bytes;"
        "from resnet_viz.network.spec import InputSpec;"
        "framed(load_image(sample_bytes('chelsea')), InputSpec());"
        "framed(load_image(sample_bytes('pattern_star')), InputSpec());"
        "print([name for name in ('torch', 'skimage', 'scipy') if name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
    assert result.stderr == ""


def test_names() -> None:
    names_are_sorted(sample_images)
