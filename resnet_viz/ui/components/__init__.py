"""What the components of our own share: hearing picks, pictures for the browser, the tooltip."""

from __future__ import annotations

from pathlib import Path
from typing import Final

__all__ = ["TIP_CSS"]

# Put before the style of a component, which is one sheet.
TIP_CSS: Final = Path(__file__).with_name("tip.css").read_text(encoding="utf-8")
