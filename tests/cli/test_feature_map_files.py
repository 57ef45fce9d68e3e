"""The files that ``activations`` writes, against the library and against torch."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from resnet_viz.cli import feature_map_files, main
from resnet_viz.cli.feature_map_files import LIST_NAME, TABLE_NAME, write_feature_maps
from resnet_viz.errors import ImageError, LayerError
from resnet_viz.features.capturing import capture
from resnet_viz.images import drawn_patterns
from resnet_viz.images.decoding import load_image
from resnet_viz.images.preprocessing import prepare
from resnet_viz.network.model import build_model
from resnet_viz.network.spec import PRESETS, InputSpec, ResNetSpec
from resnet_viz.views.pixels.mosaics import mosaic, statistics
from resnet_viz.weights.loading import load

SPEC = ResNetSpec(block="basic", blocks=(1, 1), base_width=8, num_classes=5)
WORDS = ["--blocks=1,1", "--block=basic", "--base-width=8", "--classes=5", "--device=cpu"]
LAYERS = ("conv1", "layer1.0", "layer2", "layer2.0.downsample.0", "avgpool", "flatten", "fc")


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def _activations(photo: Path, folder: Path, *words: str) -> dict[str, Any]:
    layers = [word for layer in LAYERS for word in ("--layer", layer)]
    where = ("--image", str(photo), "--out", str(folder))
    assert main(["activations", *WORDS, *where, *layers, *words]) == 0
    document: dict[str, Any] = json.loads((folder / LIST_NAME).read_text())
    return document


def _expected(photo: Path, size: InputSpec, fit: Any = "crop", seed: int = 0) -> dict[str, Any]:
    image = prepare(load_image(photo.read_bytes()), size, SPEC.in_channels, fit)
    return capture(build_model(SPEC, "cpu", seed), image, LAYERS)


@pytest.mark.parametrize("fit", ["crop", "letterbox", "stretch"])
def test_arrays_are_what_capture_gives(photo: Path, tmp_path: Path, fit: str) -> None:
    _activations(photo, tmp_path / "maps", "--input", "3x33x40", "--fit", fit)
    for path, expected in _expected(photo, InputSpec(33, 40), fit).items():
        array = np.load(tmp_path / "maps" / f"{path}.npy", allow_pickle=False)
        assert array.dtype == np.float32
        assert array.shape == expected.shape[1:]
        assert (array == expected[0].numpy()).all()


def test_the_list_names_files_with_shapes_and_statistics(photo: Path, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "maps"
    document = _activations(photo, folder, "--weights", "random:7")
    assert document["schema"] == 1
    assert ResNetSpec.from_dict(document["spec"]) == SPEC
    assert document["input"] == {"batch": 1, "channels": 3, "height": 224, "width": 224}
    assert [document[key] for key in ("image", "weights", "fit", "device")] == [
        *("photo.png", "random:7", "crop", "cpu")
    ]
    assert [layer["path"] for layer in document["layers"]] == list(LAYERS)
    expected = _expected(photo, InputSpec(), seed=7)
    for layer in document["layers"]:
        array: NDArray[Any] = np.load(folder / layer["npy"])
        assert layer["shape"] == list(array.shape) == list(expected[layer["path"]].shape[1:])
        found = layer["statistics"]
        assert found["min"] == array.min()
        assert found["max"] == array.max()
        assert found["mean"] == pytest.approx(array.mean(dtype=float))
        assert found["std"] == pytest.approx(array.std(dtype=float))
        assert found["sparsity"] == pytest.approx((array == 0).mean())
        assert found["dead_channels"] == statistics(array).dead_channels
        image = np.asarray(Image.open(io.BytesIO((folder / layer["png"]).read_bytes())))
        assert (image == mosaic(array).image).all()
    files = {entry[key] for entry in document["layers"] for key in ("npy", "png")}
    assert {file.name for file in folder.iterdir()} == files | {LIST_NAME, TABLE_NAME}


def test_the_files_are_named_on_standard_output(
    photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _activations(photo, tmp_path / "maps")
    printed = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert set(printed) == set((tmp_path / "maps").iterdir())


def test_a_picture_of_the_inputs_size_passes_unchanged(photo: Path, tmp_path: Path) -> None:
    """The first convolution, done by hand on the pixels of the file."""
    _activations(photo, tmp_path / "maps", "--input", "3x48x64")
    pixels = torch.from_numpy(np.array(Image.open(photo))).permute(2, 0, 1).float() / 255
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    image = (pixels - mean[:, None, None]) / std[:, None, None]
    convolution = build_model(SPEC).conv1
    assert isinstance(convolution, nn.Conv2d)
    expected = F.conv2d(image[None], convolution.weight, stride=2, padding=3)[0]
    found = torch.from_numpy(np.load(tmp_path / "maps" / "conv1.npy"))
    torch.testing.assert_close(found, expected.detach(), rtol=1e-4, atol=1e-4)


def test_weights_from_a_file(photo: Path, tmp_path: Path) -> None:
    torch.save(build_model(SPEC, "cpu", 3).state_dict(), tmp_path / "random.pth")
    document = _activations(photo, tmp_path / "maps", "--weights", str(tmp_path / "random.pth"))
    assert document["weights"].endswith("random.pth")
    for path, expected in _expected(photo, InputSpec(), seed=3).items():
        assert (np.load(tmp_path / "maps" / f"{path}.npy") == expected[0].numpy()).all()


def test_a_file_whose_name_begins_with_random(
    photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save_file(build_model(SPEC, "cpu", 3).state_dict(), "random.safetensors")
    assert _activations(photo, tmp_path / "maps", "--weights", "random.safetensors")["layers"]


def test_a_preset_with_channels_and_device(photo: Path, tmp_path: Path, device: str) -> None:
    written = write_feature_maps(
        PRESETS["resnet20"],
        InputSpec(32, 32),
        image=photo,
        layers=["layer3.2", "layer3.2"],
        folder=tmp_path / "maps",
        device=device,
    )
    assert [file.name for file in written] == [
        *("layer3.2.npy", "layer3.2.png", TABLE_NAME, LIST_NAME)
    ]
    assert np.load(written[0]).shape == (64, 8, 8)


def test_values_that_are_not_numbers_are_null_in_the_list(photo: Path, tmp_path: Path) -> None:
    model = build_model(SPEC)
    with torch.no_grad():
        model.fc.weight.fill_(torch.nan)
    file = tmp_path / "nan.safetensors"
    save_file(model.state_dict(), file)
    document = _activations(photo, tmp_path / "maps", "--weights", str(file))
    found = document["layers"][-1]["statistics"]
    assert found["mean"] is None
    assert found["not_finite"] == 5


def test_no_more_of_a_picture_is_read_than_is_decoded(
    photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []

    def refuse(data: bytes) -> Any:
        read.append(len(data))
        raise ImageError("enough")

    with photo.open("ab") as file:
        file.truncate(10_000_000)
    monkeypatch.setattr(feature_map_files, "MAX_BYTES", 1000)
    monkeypatch.setattr(feature_map_files, "load_image", refuse)
    with pytest.raises(ImageError, match="enough"):
        write_feature_maps(
            SPEC, InputSpec(32, 32), image=photo, layers=("conv1",), folder=tmp_path / "maps"
        )
    assert read == [1001]
    assert not (tmp_path / "maps").exists()


def test_the_table_has_a_row_for_each_channel_of_each_layer(photo: Path, tmp_path: Path) -> None:
    document = _activations(photo, tmp_path / "maps")
    assert document["table"] == TABLE_NAME
    text = (tmp_path / "maps" / TABLE_NAME).read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(text)))
    for layer in document["layers"]:
        maps = np.load(tmp_path / "maps" / layer["npy"])
        mine = [row for row in rows if row["layer"] == layer["path"]]
        assert [int(row["channel"]) for row in mine] == list(range(len(maps)))
        for row, values in zip(mine, maps, strict=True):
            assert float(row["mean"]) == pytest.approx(values.mean(dtype=float), abs=1e-12)
            assert float(row["max"]) == values.max()


def test_a_native_picture_brings_its_own_size(photo: Path, tmp_path: Path) -> None:
    document = _activations(photo, tmp_path / "maps", "--fit", "native", "--no-normalise")
    assert document["input"] == {"batch": 1, "channels": 3, "height": 48, "width": 64}
    assert document["normalise"] is False
    image = prepare(load_image(photo.read_bytes()), InputSpec(48, 64), 3, "native", False)
    expected = capture(build_model(SPEC), image, LAYERS)
    for path, maps in expected.items():
        assert (np.load(tmp_path / "maps" / f"{path}.npy") == maps[0].numpy()).all()


def test_a_branch_is_left_out(photo: Path, tmp_path: Path) -> None:
    document = _activations(photo, tmp_path / "maps", "--without", "layer2.0")
    assert document["without"] == ["layer2.0"]
    image = prepare(load_image(photo.read_bytes()), InputSpec(), 3)
    expected = capture(build_model(SPEC), image, LAYERS, without=["layer2.0"])
    assert (np.load(tmp_path / "maps" / "fc.npy") == expected["fc"][0].numpy()).all()
    assert not np.array_equal(
        np.load(tmp_path / "maps" / "fc.npy"), _expected(photo, InputSpec())["fc"][0]
    )


def test_a_branch_that_is_not_there_is_told_first(
    photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("weights were fetched")

    monkeypatch.setattr(feature_map_files, "load", never)
    for block in ("layer9.0", "layer1", "stem"):
        with pytest.raises(LayerError, match="no residual block"):
            write_feature_maps(
                SPEC,
                InputSpec(32, 32),
                image=photo,
                layers=["conv1"],
                folder=tmp_path / "maps",
                without=["layer1.0", block],
            )
    assert not (tmp_path / "maps").exists()


def test_the_trained_network_and_other_channels(photo: Path, tmp_path: Path) -> None:
    folder = tmp_path / "maps"
    words = ["--model=resnet20", "--classes=12", "--input=4x64x64", "--weights=patterns"]
    where = ["--image", str(photo), "--out", str(folder), "--layer=fc", "--first-conv=average"]
    assert main(["activations", *words, *where, "--device=cpu"]) == 0
    document = json.loads((folder / LIST_NAME).read_text())
    assert "1 adapted" in document["receipt"]
    spec = replace(drawn_patterns.SPEC, in_channels=4)
    model = load(spec, "patterns", first_conv="average").model
    image = prepare(load_image(photo.read_bytes()), InputSpec(64, 64), 4)
    assert (np.load(folder / "fc.npy") == capture(model, image, "fc")["fc"][0].numpy()).all()
