"""The options that describe a network and its input, written once for all commands."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Annotated, Any, Final, get_args

import typer

from resnet_viz.errors import SpecError
from resnet_viz.network.spec import (
    PRESETS,
    InputSpec,
    ResNetSpec,
    parse_blocks,
    parse_stages,
    preset_input,
)

__all__ = ["Network", "network", "takes_network", "takes_two_networks"]

_DEFAULT_MODEL: Final = "resnet50"


@dataclass(frozen=True, slots=True)
class Network:
    """What a command works on.

    Attributes:
        spec: The network.
        input: Its input, the channels filled in.
    """

    spec: ResNetSpec
    input: InputSpec


def network(
    model: Annotated[
        str | None,
        typer.Option(help=f"Start from {', '.join(PRESETS)}.", show_default=_DEFAULT_MODEL),
    ] = None,
    input: Annotated[  # noqa: A002
        str | None,
        typer.Option(metavar="CxHxW", help="Like 3x224x224, which is usual; 3x32x32 for CIFAR's."),
    ] = None,
    depth: Annotated[
        int | None, typer.Option(metavar="N", help="Instead of --model: any depth.")
    ] = None,
    block: Annotated[str | None, typer.Option(help="basic or bottleneck.")] = None,
    blocks: Annotated[
        str | None, typer.Option(metavar="N,N,...", help="Blocks per stage, like 3,4,6,3.")
    ] = None,
    stem: Annotated[str | None, typer.Option(help="imagenet, small or deep.")] = None,
    base_width: Annotated[
        int | None, typer.Option(metavar="N", help="Planes of the first stage.")
    ] = None,
    groups: Annotated[
        int | None, typer.Option(metavar="N", help="Groups of a bottleneck's 3x3.")
    ] = None,
    width_per_group: Annotated[
        int | None, typer.Option(metavar="N", help="Channels per group, at 64 planes.")
    ] = None,
    stride_in: Annotated[
        str | None, typer.Option(help="A bottleneck's strided convolution: 3x3 or 1x1.")
    ] = None,
    shortcut: Annotated[
        str | None, typer.Option(help="projection, avgpool_projection or zero_pad.")
    ] = None,
    strides: Annotated[
        str | None,
        typer.Option(metavar="N,N,...", help="Stride of each stage, 1 or 2; usually 1,2,2,2."),
    ] = None,
    dilations: Annotated[
        str | None,
        typer.Option(
            metavar="N,N,...", help="Dilation of each stage; 1,1,2,4 in place of strides."
        ),
    ] = None,
    classes: Annotated[int | None, typer.Option(metavar="N", help="Outputs.")] = None,
    zero_init_residual: Annotated[
        bool | None,
        typer.Option(
            "--zero-init-residual/--no-zero-init-residual", help="Start each block as identity."
        ),
    ] = None,
) -> Network:
    """The network and the input that the shared options describe.

    Raises:
        SpecError: They do not describe one.
    """
    base, usual = _starting_point(model, depth, block, blocks)
    size = usual if input is None else InputSpec.parse(input)
    chosen = {
        "block": block,
        "blocks": None if blocks is None else parse_blocks(blocks),
        "stem": stem,
        "base_width": base_width,
        "groups": groups,
        "width_per_group": width_per_group,
        "stride_in": stride_in,
        "shortcut": shortcut,
        "strides": None if strides is None else parse_stages("strides", strides),
        "dilations": None if dilations is None else parse_stages("dilations", dilations),
        "in_channels": size.channels,
        "num_classes": classes,
        "zero_init_residual": zero_init_residual,
    }
    changes: dict[str, Any] = {name: value for name, value in chosen.items() if value is not None}
    return Network(replace(base, **changes), size)


def _starting_point(
    model: str | None, depth: int | None, block: str | None, blocks: str | None
) -> tuple[ResNetSpec, InputSpec]:
    """The network that the other options change, and its usual input."""
    if depth is not None:
        if model is not None or blocks is not None:
            raise SpecError(
                "--depth already says how many blocks there are: give it without --model and "
                "--blocks, or leave it out."
            )
        spec = ResNetSpec.from_depth(depth, block)  # type: ignore[arg-type]
        return spec, InputSpec(channels=spec.in_channels)
    name = _DEFAULT_MODEL if model is None else model
    if name not in PRESETS:
        raise SpecError(f"There is no model {name[:40]!r}; choose one of {', '.join(PRESETS)}.")
    return PRESETS[name], preset_input(name)


def takes_network(command: Callable[..., None]) -> Callable[..., None]:
    """Put the options of `network` where a command has its first parameter.

    Typer reads a command's options off its signature: the new one is the parameters of both.
    """
    shared = _shared()

    @wraps(command)
    def run(**options: Any) -> None:
        described = network(**{name: options.pop(name) for name in shared})
        command(described, **options)

    return _signed(run, (*shared.values(), *_own(command, 1)))


def takes_two_networks(command: Callable[..., None]) -> Callable[..., None]:
    """Put those options, and a second set of them, where a command has its first two parameters.

    The second set begins with ``--with-``. What it leaves out is as in the first network, unless
    it names a model or a depth; then only the input is.
    """
    shared = _shared()
    second = {f"{_WITH}{name}": _with(parameter) for name, parameter in shared.items()}

    @wraps(command)
    def run(**options: Any) -> None:
        first = {name: options.pop(name) for name in shared}
        other = {name: options.pop(f"{_WITH}{name}") for name in shared}
        anew = other["model"] is not None or other["depth"] is not None
        inherited = {"input": first["input"]} if anew else first
        given = {name: value for name, value in other.items() if value is not None}
        if "blocks" in given and first["depth"] is not None and not anew:
            # What the depth stood for, but for the blocks.
            kind = network(**first).spec.block
            inherited = inherited | {"depth": None, "block": first["block"] or kind}
        nothing = dict.fromkeys(shared)
        command(network(**first), network(**(nothing | inherited | given)), **options)

    return _signed(run, (*shared.values(), *second.values(), *_own(command, 2)))


_WITH: Final = "with_"


def _shared() -> dict[str, Parameter]:
    return dict(signature(network, eval_str=True).parameters)


def _own(command: Callable[..., None], networks: int) -> list[Parameter]:
    """A command's parameters after those for the networks."""
    return list(signature(command, eval_str=True).parameters.values())[networks:]


def _with(parameter: Parameter) -> Parameter:
    """The same option for the second network."""
    kind, option = get_args(parameter.annotation)
    option = copy(option)
    if isinstance(option.default, str):  # inside Annotated the names of an option stand there
        option.default = option.default.replace("--", "--with-")
    option.show_default = False  # it is the first network's
    option.help = "Of the second network."
    return parameter.replace(name=f"{_WITH}{parameter.name}", annotation=Annotated[kind, option])


def _signed(run: Callable[..., None], parameters: tuple[Parameter, ...]) -> Callable[..., None]:
    """A command with the options that Typer is to read."""
    keywords = [p.replace(kind=Parameter.KEYWORD_ONLY) for p in parameters]
    run.__signature__ = Signature(keywords)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in keywords}
    return run
