"""Scopes: what a frame shows, one group a stage and one for the settings.

A stage that the frame has not come to yet shows nothing; one that the model lacks does not appear.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from s2sdap.debugger.descriptions import (
    Description,
    Scope,
    group,
    listing,
    number,
    plain,
    tensor,
    text,
)
from s2sdap.debugger.edit_lists import told
from s2sdap.debugger.editing.left_sides import SHORT
from s2sdap.debugger.editing.places import (
    CandidatePlace,
    HypothesisPlace,
    PrefixPlace,
    RowPlace,
    SettingPlace,
    SourcePlace,
    TensorPlace,
    TokenPlace,
    WeightPlace,
)
from s2sdap.debugger.field_values import FieldValues
from s2sdap.debugger.fields import FIELDS
from s2sdap.debugger.frames import Frame
from s2sdap.decoding.records import Candidates, Fate, Hypothesis, Reason
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.directions import apart
from s2sdap.vocabulary.sites import SITES
from s2sdap.vocabulary.stages import Stage

TOP: Final = 10
"""How many of the likeliest tokens are listed."""
_ROW: Final = "attention over the source; sums to 1: set numbers, or word=0.7 and the rest goes in proportion"


@dataclass(frozen=True, slots=True)
class _Group:
    """A stage's scope: its title and what fills it."""

    stage: Stage
    title: str
    items: Callable[[Frame], list[Description]]


def scopes_of(frame: Frame) -> list[Scope]:
    """The scopes of a frame, the one at its own stage first."""
    stages = frame.decode.model.layout.stages
    reached = stages[: stages.index(frame.stage) + 1]
    groups = [_come(frame, each) for each in _GROUPS if each.stage in reached]
    groups.sort(key=lambda each: (each.stage is not frame.stage, -stages.index(each.stage)))
    scopes = [Scope(each.title, partial(each.items, frame)) for each in groups]
    if frame.training is not None and frame.training.problem is None:
        scopes.append(Scope("Neighbours", partial(_neighbours, frame), expensive=True, slow=True))
    return [*scopes, Scope("Settings", partial(_settings, frame), expensive=True)]


def _come(frame: Frame, whole: _Group) -> _Group:
    """A stage's scope; of a stage that has come in parts, the tensors that are there."""
    if whole.stage is not frame.stage or frame.part is None or frame.part.complete:
        return whole
    return replace(whole, items=lambda within: _tensors(within, whole.stage))


def _neighbours(frame: Frame) -> list[Description]:
    return [] if frame.training is None else frame.training.scope_items(frame)


def _prediction(frame: Frame) -> list[Description]:
    fields = FieldValues(frame)
    best = frame.top_tokens(TOP)
    editable = frame.record is not None
    items = [
        Description(
            "token",
            text(fields["token"]),
            "target token",
            expression="token",
            edit=TokenPlace() if editable else None,
        ),
        *(plain(name, fields[name], expression=name) for name in ("p", "logp", "rank", "entropy", "margin")),
        group(
            "top",
            ", ".join(
                f"{apart(text(frame.piece(token)))} {math.exp(value):.3f}" for token, value in best[:3]
            ),
            [
                Description(f"{place}: {frame.piece(token)}", f"p = {math.exp(value):.6g}", f"token #{token}")
                for place, (token, value) in enumerate(best)
            ],
            kind="likeliest tokens",
        ),
    ]
    return items + _tensors(frame, Stage.PREDICTION)


def _attention(frame: Frame) -> list[Description]:
    tokens = frame.attended
    weights = frame.site(sites.ATTENTION_WEIGHTS)
    layers, heads = weights.shape[0], weights.shape[1]
    focus = frame.focus() or 0
    items = [
        Description("focus", f"{focus}: {tokens[focus].piece}", "source token", expression="focus"),
        _row(frame, "weights", None, None),
    ]
    if layers * heads > 1:
        items.append(
            group(
                "heads",
                f"{layers} layers of {heads} heads",
                [
                    _row(frame, f"L{layer}.H{head}", layer, head)
                    for layer in range(layers)
                    for head in range(heads)
                ],
                kind="attention",
            )
        )
    return items + _tensors(frame, Stage.ATTENTION, without=(sites.ATTENTION_WEIGHTS,))


