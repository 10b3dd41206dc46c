"""A session in a file: saving it, and running it again."""

from typing import Final

import msgspec

from s2sdap.protocol.arguments import Arguments as _Camel

SAVE = "s2s/save"
REPLAY = "s2s/replay"


class SaveArguments(_Camel):
    """`s2s/save`: write the session to `path`, a whole path on the adapter's machine.

    What is there already is replaced only if it is a session file. `sites` says which tensors are kept:
    "all", "light" or names of sites.
    """

    path: str
    sites: str | list[str] = "all"


class SaveBody(_Camel):
    """Answer to `s2s/save`: the file, its bytes, and how many sentences and steps it holds."""

    path: str
    size: int
    sentences: int
    steps: int


class ReplayArguments(_Camel):
    """`s2s/replay`: run a recording again with a model, and say where it differs.

    `path` names a session file, by default that of the launch. `model` is spelt as in a launch, by default
    the one that the recording names.
    """

    path: str | None = None
    model: str | None = None


class DifferenceBody(_Camel):
    """A difference at a step, -1 for reading the source.

    `kind` is source, site, candidates, tokens, score, end or refused; `largest` the largest difference of
    a number, absent where it is not finite.
    """

    step: int
    kind: str
    name: str
    text: str
    recorded: str | None = None
    replayed: str | None = None
    largest: float | None = None


class BranchReplayBody(_Camel):
    """A branch run again: the steps that were compared, and the first difference.

    `parted` is where tokens went apart or an edit was refused, after which nothing is compared; `widest` the
    largest difference of each site up to there, in its own numbers.
    """

    sentence: int
    branch: int
    name: str
    steps: int
    text: str
    first: DifferenceBody | None = None
    parted: DifferenceBody | None = None
    widest: dict[str, float | None] = msgspec.field(default_factory=dict)
    recorded: str | None = None
    replayed: str | None = None


class ReplayBody(_Camel):
    """Answer to `s2s/replay`: is it the same model, by its hash, and is every bit the same?"""

    same_model: bool
    identical: bool
    recorded_model: str
    recorded_fingerprint: str
    model: str
    fingerprint: str
    text: str
    branches: list[BranchReplayBody]


_MESSAGES: Final = ((SAVE, SaveArguments, SaveBody), (REPLAY, ReplayArguments, ReplayBody))
_PARTS: Final = (BranchReplayBody, DifferenceBody)
