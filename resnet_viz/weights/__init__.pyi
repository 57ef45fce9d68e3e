from .checkpoints.adaptation import first_conv_choices as first_conv_choices
from .checkpoints.reading import read_checkpoint as read_checkpoint
from .checkpoints.receipt import Receipt as Receipt
from .checkpoints.recognition import same_architecture as same_architecture
from .loading import LoadedWeights as LoadedWeights, load as load, load_weights as load_weights
from .mismatch_error import MismatchError as MismatchError
from .published.downloading import Progress as Progress
from .published.fetching import cached as cached, fetch as fetch
from .published.imagenet import (
    PUBLISHED as PUBLISHED,
    WeightsFile as WeightsFile,
    published_name as published_name,
    weights_file as weights_file,
)
from .safetensors_export import safetensors_bytes as safetensors_bytes
from .sources import (
    DEFAULT_WEIGHTS as DEFAULT_WEIGHTS,
    FIRST_CONVS as FIRST_CONVS,
    FirstConv as FirstConv,
    Source as Source,
    parse_source as parse_source,
)
