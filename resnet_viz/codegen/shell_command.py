"""The command line that describes a network and its input."""

from __future__ import annotations

import shlex
from dataclasses import fields, replace
from typing import Final

from resnet_viz.network.spec import PRESETS, InputSpec, ResNetSpec, preset_input

__all__ = ["command_line"]

_OPTIONS: Final = {"num_classes": "classes"}  # fields whose options have other names
_BY_INPUT: Final = "in_channels"


def command_line(spec: ResNetSpec, input: InputSpec, command: str = "code") -> str:  # noqa: A002
    """The shortest call of this package's command line for a network at an input size.

    Args:
        spec: The network.
        input: Its input; the batch is left out, as only some commands have it.
        command: What to do with them.

    Raises:
        SpecError: The input's channels are not the network's.
    """
    size = input.for_network(spec)
    words = ["python", "-m", "resnet_viz", command]
    name = min(PRESETS, key=lambda each: len(_options(spec, PRESETS[each])))
    words += ["--model", name]
    if size != replace(preset_input(name), batch=size.batch):
        words += ["--input", f"{size.channels}x{size.height}x{size.width}"]
    return shlex.join([*words, *_options(spec, PRESETS[name])])


def _options(spec: ResNetSpec, base: ResNetSpec) -> list[str]:
    """What has to be said of a network that starts from another."""
    words: list[str] = []
    for field in fields(spec):
        value = getattr(spec, field.name)
        if field.name == _BY_INPUT or value == getattr(base, field.name):
            continue
        option = "--" + _OPTIONS.get(field.name, field.name).replace("_", "-")
        if isinstance(value, bool):
            words.append(option if value else option.replace("--", "--no-", 1))
        else:
            text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
            words += [option, text]
    return words
