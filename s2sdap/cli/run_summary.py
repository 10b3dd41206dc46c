"""What a corpus run came to, as the summary of its HTML report tells it."""

from collections.abc import Callable

from s2sdap.cli.html_report import HtmlReport, RunFacts
from s2sdap.debugger.corpus.attention import AttentionMap, attention_map
from s2sdap.debugger.corpus.run import Corpus
from s2sdap.decoding.planning import planner_for


def html_of(report: HtmlReport, corpus: Corpus, command: str, *, interrupted: bool = False) -> str:
    """The whole report of a run."""
    return report.text(_facts(report, corpus, command, interrupted=interrupted), _attention(corpus))


def _facts(report: HtmlReport, corpus: Corpus, command: str, *, interrupted: bool) -> RunFacts:
    counts, program = corpus.counts, corpus.program
    done = report.sentences
    rate = f", {done / counts.seconds:.1f} a second" if counts.seconds else ""
    mean = f"{report.logprob / report.tokens:.4f} nats a token" if report.tokens else "no tokens"
    how = (
        f"{counts.batched} in batches alone, {counts.again} again by themselves, {counts.alone} by themselves"
    )
    facts = [
        ("command", command),
        ("program", program.path or program.name),
        ("model", f"{corpus.model.name} ({corpus.model.fingerprint})"),
        ("sentences", f"{done} of {len(program.sentences)}"),
        ("not decoded", str(report.failed)),
        ("mean log-prob", mean),
        ("time", f"{counts.seconds:.2f} s{rate}"),
        ("decoded", how),
    ]
    if counts.tolerance:
        facts.append(
            (
                "batch against single run",
                f"log-probs were at most {counts.measured:.2g} nats apart where both ran; "
                f"whatever lay within {counts.tolerance:.2g} of a threshold or of another choice "
                "was decoded by itself",
            )
        )
    if counts.failed:
        facts.append(("batches that failed", f"{counts.failed}; the first: {counts.failure}"))
    if corpus.singly is not None:
        facts.append(("one by one", str(corpus.singly)))
    rules = {rule.rule.id: rule.condition.text for rule in corpus.rules}
    found = ", ".join(f"{rule} fired in {report.fired[rule]}" for rule in rules)
    headline = f"{done} sentences decoded; {found or 'no rule was armed'}."
    if interrupted:
        headline += " The run was interrupted: this is what there was until then."
    return RunFacts(f"s2sdap run: {program.name}", headline, facts, rules)


def _attention(corpus: Corpus) -> Callable[[int], AttentionMap | None]:
    program = corpus.program
    index = {sentence.line + 1: sentence.index for sentence in program.sentences}
    planner = planner_for(corpus.model, corpus.settings)
    return lambda line: attention_map(program, planner, index[line])
