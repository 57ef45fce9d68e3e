"""The command line: what it prints is what the library says, in the form of the contract."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from resnet_viz.cli import app, main
from resnet_viz.cli.network_options import network
from resnet_viz.costs.profiling import DTYPE_BYTES, profile
from resnet_viz.errors import SpecError
from resnet_viz.network.spec import PRESETS, InputSpec, ResNetSpec, preset_input
from resnet_viz.views.tables.profile_text import table
from tests.helpers.running import run

PAIR = [int, int]
TOTALS = {
    "depth": int,
    "params": int,
    "buffers": int,
    "macs": int,
    "flops": int,
    "weight_bytes": int,
    "activation_bytes": int,
    "peak_activation_bytes": int,
    "final_grid": PAIR,
    "output_stride": PAIR,
    "receptive_field": PAIR,
}
LAYER = [
    *("path", "op", "stage", "block", "branch", "inputs", "input_shapes", "output_shape"),
    *("kernel", "stride", "padding", "dilation", "groups", "params", "macs", "flops"),
    *("output_bytes", "receptive_field", "jump"),
]


def _plain(value: Any) -> Any:
    """As JSON has it."""
    return json.loads(json.dumps(value))


def test_profile_as_json_has_the_keys_and_types_of_the_contract() -> None:
    document = json.loads(run("profile", "--model", "resnet50", "--format", "json"))
    assert list(document) == [
        *("schema", "spec", "input", "dtype", "totals", "layers", "downsample_points")
    ]
    assert document["schema"] == 1
    assert list(document["spec"]) == [
        *("block", "blocks", "stem", "base_width", "groups", "width_per_group"),
        *("stride_in", "shortcut", "in_channels", "num_classes", "zero_init_residual"),
    ]
    assert document["input"] == {"batch": 1, "channels": 3, "height": 224, "width": 224}
    totals = document["totals"]
    assert {key: _types(totals[key]) for key in TOTALS} == TOTALS
    assert set(totals) - set(TOTALS) == {"peak_path"}
    assert (totals["depth"], totals["params"], totals["macs"]) == (50, 25557032, 4089184256)
    assert totals["flops"] == 8178368512
    assert totals["final_grid"] == [7, 7]
    assert totals["output_stride"] == [32, 32]
    assert totals["receptive_field"] == [427, 427]


def _types(value: Any) -> Any:
    return [type(one) for one in value] if isinstance(value, list) else type(value)


def test_layers_and_downsample_points_as_in_the_contract() -> None:
    document = json.loads(run("profile", "--model", "resnet50", "--format", "json"))
    for layer in document["layers"]:
        assert [key for key in layer if key != "field_start"] == LAYER
    by_path = {layer["path"]: layer for layer in document["layers"]}
    expected = {
        "path": "layer1.0.conv1",
        "op": "conv2d",
        "stage": "layer1",
        "block": "layer1.0",
        "branch": "main",
        "inputs": ["maxpool"],
        "input_shapes": [[1, 64, 56, 56]],
        "output_shape": [1, 64, 56, 56],
        "kernel": [1, 1],
        "stride": [1, 1],
        "padding": [0, 0],
        "groups": 1,
        "params": 4096,
        "macs": 12845056,
        "flops": 25690112,
        "output_bytes": 802816,
        "receptive_field": [11, 11],
        "jump": [4, 4],
    }
    found = by_path["layer1.0.conv1"]
    assert {key: found[key] for key in expected} == expected
    assert by_path["layer1.0.add"]["kernel"] is None
    assert document["downsample_points"][1] == {
        "path": "layer2.0.downsample",
        "block": "layer2.0",
        "reasons": ["stride", "channels"],
        "input_shape": [1, 256, 56, 56],
        "output_shape": [1, 512, 28, 28],
    }


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_and_its_usual_input_are_the_librarys(name: str) -> None:
    document = json.loads(run("profile", "--model", name, "--format", "json"))
    assert document == _plain(profile(PRESETS[name], preset_input(name)).to_dict())


@pytest.mark.parametrize(
    ("words", "spec", "size"),
    [
        ("", PRESETS["resnet50"], InputSpec(224, 224)),
        ("--input 1x31x200", ResNetSpec(in_channels=1), InputSpec(31, 200)),
        ("--depth 26", ResNetSpec.from_depth(26), InputSpec(224, 224)),
        (
            "--depth 26 --block bottleneck --stem deep",
            ResNetSpec.from_depth(26, "bottleneck", stem="deep"),
            InputSpec(224, 224),
        ),
        (
            "--model resnext50_32x4d --blocks 1,1 --classes 7",
            replace(PRESETS["resnext50_32x4d"], blocks=(1, 1), num_classes=7),
            InputSpec(224, 224),
        ),
        (
            "--model resnet20 --block bottleneck --input 5x9x8",
            replace(PRESETS["resnet20"], block="bottleneck", in_channels=5),
            InputSpec(9, 8),
        ),
        (
            (
                "--model resnet18 --block bottleneck --stem small --base-width 16 --groups 2 "
                "--width-per-group 32 --stride-in 1x1 --shortcut avgpool_projection "
                "--zero-init-residual"
            ),
            ResNetSpec(
                blocks=(2, 2, 2, 2),
                stem="small",
                base_width=16,
                groups=2,
                width_per_group=32,
                stride_in="1x1",
                shortcut="avgpool_projection",
                zero_init_residual=True,
            ),
            InputSpec(224, 224),
        ),
    ],
)
def test_every_option_of_the_network(words: str, spec: ResNetSpec, size: InputSpec) -> None:
    document = json.loads(run("profile", *words.split(), "--format", "json"))
    assert document == _plain(profile(spec, size).to_dict())


def test_every_command_takes_every_field_of_a_network() -> None:
    shared = {"--" + name.replace("_", "-") for name in network.__annotations__} - {"--return"}
    fields = {"--" + name.replace("_", "-") for name in ResNetSpec.__dataclass_fields__}
    renamed = {"--in-channels": "--input", "--num-classes": "--classes"}
    assert {renamed.get(name, name) for name in fields} <= shared
    import typer

    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert set(commands) >= {"profile", "graph", "sweep", "activations", "app"}
    for name, command in commands.items():
        # The web app takes the options of "streamlit run" instead.
        assert name == "app" or shared <= {
            name for option in command.params for name in option.opts
        }


def test_batch_and_dtype() -> None:
    words = ("--model", "resnet18", "--batch", "3", "--dtype", "float16", "--format", "json")
    expected = profile(PRESETS["resnet18"], InputSpec(batch=3), "float16")
    assert json.loads(run("profile", *words)) == _plain(expected.to_dict())


def test_profile_as_csv_has_the_same_columns_and_values() -> None:
    report = profile(PRESETS["resnet18"])
    rows = list(
        csv.DictReader(io.StringIO(run("profile", "--model", "resnet18", "--format", "csv")))
    )
    assert len(rows) == len(report.layers)
    for row, layer in zip(rows, report.layers, strict=True):
        values = layer.to_dict()
        assert list(row) == list(values)
        assert row["output_shape"] == "x".join(map(str, layer.output_shape))
        assert row["inputs"].split(" ") == list(layer.inputs)
        assert [
            tuple(map(int, shape.split("x"))) for shape in row["input_shapes"].split(" ")
        ] == list(layer.input_shapes)
        assert (row["block"] or None) == layer.block
        for name in ("kernel", "stride", "padding", "receptive_field", "jump", "field_start"):
            found = tuple(map(int, row[name].split("x"))) if row[name] else None
            assert found == values[name]
        for name in ("params", "macs", "flops", "output_bytes"):
            assert int(row[name]) == values[name]


@pytest.mark.parametrize("name", PRESETS)
def test_the_table_names_every_layer_in_a_hundred_columns(name: str) -> None:
    report = profile(PRESETS[name], preset_input(name))
    text = run("profile", "--model", name)
    assert text == table(report)
    lines = text.splitlines()
    assert max(map(len, lines)) <= 100
    assert {layer.path for layer in report.layers} <= {line.split(" ")[0] for line in lines}
    stages = [line.split(" ")[1] for line in lines if line.startswith("──")]
    assert stages == [
        *dict.fromkeys(layer.stage for layer in report.layers),
        "total",
    ]
    for exact in (report.totals.params, report.totals.macs, report.totals.weight_bytes):
        assert f"({exact:,})" in text
    for point in report.downsample_points:
        assert any(line.startswith(point.path + " ") for line in lines)


@pytest.mark.parametrize(
    "words",
    [("profile",), ("profile", "--format", "csv"), ("graph",), ("sweep", "--sizes", "32:64:8")],
)
def test_out_is_what_would_be_printed(words: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / "result.txt"
    printed = run(*words)
    assert run(*words, "--out", str(file)) == ""
    assert file.read_bytes().decode() == printed


@pytest.mark.parametrize("command", ["", "profile", "graph", "sweep", "activations"])
def test_help_is_readable(command: str) -> None:
    text = run(*[word for word in (command, "--help") if word])
    assert text.startswith("Usage: python -m resnet_viz")
    assert text.isascii()  # whatever the terminal
    assert max(map(len, text.splitlines())) <= 80
    options = ["--model", "--blocks", "--input"] if command else ["profile", "activations"]
    for option in options:
        assert option in text


def test_no_command_prints_the_help() -> None:
    assert run() == run("--help")


def test_the_network_function_alone_makes_the_same_network() -> None:
    made = network(model="resnet34", classes=10)
    assert made.spec == replace(PRESETS["resnet34"], num_classes=10)
    assert made.input == preset_input("resnet34")
    with pytest.raises(SpecError, match="--depth"):
        network(model="resnet34", depth=34)


def test_the_dtypes_of_the_help_are_the_librarys() -> None:
    text = " ".join(run("profile", "--help").split())
    assert ", ".join(DTYPE_BYTES) in text


def test_interrupted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("resnet_viz.cli.cost_commands.evaluate", interrupt)
    assert main(["profile"]) == 130
    assert capsys.readouterr() == ("", "")


def test_a_bug_stays_visible(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("resnet_viz.cli.cost_commands.evaluate", broken)
    with pytest.raises(ZeroDivisionError):
        main(["profile"])
