"""What a place shows once it has been set."""

import math
from collections.abc import Sequence

from s2sdap.debugger.descriptions import number, plain, tensor, text
from s2sdap.debugger.editing.meaning import PRUNED, SURVIVED
from s2sdap.debugger.editing.places import (
    CandidatePlace,
    HypothesisPlace,
    Place,
    PrefixPlace,
    RowPlace,
    SettingPlace,
    SourcePlace,
    TensorPlace,
    TokenPlace,
    WeightPlace,
    WordPlace,
)
from s2sdap.debugger.editing.words import positions
from s2sdap.debugger.session import Session
from s2sdap.decoding.edits import Edit, SettingEdit, TokenEdit
from s2sdap.vocabulary.sites import SITES


def value_after(session: Session, place: Place, edits: Sequence[Edit]) -> str:
    """The value of `place` at the cursor, where `edits` have set it."""
    frame = session.frame
    match place:
        case TokenPlace():
            return text(frame.piece(frame.token))
        case PrefixPlace():
            return text(frame.decode.model.target.text([e.token for e in edits if isinstance(e, TokenEdit)]))
        case WeightPlace(position, layer, head):
            return number(float(frame.attention(layer, head)[position]))
        case WordPlace(word, layer, head):
            at = positions(word, frame.source.text, frame.attended)
            return number(math.fsum(frame.attention(layer, head)[at].tolist()))
        case RowPlace(layer, head):
            row: list[float] = frame.attention(layer, head).double().tolist()
            return "[" + ", ".join(number(weight) for weight in row) + "]"
        case TensorPlace(site, index):
            axes = SITES[site].axes.split()[len(index) :]
            return tensor("", frame.site(site)[index], " ".join(axes)).value
        case HypothesisPlace():
            return text(PRUNED[0])
        case CandidatePlace():
            return text(SURVIVED[0])
        case SettingPlace():
            return plain("", next(e.value for e in edits if isinstance(e, SettingEdit))).value
        case SourcePlace():
            return text(frame.source.text)
