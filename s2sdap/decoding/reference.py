"""A reference as the tokens that a decode would have to choose to write it, and the decode that does.

Teacher forcing here is a token edit a step, so it goes through the very step that search goes
through, under the same settings, and every plan can do it.
"""

from collections.abc import Generator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import msgspec

from s2sdap.decoding.changed_settings import room_of
from s2sdap.decoding.edits import TokenEdit
from s2sdap.decoding.plan import Plan
from s2sdap.decoding.records import EncoderRecord, Hypothesis, StepRecord
from s2sdap.decoding.step import Decode
from s2sdap.models.tokens import TargetVocabulary, whole
from s2sdap.vocabulary.errors import S2sdapError


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference: its text, the tokens that write it, the end symbol included where there is one.

    `unknown` are the parts of the text that the vocabulary lacks: the tokens cannot write those. A text in
    which the unknown token itself stands, as in a corpus that was cut to a vocabulary, lacks nothing there.
    """

    text: str
    tokens: tuple[int, ...]
    unknown: tuple[str, ...]


def reference_of(plan: Plan, encoder: EncoderRecord, text: str) -> Reference:
    """The reference `text` as `plan` would have to write it, what its settings force first included."""
    target = plan.model.target
    tokens = reference_tokens(target, encoder, text)
    return Reference(text, tokens, unknown_parts(target, text, target.encode(text)))


def reference_tokens(target: Any, encoder: EncoderRecord, text: str) -> tuple[int, ...]:
    """The tokens alone, of a `TargetVocabulary`, for those who ask at every step."""
    written = _written(target, text)
    end = (target.eos,) if target.eos >= 0 else ()
    prepared: Any = encoder.encoded
    forced = getattr(getattr(prepared, "config", None), "forced_bos_token_id", None)
    first = forced_first(forced, prepared.ids.shape[1], written) if isinstance(forced, int) else ()
    return (*first, *written, *end)


def forced_first(forced: Any, begun: int, tokens: tuple[int, ...]) -> tuple[int, ...]:
    """The token that a library's settings put first (a language, say), where `tokens` do not begin with it.

    `forced` is what the settings say; it takes hold where just one token, the begin symbol, has been read.
    """
    return (forced,) if isinstance(forced, int) and begun == 1 and tokens[:1] != (forced,) else ()


@lru_cache(maxsize=64)
def _written(target: Any, text: str) -> tuple[int, ...]:
    return whole(target, text)


def unknown_parts(target: TargetVocabulary, text: str, tokens: tuple[int, ...]) -> tuple[str, ...]:
    """The characters of `text` that became the unknown token, or the words where those are tokens."""
    unknown = target.unknown
    if unknown is None or unknown not in tokens:
        return ()
    try:
        characters = [each for each in text if unknown in target.encode(each)]
        if len(characters) == tokens.count(unknown):
            return tuple(dict.fromkeys(characters))
        words = [word for word in text.split() if unknown in target.encode(word)]
        return tuple(dict.fromkeys(word for word in words if word != target.piece(unknown)))
    except S2sdapError:  # a recording has no tokenizer
        return (target.piece(unknown),)


def forced_steps(
    plan: Plan, encoder: EncoderRecord, tokens: tuple[int, ...], sentence: int = 0
) -> Generator[StepRecord, None, Hypothesis]:
    """Write `tokens` whatever the model would choose; yields the record of every step.

    Of a batch, `sentence` is the one that is forced. Returns the hypothesis as far as it came: the
    settings may end it before its last token.
    """
    node = next(each for each in encoder.after.live if each.sentence == sentence)
    before = encoder.after
    for token in tokens:
        mine = [each for each in before.live if each.sentence == sentence]
        edits = tuple(TokenEdit(before.step, each.id, token) for each in mine)
        record = plan.step(encoder, before, edits)
        before = record.after
        node = next(
            each for each in (*before.live, *before.finished) if each.parent is node and each.token == token
        )
        yield record
        if node.finished or before.ended:
            break
    return node


def with_room_for(plan: Plan, length: int) -> Plan:
    """`plan` as one that may write `length` tokens, and writes one hypothesis at a time.

    Only our own search can be told; a plan of a library's goes by the library's settings.
    """
    if not isinstance(plan, Decode):
        return plan
    longest = max(plan.settings.max_length, min(length, room_of(plan.model) or length))
    settings = msgspec.structs.replace(plan.settings, beam_size=1, n_best=1, max_length=longest)
    return replace(plan, settings=settings)
