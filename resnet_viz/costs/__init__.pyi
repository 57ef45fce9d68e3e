from .compute_limits import (
    MAX_MACS as MAX_MACS,
    picture_bytes as picture_bytes,
    require_cost as require_cost,
    require_macs as require_macs,
    smaller as smaller,
)
from .cost_plan import (
    Field as Field,
    Grid as Grid,
    Plan as Plan,
    Step as Step,
    make_plan as make_plan,
)
from .flop_counters import (
    LIKE as LIKE,
    SWITCHES as SWITCHES,
    Ledger as Ledger,
    count_rows as count_rows,
    counted as counted,
    entries as entries,
)
from .latency.measuring import (
    measure_network as measure_network,
    measure_operations as measure_operations,
    require_measurable as require_measurable,
)
from .latency.timings import (
    BATCHES as BATCHES,
    KINDS as KINDS,
    MAX_SECONDS as MAX_SECONDS,
    Latency as Latency,
    NetworkTimings as NetworkTimings,
    OperationTiming as OperationTiming,
    OperationTimings as OperationTimings,
    TimingSum as TimingSum,
    kind as kind,
    representatives as representatives,
    sums as sums,
)
from .memory_use import (
    OPTIMIZER_STATES as OPTIMIZER_STATES,
    Memory as Memory,
    largest_batch as largest_batch,
    memory as memory,
)
from .profile_records import (
    DownsampleProfile as DownsampleProfile,
    Integers as Integers,
    LayerProfile as LayerProfile,
    Profile as Profile,
    Shape as Shape,
    Totals as Totals,
)
from .profiling import (
    DTYPE_BYTES as DTYPE_BYTES,
    prefix_cost as prefix_cost,
    profile as profile,
    sweep as sweep,
)
from .receptive_field import receptive_field_of as receptive_field_of
from .shortened_networks import (
    TELLING_BLOCKS as TELLING_BLOCKS,
    field_growth as field_growth,
    short_plan as short_plan,
)
from .tensor_lifetimes import PARTS as PARTS
from .torchinfo_check import Witness as Witness, call_witness as call_witness
from .total_costs import totals as totals
