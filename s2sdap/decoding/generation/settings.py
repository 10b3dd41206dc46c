"""Settings of a decode by the model's own `generate`. Free of torch and transformers.

Names are those of transformers' `GenerationConfig`; they are checked against it, and against the
model, when the plan is made.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta


class GenerationSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a launch says of the decode; what it leaves out is as the model's folder has it.

    `given` are `GenerationConfig` names with their values; `prefix` is target text that every output
    begins with, `seed` is set before every sentence, `max_source_length` refuses longer sources.
    """

    given: dict[str, Any] = msgspec.field(default_factory=dict)
    prefix: Annotated[str, Meta(max_length=100_000)] = ""
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    max_source_length: Annotated[int, Meta(ge=1, le=1_000_000)] = 100_000
