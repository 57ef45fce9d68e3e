from .advice.advice_records import (
    Conditions as Conditions,
    Diagnosis as Diagnosis,
    Effect as Effect,
    Kind as Kind,
    Mend as Mend,
)
from .advice.diagnosing import diagnose as diagnose
from .advice.transferable_weights import Weights as Weights
from .comparison.alignment import align as align
from .comparison.comparing import (
    ComparedLayer as ComparedLayer,
    Comparison as Comparison,
    compare as compare,
)
from .comparison.wording import multiple as multiple, share_text as share_text
from .costs_by_size import (
    Formulas as Formulas,
    SizeMap as SizeMap,
    formulas as formulas,
    size_map as size_map,
)
from .input_fit import (
    convolutions as convolutions,
    field_exceeds as field_exceeds,
    overhang as overhang,
    reads_one_cell as reads_one_cell,
    unread as unread,
)
from .tradeoffs.network_candidates import candidates as candidates, pareto_front as pareto_front
from .tradeoffs.series import (
    Over as Over,
    Point as Point,
    Series as Series,
    number as number,
    series_over as series_over,
)
