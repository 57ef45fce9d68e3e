"""What to build: a network (`ResNetSpec`), its input (`InputSpec`) and the presets."""

from resnet_viz.network.spec.architecture import (
    CONVS_PER_BLOCK,
    EXPANSION,
    BlockKind,
    ResNetSpec,
    ShortcutKind,
    StemKind,
    StrideIn,
)
from resnet_viz.network.spec.input_spec import InputSpec
from resnet_viz.network.spec.limits import (
    MAX_BATCH,
    MAX_BLOCKS_PER_STAGE,
    MAX_CHANNELS,
    MAX_CLASSES,
    MAX_SIDE,
    MAX_STAGES,
)
from resnet_viz.network.spec.presets import PRESETS, preset_input, preset_name
from resnet_viz.network.spec.stage_lists import parse_blocks, parse_stages, stages_text

__all__ = [
    "CONVS_PER_BLOCK",
    "EXPANSION",
    "MAX_BATCH",
    "MAX_BLOCKS_PER_STAGE",
    "MAX_CHANNELS",
    "MAX_CLASSES",
    "MAX_SIDE",
    "MAX_STAGES",
    "PRESETS",
    "BlockKind",
    "InputSpec",
    "ResNetSpec",
    "ShortcutKind",
    "StemKind",
    "StrideIn",
    "parse_blocks",
    "parse_stages",
    "preset_input",
    "preset_name",
    "stages_text",
]