def _row(frame: Frame, name: str, layer: int | None, head: int | None) -> Description:
    """An attention row with one child a source token, each of which can be set."""
    tokens = frame.attended
    row = frame.attention(layer, head)
    values: list[float] = row.double().tolist()
    order = sorted(range(len(values)), key=lambda index: -values[index])[:3]

    def make(index: int) -> Description:
        return Description(
            f"{index}: {tokens[index].piece}",
            number(values[index]),
            "attention weight",
            expression=f"attention[{index}]" if layer is None else None,
            edit=WeightPlace(index, layer, head),
        )

    shown = ", ".join(f"{apart(tokens[index].piece)} {values[index]:.3f}" for index in order)
    listed = listing(name, shown, len(values), make, kind=_ROW)
    return Description(
        listed.name,
        listed.value,
        listed.type,
        listed.children,
        "attention" if layer is None else None,
        RowPlace(layer, head),
        memory=row.float(),
    )


def _search(frame: Frame) -> list[Description]:
    record = frame.record
    if record is None:
        return []
    hypothesis = frame.hypothesis
    after = record.after
    items = [
        replace(
            plain("output", frame.decode.model.target.text(hypothesis.tokens), expression="output"),
            edit=PrefixPlace(),
        ),
        plain("score", hypothesis.score, expression="score"),
        plain("final", hypothesis.final),
        listing(
            "candidates",
            f"{len(record.candidates)} looked at",
            len(record.candidates),
            lambda index: _candidate(frame, index),
            kind="candidates",
        ),
        _hypotheses(frame, "began with", record.before.live, editable=True),
        _hypotheses(frame, "live", after.live, editable=True),
        _hypotheses(frame, "finished", after.finished),
        plain("ended", after.ended),
    ]
    if record.edits:
        items.append(
            group(
                "edits",
                f"{len(record.edits)}",
                [plain(str(n), told(e, frame.piece)) for n, e in enumerate(record.edits)],
            )
        )
    return items


def _candidate(frame: Frame, index: int) -> Description:
    record = frame.record
    if record is None:
        raise AssertionError("candidates belong to a step")
    candidates = record.candidates
    fate, reason = Fate(int(candidates.fate[index])), Reason(int(candidates.reason[index]))
    parent = record.before.live[int(candidates.parent[index])]
    why = f" ({reason.name.lower()})" if reason else ""
    piece = frame.piece(int(candidates.token[index]))
    fields: dict[str, object] = {
        "parent": parent.id,
        "token": piece,
        "logp": float(candidates.logprob[index]),
        "score": float(candidates.score[index]),
        "length term": candidates.length_term,
        "coverage term": float(candidates.coverage_term[index]),
        "final": float(candidates.final[index]),
        "fate": fate.name.lower(),
        "reason": reason.name.lower(),
    }
    if candidates.child[index] >= 0:
        fields["child"] = int(candidates.child[index])
    revived = CandidatePlace(parent.id, int(candidates.token[index]))
    parts = [
        replace(plain(name, value), edit=revived if name == "fate" and fate is Fate.PRUNED else None)
        for name, value in fields.items()
    ]
    if candidates.processed:
        stages = [plain(name, float(scores[index])) for name, scores in candidates.processed]
        parts.append(group("processors", _changed_by(candidates, index), stages, indexed=False))
    return group(
        str(index),
        f"{text(piece)} {float(candidates.score[index]):.4f} {fate.name.lower()}{why}",
        parts,
        kind="candidate",
        indexed=False,
    )


def _changed_by(candidates: Candidates, index: int) -> str:
    """The names of the processors that changed a candidate's score."""
    stages = zip(candidates.processed, candidates.processed[1:], strict=False)
    names = [name for (_, before), (name, after) in stages if before[index] != after[index]]
    return f"changed by {', '.join(names)}" if names else "changed by none"


