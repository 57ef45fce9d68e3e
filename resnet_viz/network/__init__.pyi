from .devices import (
    available_devices as available_devices,
    compute as compute,
    require_memory as require_memory,
    resolve_device as resolve_device,
)
from .display_names import model_name as model_name, network_at as network_at
from .layer_graph import (
    INPUT as INPUT,
    LayerGraph as LayerGraph,
    Operation as Operation,
    Pair as Pair,
    extent as extent,
    find_output as find_output,
    output_paths as output_paths,
    read_graph as read_graph,
    trace as trace,
)
from .model import ResNet as ResNet, build_model as build_model
from .operation_names import OPERATION_NAMES as OPERATION_NAMES
from .private_copies import (
    as_paths as as_paths,
    borrowing_copy as borrowing_copy,
    private_pass as private_pass,
    run_and_record as run_and_record,
)
from .residual_blocks import BlockParts as BlockParts, block_parts as block_parts
from .source_lines import Excerpt as Excerpt, code_of as code_of
from .spec import (
    CONVS_PER_BLOCK as CONVS_PER_BLOCK,
    MAX_BATCH as MAX_BATCH,
    MAX_CHANNELS as MAX_CHANNELS,
    MAX_CLASSES as MAX_CLASSES,
    MAX_SIDE as MAX_SIDE,
    MAX_STAGES as MAX_STAGES,
    PRESETS as PRESETS,
    BlockKind as BlockKind,
    InputSpec as InputSpec,
    ResNetSpec as ResNetSpec,
    ShortcutKind as ShortcutKind,
    StemKind as StemKind,
    StrideIn as StrideIn,
    parse_blocks as parse_blocks,
    parse_stages as parse_stages,
    preset_input as preset_input,
    preset_name as preset_name,
    stages_text as stages_text,
)
from .spec.stage_strides import MAX_DILATION as MAX_DILATION
from .validation import choice as choice, integer as integer, parse_integer as parse_integer
