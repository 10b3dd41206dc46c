"""The suite: every check with what it asks and what to do, run in order over one model."""

import contextlib
import logging
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from s2sdap.debugger.conformance import changing, describing, measuring, repeating, rows
from s2sdap.debugger.conformance.bench import DEFAULT_SOURCES, Absent, Bench, Broken
from s2sdap.debugger.conformance.report import Finding, Outcome, Report
from s2sdap.models.contract import Described
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.sites import ATTENTION_WEIGHTS

STEPS: Final = 12
"""Target tokens of each decode at most."""
TRACEBACK_LINES: Final = 6
MEND: Final = "Mend what the traceback shows"


@dataclass(frozen=True, slots=True)
class Check:
    """A check: what it asks, what to do where it fails, and the checks it builds on."""

    name: str
    asks: str
    remedy: str
    run: Callable[[Bench], str | Iterator[Finding]]
    needs: tuple[str, ...] = ()


CHECKS: Final[tuple[Check, ...]] = (
    Check(
        "contract",
        "everything that the contract asks for is there, and of the right kind",
        "Add what is missing: `s2sdap.models.contract` says what each part is, and "
        "`s2sdap.models.adapting.Adapter` has most of them ready",
        describing.contract,
    ),
    Check(
        "loading",
        "two loads of the same weights have the same fingerprint",
        "Make the fingerprint of the weights and the configuration alone, as `adapting.fingerprint_of` does: "
        "no time, no path, no `hash()`",
        describing.loading,
        ("contract",),
    ),
    Check(
        "layout",
        "the stages are in a possible order, the sites known and in that order, the sizes numbers",
        "List stages in the order in which they are computed, and sites by their names in the vocabulary; "
        "`adapting.layout_of` derives the stages",
        describing.layout,
        ("contract",),
    ),
    Check(
        "tokens",
        "every line becomes tokens with ids, the same ones each time",
        "Mend `tokenize`; if the lines are nothing for this model, give others with `--source`",
        describing.tokens,
        ("contract",),
    ),
    Check(
        "spans",
        "the span of each token lies in the line, in reading order, on what the token is written as",
        "Give spans in code points of the line as it was given, `None` for tokens that stand nowhere in it",
        describing.spans,
        ("tokens",),
    ),
    Check(
        "decode",
        "a greedy decode of every line comes to its end",
        "To have it in your own debugger, call `s2sdap.decode(model, line)`",
        repeating.decode,
        ("tokens", "layout"),
    ),
    Check(
        "vocabulary",
        "target pieces and ids lead to each other, and outputs are text",
        "Let `find(piece(i))` be a token that is written the same, and `text(encode(text))` the same text",
        describing.vocabulary,
        ("contract",),
    ),
    Check(
        "sites",
        "the sites that are announced are those that are probed, each once a step, stage after stage",
        "Probe what `layout.sites` names, where it is computed, and nothing else",
        measuring.sites,
        ("decode",),
    ),
    Check(
        "shapes",
        "every site has its axes: K first in a step, S source tokens, and L, H, V as in the layout",
        "Give the probe the axes that docs/architecture.md lists for the site; add axes of length 1 "
        "where there is one layer or head",
        measuring.shapes,
        ("decode",),
    ),
    Check(
        "numbers",
        "every number is finite, but for scores and logits that may be minus infinity",
        "Look for a division by 0, an overflow of a half precision, or a mask over everything",
        measuring.numbers,
        ("decode",),
    ),
    Check(
        "attention",
        "attention weights are 0 or more and sum to 1 over the source",
        "Probe after the softmax and before dropout, over all source tokens",
        measuring.attention,
        ("decode",),
    ),
    Check(
        "determinism",
        "a decode that is run twice leaves the same, bit for bit",
        "Call `eval()`, so that no dropout is left; draw no random numbers; keep no count of calls",
        repeating.determinism,
        ("decode",),
    ),
    Check(
        "independence",
        "two decodes in turns, step by step, leave the same as each by itself",
        "Keep nothing on `self` between calls: what a step needs belongs into `Encoded` or the state",
        repeating.independence,
        ("determinism",),
    ),
    Check(
        "snapshots",
        "every step can be run again from its snapshot, in any order, and nothing old has changed",
        "Return new tensors: no `+=`, `copy_` or slice assignment into a state, no list that grows; "
        "copy a cache that writes in place",
        repeating.snapshots,
        ("determinism",),
    ),
    Check(
        "neutrality",
        "the model computes the same whether or not it is watched",
        "Go on with what the probe returns and do nothing else that depends on the probe",
        repeating.neutrality,
        ("determinism",),
    ),
    Check(
        "select",
        "choosing rows of a state chooses rows of what follows, and no row reads another",
        "Let `select` index the first axis of every tensor in the state, as `adapting.select_rows` does, "
        "and let a step treat each row by itself",
        rows.select,
        ("snapshots",),
    ),
    Check(
        "beam",
        "beam search with 3 hypotheses works, and each output has the log-probs that it has alone",
        "See `select`; a step must take any number of rows",
        rows.beam,
        ("determinism",),
    ),
    Check(
        "choice",
        "a token that a person chose is written, and the next step reads it",
        "Let `step` read `tokens`, not what the model itself would have written; where it reads neither, "
        "say so with `Layout.reads_tokens`",
        changing.choice,
        ("snapshots",),
    ),
    Check(
        "identity",
        "an edit that sets what is there already leaves the run as it is, within what sums allow",
        "Read what the probe returned just as you would what it was given: no other shape, no other path",
        changing.identity,
        ("snapshots", "sites"),
    ),
    Check(
        "edits",
        "an edit at each site changes something that comes after it",
        "Go on with what the probe returned: `x = probe(site, x)`; do not announce a site that nothing reads",
        changing.edits,
        ("snapshots", "sites"),
    ),
)