def _hypotheses(
    frame: Frame, name: str, hypotheses: tuple[Hypothesis, ...], *, editable: bool = False
) -> Description:
    target = frame.decode.model.target

    def make(index: int) -> Description:
        each = hypotheses[index]
        return Description(
            f"hypothesis {each.id}",
            f"{text(target.text(each.tokens))} {each.score:.4f}",
            "hypothesis; set to `pruned`" if editable else "hypothesis",
            edit=HypothesisPlace(each.id) if editable else None,
        )

    return listing(name, f"{len(hypotheses)}", len(hypotheses), make, kind="hypotheses")


def _decoder(frame: Frame) -> list[Description]:
    before = frame.before
    read = before.token if before.parent is not None else frame.decode.model.target.bos
    tensors = _tensors(frame, Stage.DECODER)
    if not frame.decode.model.layout.reads_tokens:
        return tensors
    return [Description("reads", text(frame.piece(read)), "target token"), *tensors]


def _encoder(frame: Frame) -> list[Description]:
    tokens = frame.source.tokens

    def make(index: int) -> Description:
        token = tokens[index]
        seen = "" if token.known else f" (the model sees {token.seen})"
        return Description(
            str(index),
            f"{text(token.piece)}{seen}",
            f"source token #{token.id}",
            expression=f"source[{index}]",
            edit=None if token.span is None else SourcePlace(index),
        )

    unknown = sum(1 for token in tokens if not token.known)
    summary = f"{len(tokens)} tokens" + (f", {unknown} unknown" if unknown else "")
    return [
        replace(plain("text", frame.source.text), edit=SourcePlace()),
        *(
            [plain("reference", frame.sentence.reference, expression="reference")]
            if frame.sentence.reference
            else []
        ),
        replace(
            listing("source", summary, len(tokens), make, kind="source tokens"),
            expression="source",
            edit=SourcePlace(),
        ),
        *_tensors(frame, Stage.ENCODER),
    ]


def _settings(frame: Frame) -> list[Description]:
    model = frame.decode.model
    settings = frame.decode.settings_shown((frame.record or frame.encoder).after)
    missing = model.layout.missing
    return [
        plain("model", model.name),
        plain("fingerprint", model.fingerprint),
        plain("device", str(model.device)),
        plain("parameters", model.layout.parameters),
        group("sizes", "", [plain(name, size) for name, size in model.layout.sizes], indexed=False),
        group(
            "sites",
            f"{len(model.layout.sites)}",
            [plain(s, f"[{SITES[s].axes}] {SITES[s].meaning}") for s in model.layout.sites],
            indexed=False,
        ),
        *(
            [group("missing", f"{len(missing)}", [plain(s, why) for s, why in missing], indexed=False)]
            if missing
            else []
        ),
        group(
            "search",
            f"{len(settings)} settings",
            [
                replace(plain(each.name, each.value), type=each.origin, edit=SettingPlace(each.name))
                for each in settings
            ],
            indexed=False,
        ),
    ]


def _tensors(frame: Frame, stage: Stage, without: tuple[str, ...] = ()) -> list[Description]:
    """Every tensor that the model has at a stage."""
    short = {site: name for name, site in SHORT.items()}
    out: list[Description] = []
    for name, site in SITES.items():
        value = frame.site_or_none(name) if site.stage is stage and name not in without else None
        if value is None:
            continue
        label: Callable[[int], str] | None = None
        if site.axes.endswith("V"):
            label = frame.piece
        elif site.axes.endswith("S"):
            label = _source_piece(frame)
        shown = short.get(name, name)
        place = None if name == sites.PREDICTION_LOGPROBS else TensorPlace(name)
        expression = shown if shown in FIELDS else None
        if name == sites.PREDICTION_LOGPROBS:
            expression = "logprobs"
        out.append(
            tensor(name.split(".")[1], value, site.axes, expression=expression, label=label, edit=place)
        )
    return out


def _source_piece(frame: Frame) -> Callable[[int], str]:
    tokens = frame.attended
    return lambda index: tokens[index].piece


_GROUPS: Final = (
    _Group(Stage.SEARCH, "Search", _search),
    _Group(Stage.PREDICTION, "Prediction", _prediction),
    _Group(Stage.ATTENTION, "Attention", _attention),
    _Group(Stage.DECODER, "Decoder", _decoder),
    _Group(Stage.ENCODER, "Encoder", _encoder),
)
