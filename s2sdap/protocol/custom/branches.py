"""The branches of a sentence, and the ways back and forth over its edits."""

from typing import Annotated, Final

from msgspec import Meta

from s2sdap.protocol.arguments import Arguments as _Camel
from s2sdap.protocol.arguments import Nothing
from s2sdap.protocol.custom.editing import EditBody

BRANCHES = "s2s/branches"
SWITCH_BRANCH = "s2s/switchBranch"
NAME_BRANCH = "s2s/nameBranch"
DROP_BRANCH = "s2s/dropBranch"
UNDO = "s2s/undo"
REDO = "s2s/redo"
GOTO = "s2s/goto"


class BranchArguments(_Camel):
    """`s2s/switchBranch` and `s2s/dropBranch`: a branch by its id."""

    branch: int


class NameBranchArguments(_Camel):
    """`s2s/nameBranch`: what to call a branch; an empty name takes it back."""

    branch: int
    name: Annotated[str, Meta(max_length=200)]


class GotoStepArguments(_Camel):
    """`s2s/goto`: a computed step of the current branch, -1 for the encoder; by default its last stage."""

    step: int
    stage: str | None = None


class GotoStepBody(_Camel):
    """Answer to `s2s/goto`: where the cursor is."""

    step: int
    stage: str
    hypothesis: int


class BranchBody(_Camel):
    """A branch: `fork` is the step at which it left `parent`, `edits` those in force, a line each.

    `steps` are those that are computed. `output` and `score` are there once it has come to its end,
    `source` where another text than the sentence's is read.
    """

    id: int
    name: str
    parent: int | None
    fork: int
    current: bool
    edits: list[str]
    steps: int
    output: str | None = None
    score: float | None = None
    source: str | None = None
    error: str | None = None


class BranchesBody(_Camel):
    """Answer to `s2s/branches`: those of the sentence at the cursor."""

    branches: list[BranchBody]


_MESSAGES: Final = (
    (BRANCHES, Nothing, BranchesBody),
    (SWITCH_BRANCH, BranchArguments, EditBody),
    (NAME_BRANCH, NameBranchArguments, BranchesBody),
    (DROP_BRANCH, BranchArguments, BranchesBody),
    (UNDO, Nothing, EditBody),
    (REDO, Nothing, EditBody),
    (GOTO, GotoStepArguments, GotoStepBody),
)
_PARTS: Final = (BranchBody,)
