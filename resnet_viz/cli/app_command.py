"""The command ``app``: starts the web app."""

from __future__ import annotations

import runpy
import sys
from importlib.util import find_spec

import typer

from resnet_viz.app_files import app_script
from resnet_viz.errors import ResNetVizError

__all__ = ["app"]


def app(context: typer.Context) -> None:
    """Start the web app. Options are those of "streamlit run", such as --server.port 8502."""
    if not all(map(_is_installed, ("streamlit", "plotly"))):
        raise ResNetVizError(
            "The web app needs Streamlit and Plotly, which are not installed; "
            'install them with pip install "resnet-viz[app]".'
        )
    # In this process, so that signals reach the server on every platform.
    sys.argv = ["streamlit", "run", str(app_script()), *context.args]
    runpy.run_module("streamlit", run_name="__main__", alter_sys=True)


def _is_installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ValueError:  # imported before, without a specification
        return False
