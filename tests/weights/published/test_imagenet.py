"""Published weights: against torchvision's own figures, torch's own folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
import torch.hub

from resnet_viz.costs.profiling import profile
from resnet_viz.errors import WeightsError
from resnet_viz.network.spec import PRESETS, InputSpec, ResNetSpec
from resnet_viz.weights.published.imagenet import (
    PUBLISHED,
    PUBLISHED_URL,
    URL_VARIABLE,
    class_names,
    weights_file,
    weights_folder,
)
from resnet_viz.weights.sources import Version

FILES = [
    pytest.param(name, version, id=f"{name}-{version}")
    for name, versions in PUBLISHED.items()
    for version in versions
]


@pytest.fixture(autouse=True)
def published(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(URL_VARIABLE, raising=False)


def test_each_imagenet_preset_has_weights() -> None:
    wanted = {
        name
        for name, spec in PRESETS.items()
        if spec.stem == "imagenet" and spec.shortcut == "projection"
    }
    assert set(PUBLISHED) == wanted


def test_figures_are_those_of_torchvision(reference: Callable[[str], Any]) -> None:
    theirs = reference("torchvision_weights")["weights"]
    for name, versions in PUBLISHED.items():
        assert [f"IMAGENET1K_{version.upper()}" for version in versions] == list(theirs[name])
        for version, file in versions.items():
            facts = theirs[name][f"IMAGENET1K_{version.upper()}"]
            assert file.url == facts["url"]
            assert file.sha256_prefix == facts["sha256_prefix"]
            assert file.about_bytes / 2**20 == pytest.approx(facts["file_size_mib"], abs=1e-6)


@pytest.mark.parametrize(("name", "version"), FILES)
def test_the_hash_stands_in_the_name(name: str, version: Version) -> None:
    file = PUBLISHED[name][version]
    assert file.name == f"{name}-{file.sha256_prefix}.pth"
    assert len(file.sha256_prefix) == 8
    assert int(file.sha256_prefix, 16) >= 0


@pytest.mark.parametrize(("name", "version"), FILES)
def test_a_file_is_as_large_as_the_network(name: str, version: Version) -> None:
    parameters = profile(PRESETS[name], InputSpec()).totals.params
    half = name.startswith("wide") and version == "v1"
    assert PUBLISHED[name][version].about_bytes / parameters == pytest.approx(
        2 if half else 4, rel=0.02
    )


def test_no_two_files_share_a_name() -> None:
    files = [file for versions in PUBLISHED.values() for file in versions.values()]
    assert len({file.name for file in files}) == len({file.url for file in files}) == len(files)


@pytest.mark.parametrize(("name", "version"), FILES)
def test_a_network_finds_its_file(name: str, version: Version) -> None:
    spec = PRESETS[name]
    file = PUBLISHED[name][version]
    assert weights_file(spec, version) == file
    changed = replace(spec, in_channels=1, num_classes=10, zero_init_residual=True)
    assert weights_file(changed, version) == file


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (ResNetSpec(blocks=(1, 1, 1, 1)), "not for this network"),
        (replace(PRESETS["resnet50"], stride_in="1x1"), "not for this network"),
        (PRESETS["resnet20"], "not for resnet20"),
    ],
)
@pytest.mark.parametrize("version", get_args(Version))
def test_networks_without_weights(spec: ResNetSpec, said: str, version: Version) -> None:
    with pytest.raises(WeightsError, match=said) as caught:
        weights_file(spec, version)
    assert all(name in str(caught.value) for name in PUBLISHED)


@pytest.mark.parametrize(
    "change",
    [{"stem": "deep"}, {"stem": "small"}, {"strides": (1, 2, 2, 1)}, {"dilations": (1, 1, 2, 4)}],
)
def test_stems_strides_and_dilations_may_be_others(change: dict[str, Any]) -> None:
    other = replace(PRESETS["resnet50"], **change)
    assert weights_file(other) == weights_file(PRESETS["resnet50"])


@pytest.mark.parametrize("name", ["resnet18", "resnet34"])
def test_networks_without_a_second_version(name: str) -> None:
    with pytest.raises(WeightsError, match=f"of {name} are published as v1 only, not as v2"):
        weights_file(PRESETS[name], "v2")


# Where from, where to.


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("", f"{PUBLISHED_URL}resnet18-f37072fd.pth"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/resnet18-f37072fd.pth"),
        ("https://mirror.example/a/b/", "https://mirror.example/a/b/resnet18-f37072fd.pth"),
        ("http://[::1]:80/", "http://[::1]:80/resnet18-f37072fd.pth"),
    ],
)
def test_another_server(base: str, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(URL_VARIABLE, base)
    assert weights_file(PRESETS["resnet18"]).url == url


@pytest.mark.parametrize(
    "base",
    [
        *("file:///etc", "ftp://mirror.example", "mirror.example", "http://", "//mirror.example"),
        *("http://[::1", "http://a:b/", "http://a:99999", "http://u:secret@a/", "http://a/b c"),
        *("http://a/\r\nX: y", "http://ä.example"),
    ],
)
def test_what_is_no_server(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(URL_VARIABLE, base)
    with pytest.raises(WeightsError, match=f"{URL_VARIABLE} must be an address") as caught:
        _ = weights_file(PRESETS["resnet18"]).url
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"TORCH_HOME": "somewhere/else"},
        {"TORCH_HOME": "~/else"},
        {"XDG_CACHE_HOME": "~/caches"},
        {"XDG_CACHE_HOME": "caches", "TORCH_HOME": "torches"},
    ],
)
def test_the_folder_is_the_one_of_torch_hub(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TORCH_HOME", "XDG_CACHE_HOME", "TORCH_HUB"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert weights_folder() == Path(torch.hub.get_dir()) / "checkpoints"


def test_a_user_without_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", "~a user that does not exist/torch")
    with pytest.raises(WeightsError, match="set the environment variable TORCH_HOME"):
        weights_folder()


# Classes.


def test_class_names() -> None:
    names = class_names()
    assert len(names) == PRESETS["resnet50"].num_classes == 1000
    assert (names[0], names[281], names[999]) == ("tench", "tabby", "toilet tissue")
    assert all(name and name == name.strip() for name in names)


def test_class_names_are_distinct() -> None:
    # ImageNet has two cranes and two maillots; torchvision tells them apart.
    names = class_names()
    assert len(set(names)) == len(names)
    assert (names[134], names[517]) == ("crane bird", "crane")
    assert (names[638], names[639]) == ("maillot", "maillot tank suit")
