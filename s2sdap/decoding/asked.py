"""What the edits of one step ask of its logits and its search, checked, row by row.

A row is a live hypothesis' place in the step's batch. Both searches, our own and that of a model's
library, read a person's wishes here.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from s2sdap.decoding.edits import (
    Edit,
    LogitEdit,
    PruneEdit,
    ReviveEdit,
    SettingEdit,
    SiteEdit,
    SourceEdit,
    TokenEdit,
)
from s2sdap.decoding.records import Snapshot
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.stages import Stage


@dataclass(frozen=True, slots=True)
class Asked:
    """What a step's search is told: tokens by row.

    `prefixed` are given by the forced prefix and `chosen` by a person: the only continuation of their
    row. `revived` continuations get a place beside whatever else their row proposes. `pruned` rows
    have no child.
    """

    prefixed: Mapping[int, int] = field(default_factory=dict)
    chosen: Mapping[int, int] = field(default_factory=dict)
    revived: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    pruned: frozenset[int] = frozenset()

    @property
    def forced(self) -> dict[int, int]:
        """The rows that have one continuation alone, and its token."""
        both = {**self.prefixed, **self.chosen}
        return {row: token for row, token in both.items() if row not in self.pruned}

    @property
    def drawn(self) -> dict[int, int]:
        """The token of each row that goes on with one alone, in greedy search and in a draw."""
        return {**self.forced, **{row: tokens[-1] for row, tokens in self.revived.items()}}

    def given(self, row: int) -> tuple[int, ...]:
        """The tokens of a row that are counted whatever the settings say of them."""
        if not (self.prefixed or self.chosen or self.revived):  # as in every step that nobody edits
            return ()
        forced = self.forced
        own = (forced[row],) if row in forced else ()
        return tuple(dict.fromkeys((*own, *self.revived.get(row, ()))))

    def at(self, places: Mapping[int, int]) -> "Asked":
        """The same of rows that stand elsewhere; one that has no place there is left out."""
        return Asked(
            {places[row]: token for row, token in self.prefixed.items() if row in places},
            {places[row]: token for row, token in self.chosen.items() if row in places},
            {places[row]: tokens for row, tokens in self.revived.items() if row in places},
            frozenset(places[row] for row in self.pruned if row in places),
        )

    @property
    def rows(self) -> frozenset[int]:
        """The rows for which a person asks for a continuation."""
        return frozenset((*self.chosen, *self.revived))

    def by_person(self, row: int, token: int) -> bool:
        """Whether a person asked for this very continuation."""
        return self.chosen.get(row) == token or token in self.revived.get(row, ())


def asked(
    edits: Sequence[Edit], rows: Mapping[int, int], vocabulary: int, prefixed: Mapping[int, int]
) -> Asked:
    """What the edits ask of the search. `rows` maps a live hypothesis to its row of the batch.

    Raises where one names what is not there, or two contradict each other.
    """
    chosen: dict[int, int] = {}
    revived: dict[int, tuple[int, ...]] = {}
    pruned: set[int] = set()
    for edit in edits:
        match edit:
            case TokenEdit():
                chosen[_row(edit, rows, vocabulary)] = edit.token
            case ReviveEdit():
                row = _row(edit, rows, vocabulary)
                revived[row] = (*revived.get(row, ()), edit.token)
            case PruneEdit():
                pruned.add(_row(edit, rows, vocabulary))
            case SourceEdit():
                raise S2sdapError("edit_unfit", what="The source", reason="it is read before the first step")
            case SiteEdit() | LogitEdit() | SettingEdit():
                pass
    hypotheses = {row: hypothesis for hypothesis, row in rows.items()}
    for row in (*chosen, *revived):
        if row in pruned:
            raise _clash(f"hypothesis {hypotheses[row]} is pruned, and a token is chosen for it")
    for row, tokens in revived.items():
        if row in chosen and set(tokens) != {chosen[row]}:
            raise _clash(f"hypothesis {hypotheses[row]} has one token chosen, and another one revived")
    _check_bans(edits, rows, prefixed, chosen, revived)
    return Asked(prefixed, chosen, revived, frozenset(pruned))


def check_places(wanted: int, places: int) -> None:
    """Refuse more choices of a person than there are places in the beam."""
    if wanted > places:
        plural = "place" if places == 1 else "places"
        raise _clash(f"{wanted} continuations are asked for, and the search has {places} {plural}")


def check_some_left(asked: Asked, before: Snapshot, rows: Sequence[int]) -> None:
    """Refuse to prune the last hypothesis of a sentence while none of it has finished.

    `rows` holds the row of each live hypothesis.
    """
    if not asked.pruned:
        return
    left = {each.sentence for each in before.finished}
    left |= {each.sentence for each, row in zip(before.live, rows, strict=True) if row not in asked.pruned}
    for hypothesis in before.live:
        if hypothesis.sentence not in left:
            raise S2sdapError("last_hypothesis", id=hypothesis.id)


def with_changes(logits: Tensor, edits: Sequence[Edit], rows: Mapping[int, int]) -> Tensor:
    """The logits [R, V] with what a person added to them; the very same where nobody did.

    Raises where the sum is no number, or no token is left.
    """
    changes = [edit for edit in edits if isinstance(edit, LogitEdit)]
    if not changes:
        return logits
    logits = logits.clone()
    for edit in changes:
        row = _row(edit, rows, logits.shape[-1])
        number = torch.tensor(edit.change, dtype=logits.dtype)
        value = logits[row, edit.token] + number.to(logits.device)
        banned = edit.change == -math.inf
        if not banned and not bool(torch.isfinite(number)):
            raise _no_number(edit)
        if bool(torch.isnan(value)) or bool(value == math.inf):
            raise _no_number(edit)
        logits[row, edit.token] = value
    for edit in changes:
        if bool((logits[rows[edit.hypothesis]] == -math.inf).all()):
            raise _clash(f"every token of hypothesis {edit.hypothesis} is banned")
    return logits


def check_bans_hold(logprobs: Tensor, edits: Sequence[Edit], rows: Mapping[int, int]) -> None:
    """Refuse bans that the settings leave no other token beside: none may come, or a banned one would."""
    for edit in edits:
        if not isinstance(edit, LogitEdit) or edit.change != -math.inf:
            continue
        row = logprobs[rows[edit.hypothesis]]
        if bool((row > -math.inf).sum() == 0) or bool(row[edit.token] > -math.inf):
            raise _clash(
                f"the settings leave hypothesis {edit.hypothesis} no token but those that are banned"
            )


def check_for_encoder(edits: Sequence[Edit]) -> None:
    """Refuse, before any step, whatever is not a change of a tensor."""
    for edit in edits:
        if not isinstance(edit, SiteEdit):
            if isinstance(edit, SourceEdit):
                raise S2sdapError("edit_unfit", what="The source", reason="another source is another decode")
            raise S2sdapError("no_step_here", stage=Stage.ENCODER)


def _row(
    edit: TokenEdit | ReviveEdit | PruneEdit | LogitEdit, rows: Mapping[int, int], vocabulary: int
) -> int:
    if edit.hypothesis not in rows:
        raise S2sdapError("unknown_thread", id=edit.hypothesis)
    if not isinstance(edit, PruneEdit) and not 0 <= edit.token < vocabulary:
        raise S2sdapError("unknown_token", token=f"#{edit.token}", nearest="")
    return rows[edit.hypothesis]


def _check_bans(
    edits: Sequence[Edit],
    rows: Mapping[int, int],
    prefixed: Mapping[int, int],
    chosen: Mapping[int, int],
    revived: Mapping[int, tuple[int, ...]],
) -> None:
    """A token that is asked for is counted as the model thinks of it: banned, it would count for nothing."""
    given = {**prefixed, **chosen}
    for edit in edits:
        if isinstance(edit, LogitEdit) and edit.change == -math.inf and edit.hypothesis in rows:
            row = rows[edit.hypothesis]
            if edit.token == given.get(row) or edit.token in revived.get(row, ()):
                raise _clash(
                    f"token #{edit.token} of hypothesis {edit.hypothesis} is banned and chosen at once"
                )


def _no_number(edit: LogitEdit) -> S2sdapError:
    return S2sdapError(
        "bad_value",
        value=edit.change,
        name=f"the logit of #{edit.token}",
        reason="the sum is not finite",
        expected="a finite number, or minus infinity to ban the token",
    )


def _clash(reason: str) -> S2sdapError:
    return S2sdapError("edits_clash", reason=reason[:1].upper() + reason[1:])
