"""The HTML report of `s2sdap run`: one file that needs nothing else, worst sentences first.

It asks no network for anything and runs no script. Every text of a corpus or a model is escaped. Colours
repeat what is also written.
"""

import base64
import hashlib
import heapq
import json
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from string import Template
from typing import Final

from s2sdap.cli.reopening import Opening
from s2sdap.cli.report import SentenceLine, StopLine, TokenLine, at_step
from s2sdap.debugger.corpus.attention import AttentionMap
from s2sdap.vocabulary.directions import apart

SHOWN: Final = 500
"""Sentences that are shown at most."""
MAPS: Final = 20
"""Of the worst of them the attention is shown, too."""
_SURE: Final = 0.9
"""Probabilities below this are written beside their tokens."""


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What the summary tells of a run: names and values, in their order."""

    title: str
    headline: str
    facts: Sequence[tuple[str, str]]
    rules: Mapping[str, str]
    """every rule that was armed, with its condition"""


class HtmlReport:
    """Collects the sentences of a run; keeps the worst of them, and numbers of all."""

    def __init__(self, opening: Opening) -> None:
        self._opening = opening
        self._worst: list[tuple[float, int, SentenceLine]] = []
        self.sentences = 0
        self.failed = 0
        self.tokens = 0
        self.logprob = 0.0
        self.fired: Counter[str] = Counter()

    def add(self, line: SentenceLine) -> None:
        """A sentence is decoded."""
        self.sentences += 1
        self.failed += line.error is not None
        self.tokens += len(line.tokens)
        self.logprob += sum(token.logp for token in line.tokens)
        self.fired.update({stop.rule for stop in line.stops if stop.rule is not None})
        entry = (-badness(line), -line.line, line)  # a heap gives up the least bad first
        if len(self._worst) < SHOWN:
            heapq.heappush(self._worst, entry)
        else:
            heapq.heappushpop(self._worst, entry)

    def text(self, facts: RunFacts, attention: Callable[[int], AttentionMap | None]) -> str:
        """The whole file. `attention` gives the map of the sentence on a line, from 1."""
        lines = [line for _, _, line in sorted(self._worst, key=lambda each: each[:2], reverse=True)]
        style = _resource("report.css")
        left = self.sentences - len(lines)
        order = (
            "First come sentences with an error, then those in which a rule fired on a token, the least "
            "likely token first, then those in which rules fired on the source alone, and then those "
            "without a finding; the last two by their least likely token. Tokens below "
            f"p = {_SURE} carry their probability; where a rule fired they are outlined."
            + (f" {left} more sentences are not shown." if left else "")
        )
        return Template(_resource("report.html")).substitute(
            style=style,
            style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
            title=escape(facts.title),
            headline=escape(facts.headline),
            summary="\n".join(_row(name, value) for name, value in facts.facts),
            rules=self._rules(facts.rules),
            order=escape(order),
            sentences="\n".join(
                self._sentence(line, attention(line.line) if number < MAPS else None)
                for number, line in enumerate(lines)
            ),
        )

    def _rules(self, rules: Mapping[str, str]) -> str:
        if not rules:
            return "<p>No rule was armed.</p>"
        rows = "\n".join(
            f'<tr><th scope="row">{escape(rule)}</th><td><code>{escape(condition)}</code></td>'
            f'<td class="number">{self.fired[rule]}</td></tr>'
            for rule, condition in rules.items()
        )
        return (
            "<table><caption>How many sentences each rule fired in</caption><thead><tr>"
            '<th scope="col">rule</th><th scope="col">condition</th><th scope="col">sentences</th>'
            f"</tr></thead><tbody>{rows}</tbody></table>"
        )

    def _sentence(self, line: SentenceLine, attention: AttentionMap | None) -> str:
        steps = {stop.step for stop in line.stops if stop.rule is not None}
        parts = [("source", escape(line.source))]
        if line.output is not None:
            parts.append(("output", escape(line.output)))
            written = (_token(token, fired=step in steps) for step, token in enumerate(line.tokens))
            parts.append(("tokens", " ".join(written)))
        if line.reference is not None:
            parts.append(("reference", escape(line.reference)))
        if line.error is not None:
            parts.append(("error", escape(line.error.text)))
        if line.batched:
            parts.append(("numbers", "of a batch: their last digits may be off"))
        told = "\n".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in parts)
        score = "" if line.final is None else f", score {line.final:.3f}"
        findings = "\n".join(self._finding(line, stop) for stop in line.stops)
        return (
            f"<article>\n<h3>Line {line.line}{score}</h3>\n<dl>{told}</dl>\n{findings}\n"
            f"{'' if attention is None else heat_map(attention)}\n</article>"
        )

    def _finding(self, line: SentenceLine, stop: StopLine) -> str:
        numbers = {"p": stop.p, "entropy": stop.entropy, "margin": stop.margin, "rank": stop.rank}
        told = ", ".join(f"{name} {value:.4g}" for name, value in numbers.items() if value is not None)
        best = ", ".join(f"{apart(repr(each.piece))} {each.p:.3f}" for each in stop.best)
        what = stop.rule or "error"
        out = [
            f"<p><strong>{escape(what)}</strong>{at_step(stop)}: {escape(stop.text)}"
            + (f"<br>{escape(told)}" if told else "")
            + (f"<br>likeliest: {escape(best)}" if best else "")
            + "</p>"
        ]
        if stop.command is not None:
            out.append(f"<pre><code>{escape(stop.command)}</code></pre>")
        if stop.rule is not None and stop.condition is not None:
            entry = self._opening.configuration(line.line, stop.step, stop.rule, stop.condition)
            if entry is not None:
                shown = json.dumps(entry, indent=2, ensure_ascii=False)
                out.append(
                    "<details><summary>The same in an editor, as an entry of launch.json</summary>"
                    f"<pre><code>{escape(shown)}</code></pre></details>"
                )
        return "\n".join(out)


def badness(line: SentenceLine) -> float:
    """How a sentence is ordered: lower is worse.

    One with an error has 0. Those in which a rule fired on a token follow, by the lowest probability that it
    fired on, then those in which rules fired on the source alone, which says nothing of how likely the output
    is, and then the others; these two by their least likely token.
    """
    if line.error is not None or any(stop.error is not None for stop in line.stops):
        return 0.0
    fired = [0.0 if stop.p is None else stop.p for stop in line.stops if stop.step is not None]
    if fired:
        return min(fired)
    return (1.0 if line.stops else 2.0) + min((token.p for token in line.tokens), default=0.0)


def heat_map(attention: AttentionMap) -> str:
    """The attention as a table: a row a target token, a column a source token."""
    head = "".join(f'<th scope="col">{escape(_visible(piece))}</th>' for piece in attention.source)
    rows = "\n".join(
        f'<tr><th scope="row">{escape(_visible(piece))}</th>'
        + "".join(_heat(weight) for weight in weights)
        + "</tr>"
        for piece, weights in zip(attention.target, attention.weights, strict=False)
    )
    return (
        "<details><summary>Attention of the output over the source</summary>"
        '<table class="heat"><caption>Weights in hundredths, averaged over layers and heads</caption>'
        f"<thead><tr><td></td>{head}</tr></thead><tbody>\n{rows}\n</tbody></table></details>"
    )


def _heat(weight: float) -> str:
    level = 0 if math.isnan(weight) else min(max(int(weight * 10), 0), 9)
    mark = f' class="h{level}"' if level else ""
    return f"<td{mark}>{weight * 100:.0f}</td>"


def _token(token: TokenLine, *, fired: bool) -> str:
    level = min(int(token.p * 10), 9) if token.p == token.p else 0
    classes = " ".join(["token", *([f"p{level}"] if level < 9 else []), *(["fired"] if fired else [])])
    number = f"<sub>{token.p:.2f}</sub>" if token.p < _SURE else ""
    return f'<span class="{classes}" title="p = {token.p:.4g}">{escape(_visible(token.piece))}{number}</span>'


def _visible(piece: str) -> str:
    """A piece with its spaces and control characters to be seen."""
    return "".join(
        "␣" if char == " " else char if char.isprintable() else char.encode("unicode_escape").decode()
        for char in piece
    )


def _row(name: str, value: str) -> str:
    return f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>'


def _resource(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
