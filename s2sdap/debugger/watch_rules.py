"""Watch rules: what counts as suspicious in a decode. The protocol calls them exception filters.

A rule is a name, a text for people and a condition over the fields of a frame that a person can
replace. It is asked about the leading hypothesis when its token has been chosen; some are asked about
the output when a sentence has come to its end, or about the source before it is read.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from s2sdap.debugger.expressions import Expression, compile_expression
from s2sdap.debugger.fields import FIELDS, OF_TRAINING
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.errors import S2sdapError


class Asked(Enum):
    """When a rule is asked."""

    STEP = "when a token has been chosen, about the leading hypothesis"
    END = "when a sentence has come to its end, about its output"
    SOURCE = "when a sentence begins, about its source"


@dataclass(frozen=True, slots=True)
class WatchRule:
    """A rule as it is listed: its id, label, what it means and the condition it starts with.

    `numbers` are the fields that tell what it found, `advice` what to look at next. `needs` are the
    sites without which it has nothing to look at.
    """

    id: str
    label: str
    meaning: str
    condition: str
    advice: str
    numbers: tuple[str, ...] = ()
    asked: Asked = Asked.STEP
    needs: tuple[str, ...] = ()


LOW_CONFIDENCE: Final = WatchRule(
    "lowConfidence",
    "Low confidence",
    "The chosen token's probability is below a threshold.",
    "p < 0.5",
    "Look at the runners-up in Prediction: force one of them, and see whether the output mends.",
)
_ATTENDS: Final = (sites.ATTENTION_WEIGHTS,)
_RULES: Final = (
    LOW_CONFIDENCE,
    WatchRule(
        "highEntropy",
        "High entropy",
        "The distribution over target tokens is spread out (entropy in nats).",
        "entropy > 2",
        "See in Prediction what the model hesitates between, and in Attention what it read.",
    ),
    WatchRule(
        "smallMargin",
        "Small margin",
        "The two likeliest tokens are nearly as likely.",
        "margin < 0.1",
        "Force the second one: a small margin is where a decode may as well have gone the other way.",
    ),
    WatchRule(
        "unknownToken",
        "Unknown target token",
        "The model wrote the unknown token.",
        "unknown",
        "See which source word it attends to: it may lack that word, or the target its translation.",
        ("focus",),
    ),
    WatchRule(
        "unknownSource",
        "Unknown source token",
        "The source has tokens that the model does not know.",
        "len(unknown_source) > 0",
        "Replace the word by one that the model knows, and see what changes in the output.",
        ("unknown_source",),
        Asked.SOURCE,
    ),
    WatchRule(
        "repetition",
        "Repetition",
        "The last tokens have been written before (an n-gram comes again).",
        "repeats >= 4",
        "See whether attention goes back to where it was; `noRepeatNgram` forbids it.",
        ("repeats",),
    ),
    WatchRule(
        "attentionCollapse",
        "Attention collapse",
        "Attention has stayed on one source token for several steps, with nearly all of its weight.",
        "focus_run >= 4 and attention[focus] > 0.9",
        "Move the attention of this step to the next word, and see whether the decode goes on from there.",
        ("focus", "focus_run"),
        needs=_ATTENDS,
    ),
    WatchRule(
        "attentionOnEnd",
        "Attention on padding or the end",
        "Attention is on source tokens that stand nowhere in the text: the end, padding, a language mark.",
        "special_attention > 0.9",
        "Harmless in single heads; where all look there, see whether the token needs the source at all.",
        ("special_attention",),
        needs=_ATTENDS,
    ),
    WatchRule(
        "uncoveredSource",
        "Source left uncovered",
        "A source token has received hardly any attention by the end of the output.",
        "least_coverage < 0.05",
        "Find the word in `coverage`: was its content left out? A coverage penalty may mend it.",
        ("least_coverage",),
        Asked.END,
        _ATTENDS,
    ),
    WatchRule(
        "referencePruned",
        "Reference pruned",
        "The hypothesis that follows the reference has fallen off the beam.",
        "reference_lost",
        "Ask `s2s/reference` where it went and by how much; try a wider beam, or revive it.",
        ("reference_token", "reference_rank", "reference_p"),
    ),
    WatchRule(
        "referenceRank",
        "Reference token ranked low",
        "Given the reference so far, its next token is not among the likeliest.",
        "reference_rank >= 5",
        "The prediction is to blame unless attention or state are: ask for the verdict.",
        ("reference_token", "reference_rank", "reference_p"),
    ),
    WatchRule(
        "emptyOutput",
        "Empty output",
        "The model wrote nothing.",
        'output == ""',
        "See at step 0 what came second to the end symbol; `minLength` forbids it.",
        ("length",),
        Asked.END,
    ),
    WatchRule(
        "overlongOutput",
        "Over-long output",
        "The output is much longer than the source.",
        "length > 3 * len(source) + 10",
        "See whether it repeats itself, and from which step on the source is covered.",
        ("length",),
        Asked.END,
    ),
    WatchRule(
        "farFromTraining",
        "Far from training",
        "The state that predicts this token is farther from every training state than those are from theirs.",
        "training_percentile > 99",
        "Look at its neighbours: what do they predict, and was it ever trained on a source like this one?",
        ("training_distance", "training_percentile"),
    ),
    WatchRule(
        "notFinite",
        "NaN or infinity",
        "A number of this step is a NaN or an infinity.",
        "not_finite != None",
        "The site that is named is the first in the order of computation: look at what it was computed from.",
        ("not_finite",),
    ),
)
WATCH_RULES: Final[dict[str, WatchRule]] = {rule.id: rule for rule in _RULES}
MODEL_ERROR: Final = "modelError"
"""The filter under which a failure of the model stops a run. It has no condition, and is on by default."""


def rules_for(known: Collection[str] | None) -> list[WatchRule]:
    """The rules that a model with these sites can be watched by; `None` while it is not known."""
    return [
        rule for rule in WATCH_RULES.values() if known is None or all(site in known for site in rule.needs)
    ]


@dataclass(frozen=True, slots=True)
class ArmedRule:
    """A rule with the condition that is in force."""

    rule: WatchRule
    condition: Expression

    @property
    def words(self) -> str:
        """What a fault of its condition is about: columns are counted in what stands in quotes."""
        return _words(self.rule.id, self.condition.text)

    @property
    def of_training(self) -> bool:
        """Whether it needs an index of training states."""
        return not OF_TRAINING.isdisjoint((*self.condition.names, *self.rule.numbers))

    def fires(self, fields: Mapping[str, object]) -> bool:
        """Whether the step is suspicious."""
        return bool(self.condition(fields))


def arm(rule: str, condition: str | None = None) -> ArmedRule:
    """Arm the rule of that id, under its own condition unless another is given."""
    if rule not in WATCH_RULES:
        raise S2sdapError("unknown_watch_rule", rule=rule, known=", ".join(WATCH_RULES))
    found = WATCH_RULES[rule]
    return ArmedRule(found, compile_expression(condition or found.condition, FIELDS))


def _words(rule: str, condition: str) -> str:
    return f"In `{condition}` of {rule}"


_WRITTEN = re.compile(r"\s*(\w+)\s*(?:\((.*)\))?\s*", re.DOTALL)


def parse_rule(text: str) -> ArmedRule:
    """A rule as people type it: `lowConfidence`, or `lowConfidence(p < 0.3)`."""
    match = _WRITTEN.fullmatch(text)
    if match is None:
        raise _no_rule(text)
    try:
        return arm(match[1], match[2])
    except S2sdapError as error:
        if error.name == "unknown_watch_rule":
            raise
        raise error.about(_words(match[1], match[2] or "")) from None


_OPENED = re.compile(r"\s*\w+\s*\(")
_IN_BRACKETS = re.compile(r"""\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|[^()]|(?P<bracket>[()])""", re.DOTALL)
"""A string, a bracket, or any other character."""


def _no_rule(text: str) -> S2sdapError:
    """Why a text that is not written as a rule is none."""
    opened = _OPENED.match(text)
    if opened is None:
        return S2sdapError("unknown_watch_rule", rule=text, known=", ".join(WATCH_RULES))
    column, reason, depth = len(text) + 1, "the bracket of the rule is not closed", 1
    for each in _IN_BRACKETS.finditer(text, opened.end()):
        depth += {"(": 1, ")": -1, None: 0}[each["bracket"]]
        if not depth:
            column, reason = _next_word(text, each.end()) + 1, "something follows the bracket of the rule"
            break
    return S2sdapError("expression_syntax", column=column, reason=reason).about(f"In `{text}`")


def _next_word(text: str, start: int) -> int:
    return len(text) - len(text[start:].lstrip())
