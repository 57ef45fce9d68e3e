"""Run the library from a terminal: ``python -m resnet_viz``.

Each command takes the whole network; its options stand once, in `network`. An error that the
user can fix is one sentence on standard error, with exit status 2.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import typer

from resnet_viz.cli import app_command, cost_commands, feature_commands, sizing_commands
from resnet_viz.errors import ResNetVizError

__all__ = ["app", "main"]

app = typer.Typer(
    name="python -m resnet_viz",
    help="Any ResNet at any input size: its shapes, costs, graph and feature maps.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for _command in (
    *(cost_commands.profile, cost_commands.graph, cost_commands.sweep),
    *(
        sizing_commands.compare,
        sizing_commands.coach,
        sizing_commands.code,
        sizing_commands.weights,
    ),
    feature_commands.activations,
):
    app.command()(_command)
app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(
    app_command.app
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line.

    Args:
        arguments: Its words; left out, those of this process.

    Returns:
        The exit status: 0; 2 for an error that the user can fix, reported in one sentence on
        standard error; 130 when interrupted.
    """
    words = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    command = typer.main.get_command(app)
    try:
        with command.make_context(app.info.name, words) as context:
            command.invoke(context)
    except typer.Exit as ending:
        return ending.exit_code
    except typer.TyperException as error:
        return _refuse(error.format_message())
    except ResNetVizError as error:
        return _refuse(str(error))
    except BrokenPipeError:
        # Else Python tries to write the rest once more as it shuts down.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _refuse("Standard output was closed before everything was written.")
    except OSError as error:
        what = f" {str(error.filename)!r}" if error.filename else ""
        return _refuse(f"The file{what} cannot be used: {error.strerror or error}.")
    except (KeyboardInterrupt, typer.Abort):
        return 130
    return 0


def _refuse(message: str) -> int:
    """Write an error message on one line; return exit status 2."""
    line = " ".join("".join(c if c.isprintable() else " " for c in message).split())
    sys.stderr.write(line if line.endswith((".", "?", "!")) else f"{line}.")
    sys.stderr.write("\n")
    return 2
