"""``python -m resnet_viz``: the command line of `resnet_viz.cli`."""

from __future__ import annotations

import sys

from resnet_viz.cli import main

if __name__ == "__main__":
    sys.exit(main())