def check_model(
    model: Described,
    sources: Sequence[str] = (),
    *,
    steps: int = STEPS,
    fingerprint: str | None = None,
) -> Report:
    """Run every check over `model`. Whatever the model raises is a failed check, and never comes out.

    Args:
        model: what is to be debugged: one that steps, or one that brings its library's search.
        sources: lines that it can read; without any its own `examples`, or some that any model can try.
        steps: target tokens of each decode at most, from 2.
        fingerprint: that of another load of the same model; without one `loading` has nothing to compare.
    """
    began = time.perf_counter()
    lines = tuple(sources) or _examples(model) or _readable(model)
    bench = Bench(model, lines, max(2, steps), fingerprint)
    findings: list[Finding] = []
    with _calm():
        for check in CHECKS:
            findings += _ran(check, bench, findings)
    return Report(
        model=_said(model, "name") or type(model).__name__,
        fingerprint=_said(model, "fingerprint"),
        sources=lines,
        findings=tuple(findings),
        seconds=time.perf_counter() - began,
    )


def check_loading(
    load: Callable[[], Described], name: str, sources: Sequence[str] = (), *, steps: int = STEPS
) -> Report:
    """Load twice, one model at a time in memory, and check the second.

    Raises what says that there is nothing to load (`S2sdapError`); what the model's own code raises is the
    failed check `loading`.
    """
    try:
        fingerprint = str(getattr(load(), "fingerprint", ""))
        model = load()
    except Exception as error:
        if isinstance(error, S2sdapError) and error.name != "model_failed":
            raise
        found = [_raised(_named("loading"), error)]
        for check in CHECKS:
            if check.name != "loading":
                found.append(Finding(check.name, Outcome.ABSENT, "there is no model to check"))
        return Report(name, "", tuple(sources), tuple(found), 0.0)
    return check_model(model, sources, steps=steps, fingerprint=fingerprint)


@contextlib.contextmanager
def _calm() -> Iterator[None]:
    """Keep transformers from advising about settings in each of many decodes."""
    log = logging.getLogger("transformers")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)


def _said(model: object, name: str) -> str:
    """What a model says of itself, empty where it says nothing or raises."""
    try:
        return str(getattr(model, name, "") or "")
    except Exception:  # `contract` tells of it
        return ""


def _examples(model: object) -> tuple[str, ...]:
    """The lines that a model brings to be tried with."""
    try:
        lines = tuple(getattr(model, "examples", ()))
    except Exception:  # it means something else by that name
        return ()
    return lines if all(isinstance(line, str) for line in lines) else ()


def _readable(model: Described) -> tuple[str, ...]:
    """Those of the default lines that the model has room for."""
    fitting = []
    for line in DEFAULT_SOURCES:
        try:
            limit = model.max_source_length
            if limit is None or len(model.tokenize(line).tokens) <= limit:
                fitting.append(line)
        except Exception:  # noqa: S112 - `tokens` or `contract` will say it
            continue
    return tuple(fitting[:3]) or DEFAULT_SOURCES[:2]


def _ran(check: Check, bench: Bench, earlier: Sequence[Finding]) -> list[Finding]:
    """The findings of one check."""
    bad = {each.check for each in earlier if each.outcome is not Outcome.PASS}
    if missing := [name for name in check.needs if name in bad]:
        return [Finding(check.name, Outcome.ABSENT, f"cannot be told before `{missing[0]}` passes")]
    if check.name == "loading" and bench.first_fingerprint is None:
        return [Finding(check.name, Outcome.ABSENT, "the model was given loaded")]
    if check.name == "attention" and ATTENTION_WEIGHTS not in bench.model.layout.sites:
        return [Finding(check.name, Outcome.ABSENT, "the model shows no attention weights")]
    try:
        found = check.run(bench)
        if isinstance(found, str):
            return [Finding(check.name, Outcome.PASS, found)]
        return [_with_remedy(check, each) for each in found]
    except Absent as why:
        return [Finding(check.name, Outcome.ABSENT, str(why))]
    except Broken as why:
        return [Finding(check.name, Outcome.FAIL, str(why), remedy=check.remedy)]
    except Exception as error:  # the model's own code: that it raises is what was asked
        return [_raised(check, error)]


def _with_remedy(check: Check, finding: Finding) -> Finding:
    return replace(finding, remedy=check.remedy) if finding.outcome is Outcome.FAIL else finding


def _raised(check: Check, error: Exception) -> Finding:
    """A failed check, with the last lines of the traceback."""
    said = " ".join(str(error).split())
    lines = "".join(traceback.format_exception(error)).rstrip().splitlines()
    return Finding(
        check.name,
        Outcome.FAIL,
        f"{type(error).__name__}: {said}" if said else type(error).__name__,
        remedy=MEND if check.name == "loading" else f"{MEND}. {check.remedy}",
        details="\n".join(lines[-TRACEBACK_LINES:]),
    )


def _named(name: str) -> Check:
    return next(check for check in CHECKS if check.name == name)
