"""One decode step of a model with attention, opened up and computed again by hand, part by part.

    python examples/attention_steps/by_hand.py               # Luong's, the bundled model
    python examples/attention_steps/by_hand.py --model DIR   # any recurrent model with attention

The debugger stops at every part; beside its numbers stand those of the formula, from the model's own weights.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated

import torch
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from torch import Tensor

from s2sdap import Session
from s2sdap.cli.outcomes import ending_in_one_line
from s2sdap.debugger.stops import StopReason
from s2sdap.vocabulary import sites


@dataclass(frozen=True)
class Opened:
    """A part of the step: what the debugger says there, the formula, and how far the two are apart."""

    number: int
    told: str
    formula: str
    error: float | None


def parts(session: Session, step: int) -> Iterator[Opened]:
    """Walk through step `step`, the first is 0, part by part."""
    while session.cursor.step < step - 1:
        if session.next().reason is StopReason.END:
            raise typer.BadParameter(f"the decode ends before step {step}")
    number = 0
    while True:
        stop = session.step_part()
        if stop.reason is StopReason.END or session.cursor.step > step:
            if not number:
                raise typer.BadParameter(f"the decode ends before step {step}")
            return
        part = session.frame.part
        if part is None:  # search has chosen
            word = f"{session.cursor.stage}: takes {session.evaluate('token')!r}"
            yield Opened(number + 1, word, "the best of all hypotheses' tokens by log-probability", None)
            return
        number += 1
        formula, value = FORMULAS.get(part.name, ("", None))
        error = None
        if value is not None:
            expected = value(session)
            error = float((session.frame.site(part.name).reshape(expected.shape) - expected).abs().max())
        yield Opened(number, stop.text, formula, error)


def _query(session: Session) -> Tensor:
    """The state that asks: the new one, or in a model that attends first the one before."""
    frame = session.frame
    if session.model.network.config.attention_query == "current":
        return frame.site(sites.DECODER_STATE)
    if frame.before.parent is None:
        return session.model.network.begin(frame.encoder.encoded).hidden[-1][0]
    return frame.records[frame.before.step].sites[sites.DECODER_STATE][frame.before.row]


def _scores(session: Session) -> Tensor:
    attention, states = session.model.network.attention, session.frame.site(sites.ENCODER_STATES)
    query = _query(session)
    if attention.kind == "dot":
        return states @ query
    keys = states @ attention.key_projection.weight.T
    if attention.kind == "general":
        return keys @ query
    asked = attention.query_projection(query)
    return torch.tanh(keys + asked) @ attention.energy.weight[0]


def _features(session: Session) -> Tensor:
    network, frame = session.model.network, session.frame
    both = torch.cat((frame.site(sites.ATTENTION_CONTEXT), frame.site(sites.DECODER_STATE)))
    made: Tensor = network.attentional(both)
    return torch.tanh(made) if network.config.attentional_activation == "tanh" else made


FORMULAS: dict[str, tuple[str, Callable[[Session], Tensor] | None]] = {
    "inputs": ("E[y], s before", None),
    sites.DECODER_LAYERS: ("s = cell(E[y], s before)", None),
    sites.DECODER_STATE: (
        "s, of the top layer",
        lambda session: session.frame.site(sites.DECODER_LAYERS)[-1],
    ),
    sites.ATTENTION_SCORES: ("e_j = h_j W s, or v tanh(W s + U h_j)", _scores),
    sites.ATTENTION_WEIGHTS: (
        "a = softmax(e)",
        lambda session: session.frame.site(sites.ATTENTION_SCORES)[0, 0].softmax(-1),
    ),
    sites.ATTENTION_CONTEXT: (
        "c = sum of a_j h_j",
        lambda session: session.frame.attention() @ session.frame.site(sites.ENCODER_STATES),
    ),
    "together": ("[c; s]", None),
    sites.PREDICTION_FEATURES: ("tanh(W [c; s])", _features),
    sites.PREDICTION_LOGITS: (
        "W o + b",
        lambda session: session.model.network.output(session.frame.site(sites.PREDICTION_FEATURES)),
    ),
    sites.PREDICTION_LOGPROBS: (
        "log softmax",
        lambda session: session.frame.site(sites.PREDICTION_LOGITS).log_softmax(-1),
    ),
}


def main(
    *,
    model: Annotated[str, typer.Option(help="The bundled model, or a checkpoint's folder.")] = "dates",
    source: Annotated[str, typer.Option(help="What to decode.")] = "March 3, 1999",
    step: Annotated[int, typer.Option(help="The step to open, the first is 0.", min=0)] = 6,
) -> None:
    """Print the parts of a step as a table."""
    torch.set_num_threads(1)
    session = Session.open(model=model, source=source)
    session.start()
    table = Table("", "at the stop", "by hand", "difference", title=f"step {step} of {source!r}")
    with torch.no_grad():
        for part in parts(session, step):
            error = "" if part.error is None else f"{part.error:.1e}"
            table.add_row(str(part.number), escape(part.told), escape(part.formula), error)
    Console().print(table)


if __name__ == "__main__":
    with ending_in_one_line():
        typer.run(main)
