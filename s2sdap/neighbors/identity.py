"""Which model an index is of, so that another one's is refused and not read as if it were its own."""

import hashlib
from typing import Final

import msgspec

from s2sdap.models.contract import Described
from s2sdap.neighbors.manifest import ModelIdentity
from s2sdap.vocabulary.errors import S2sdapError

PROBES: Final = (
    "The 24th of October 2030, at 7:45 p.m.",
    "Straße, Äpfel und œuvre – «naïve» 100 %",
    "  two  spaces\tand a tab, UPPER lower",
    "日本語 한국어 العربية русский 🎉",
)
"""Lines whose tokens tell one tokenizer from another."""


def identity_of(
    model: Described, spec: str, *, dtype: str | None = None, revision: str | None = None
) -> ModelIdentity:
    """What an index keeps of its model. `spec`, `dtype` and `revision` are how it was loaded."""
    return ModelIdentity(
        spec=spec,
        name=model.name,
        fingerprint=model.fingerprint,
        tokenizer=tokenizer_of(model),
        dtype=dtype,
        revision=revision,
    )


def tokenizer_of(model: Described) -> str:
    """16 hexadecimal digits that tell tokenizers apart: by the target pieces, and the tokens of `PROBES`.

    Where a line of text is no source, as for a model of speech, the target side alone tells.
    """
    digest = hashlib.sha256()
    pieces = [model.target.piece(token) for token in range(len(model.target))]
    digest.update(msgspec.msgpack.encode((pieces, model.target.bos, model.target.eos)))
    for line in PROBES:
        digest.update(msgspec.msgpack.encode(model.target.encode(line)))
        try:
            source = model.tokenize(line)
        except S2sdapError:
            continue
        digest.update(msgspec.msgpack.encode([token.id for token in source.tokens]))
    return digest.hexdigest()[:16]


def check_model(path: str, indexed: ModelIdentity, model: Described) -> None:
    """Refuse an index of another model.

    Raises:
        S2sdapError: `index_other_model`.
    """
    check_identity(path, indexed, identity_of(model, model.name))


def check_identity(path: str, indexed: ModelIdentity, model: ModelIdentity) -> None:
    """The same of what is kept of two models. Raises `index_other_model`."""
    if indexed.fingerprint != model.fingerprint:
        reason = f"weights and configuration have the fingerprint {indexed.fingerprint} there, "
        reason += f"{model.fingerprint} here"
    elif indexed.tokenizer != model.tokenizer:
        reason = f"the weights are the same, but the tokenizer is {indexed.tokenizer} there, "
        reason += f"{model.tokenizer} here"
    else:
        return
    raise S2sdapError(
        "index_other_model", path=path, found=_called(indexed), model=_called(model), reason=reason
    )


def _called(model: ModelIdentity) -> str:
    """A model by its name, and where it was loaded from: many folders are called `model`."""
    return model.name if model.spec == model.name else f"{model.name} ({model.spec})"
