"""What setting a place to a written value means: the one way from text to edits.

`setVariable`, `setExpression` and the console's `place = value` all come here.
"""

from typing import Final

from s2sdap.debugger.editing import making
from s2sdap.debugger.editing.copying import Elsewhere, copied
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
from s2sdap.debugger.editing.reading import (
    LONGEST,
    Written,
    names_words,
    parse_numbers,
    parse_origin,
    parse_piece,
    parse_row,
    parse_setting,
    parse_tokens,
    parse_weight,
    parse_words,
)
from s2sdap.debugger.frames import Frame
from s2sdap.decoding.edits import Edit
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.errors import S2sdapError

ZERO: Final = ("0", "zero")
BANNED: Final = ("ban", "banned", "-inf")
PRUNED: Final = ("pruned", "prune")
SURVIVED: Final = ("survived", "survive", "revive")


def edits_meant(frame: Frame, place: Place, written: str, elsewhere: Elsewhere) -> tuple[Edit, ...]:
    """The edits that setting `place` to `written` means at `frame`.

    `elsewhere` finds the frame that numbers are copied from.
    """
    if len(written) > LONGEST:
        raise S2sdapError(
            "bad_value",
            value=written[:80],
            name="it",
            reason=f"it has {len(written)} characters",
            expected=f"{LONGEST} at most",
        )
    match place:
        case TokenPlace():
            return making.chosen(frame, parse_piece(written))
        case PrefixPlace():
            return making.prefix(frame, prefix_written(written))
        case WeightPlace(position, layer, head):
            return making.weight(frame, position, parse_weight(written), layer, head)
        case WordPlace(word, layer, head):
            return making.words(frame, [(word, parse_weight(written))], layer, head)
        case RowPlace(layer, head):
            origin = parse_origin(Written(written))
            if origin is not None and origin.neighbor is not None:
                reason = "an index holds states, not attention"
                name = sites.ATTENTION_WEIGHTS
                raise S2sdapError("nothing_to_copy", site=name, where="a neighbour", reason=reason)
            if origin is not None:
                there = elsewhere(frame, origin)
                return making.row(frame, there.attention(layer, head).double().tolist(), layer, head)
            if names_words(written):
                return making.words(frame, parse_words(Written(written)), layer, head)
            return making.row(frame, parse_row(written), layer, head)
        case TensorPlace():
            return _tensor(frame, place, written, elsewhere)
        case HypothesisPlace(hypothesis):
            _one_of(written, PRUNED, f"hypothesis {hypothesis}")
            return making.prune(frame, hypothesis)
        case CandidatePlace(hypothesis, token):
            _one_of(written, SURVIVED, "fate")
            return making.revive(frame, hypothesis, token)
        case SettingPlace(name):
            return making.settings(frame, {name: parse_setting(written)})
        case SourcePlace(first, last):
            text = source_written(written)
            if first is None:
                return making.source(frame, text)
            return making.source_part(frame, first, first if last is None else last, text)


def prefix_written(written: str) -> str | list[str | int]:
    """A prefix as people write it: tokens between brackets, or a text, in quotes or not."""
    reader = Written(written)
    tokens = parse_tokens(reader)
    if tokens is None:
        return parse_piece(written)
    reader.end()
    return tokens


def source_written(written: str) -> str:
    """A source as people write it: a text, in quotes or not."""
    return one_line(parse_piece(written))


def one_line(text: str) -> str:
    """A source text; refuses one of several lines."""
    if "\n" in text or "\r" in text:
        raise S2sdapError(
            "bad_value", value=text[:80], name="source", reason="it has a line end", expected="one line"
        )
    return text


def _tensor(frame: Frame, place: TensorPlace, written: str, elsewhere: Elsewhere) -> tuple[Edit, ...]:
    name, index, word = place.site, place.index, written.strip()
    if name == sites.PREDICTION_LOGITS and len(index) == 1 and word.lower() in BANNED:
        return making.ban(frame, [index[0]])
    origin = parse_origin(Written(written))
    if origin is not None:
        return copied(frame, name, index, origin, elsewhere)
    if word in ZERO:
        return making.zero(frame, name, index)
    numbers = parse_numbers(written, name)
    held = making.numbers_at(frame, name, index)
    if len(numbers) != len(held):
        raise S2sdapError(
            "bad_value",
            value=f"{len(numbers)} numbers",
            name=f"{name}{list(index) if index else ''}",
            reason=f"it has {len(held)}",
            expected="as many numbers as the place holds",
        )
    return making.site(frame, name, numbers, index)


def _one_of(written: str, words: tuple[str, ...], name: str) -> None:
    if parse_piece(written).lower() not in words:
        raise S2sdapError(
            "bad_value",
            value=written[:80],
            name=name,
            reason="it cannot become that",
            expected=f"`{words[0]}`",
        )
