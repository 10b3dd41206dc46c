"""A watch rule's finding, put at the words of the source that it is about."""

import math

from s2sdap.debugger.covering import covered_words
from s2sdap.debugger.frames import Frame
from s2sdap.debugger.stops import Finding
from s2sdap.debugger.watch_rules import WATCH_RULES, Asked
from s2sdap.language.decoded import FoundHere, Rival
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.positions import Span


def found_at(frame: Frame, finding: Finding, step: int) -> FoundHere:
    """A finding at its source spans; `frame` is the one at which the run stopped for it, at `step`.

    Of a step it is the word that was attended to most, of the source what the model does not know, of an
    output the word that was covered least; where none of those can be told it is the whole sentence.
    """
    rule = WATCH_RULES[finding.rule]
    whole = (Span(0, len(frame.sentence.text)),)
    text = f"{rule.label}: {finding.text}"
    if rule.asked is Asked.SOURCE:
        unknown = [each.span for each in frame.source.tokens if not each.known and each.span is not None]
        return FoundHere(rule.id, finding.condition, text, finding.advice, -1, tuple(unknown) or whole)
    if rule.asked is Asked.END:
        spans = _least_covered(frame) if "least_coverage" in rule.numbers else None
        return FoundHere(rule.id, finding.condition, text, finding.advice, step, spans or whole)
    span = frame.span() if frame.record is not None else None
    text += f", at step {step}"
    chosen = frame.chosen
    if chosen is None:
        return FoundHere(
            rule.id, finding.condition, text, finding.advice, step, whole if span is None else (span,)
        )
    rivals = [each for each in frame.top_tokens(2) if each[0] != chosen.token]
    return FoundHere(
        rule.id,
        finding.condition,
        text,
        finding.advice,
        step,
        whole if span is None else (span,),
        Rival(chosen.token, frame.piece(chosen.token), math.exp(chosen.logprob)),
        frame.before.id,
        Rival(rivals[0][0], frame.piece(rivals[0][0]), math.exp(rivals[0][1])) if rivals else None,
    )


def _least_covered(frame: Frame) -> tuple[Span, ...]:
    if sites.ATTENTION_WEIGHTS not in frame.decode.model.layout.sites:
        return ()
    covered = frame.attention_matrix().sum(dim=0).double().tolist()
    words = covered_words(frame.source, covered)
    return (min(words, key=lambda word: word[1])[0],) if words else ()
