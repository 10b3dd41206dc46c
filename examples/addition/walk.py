"""Walk through the layers of the adding network: one sum, asked of a debug adapter, a heat map a layer.

    python examples/addition/walk.py --model addition 500+514

The page shows the same under *Layers*. A cell here is a sign and a tenth of the largest magnitude, 0 to 9.
"""

import base64
from typing import Annotated, Any, Final

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.text import Text

from s2sdap.cli.outcomes import ending_in_one_line
from s2sdap.client import Debugger, S2sdapError

FOLD: Final = 8
"""The encoder's 64 features are shown 8 by 8."""

console = Console()


def array_of(body: Any) -> NDArray[np.float32]:
    """The vectors of an answer to `s2s/vectors`, without the axis of layers."""
    numbers = np.frombuffer(base64.b64decode(body["data"]), "<f4").reshape(body["shape"])
    return numbers[:, 0]


def heat(values: NDArray[np.float32], labels: list[str], head: str = "") -> list[Text]:
    """A row a line: how strong each number is beside the strongest, red above 0 and blue below."""
    most = float(np.abs(values).max()) or 1.0
    lines = [Text(head)] if head else []
    for label, row in zip(labels, values, strict=True):
        line = Text(f"{label:>8s} ")
        for value in row:
            tenths = min(9, int(10 * abs(value) / most))
            colour = f"rgb({105 + 15 * tenths},90,90)" if value > 0 else f"rgb(90,90,{105 + 15 * tenths})"
            line.append(f"{'-' if value < 0 else '+'}{tenths} " if tenths else " 0 ", style=colour)
        lines.append(line)
    return lines


def layers(debugger: Debugger) -> tuple[dict[str, NDArray[np.float32]], list[str]]:
    """What every layer made of the sum, and the characters of the last two."""
    names = (
        "encoder.states",
        "decoder.repeated",
        "decoder.state",
        "prediction.logits",
        "prediction.probabilities",
    )
    answers = {name: debugger.request("s2s/vectors", site=name) for name in names}
    return {name: array_of(each["vectors"]) for name, each in answers.items()}, answers[names[-1]]["tokens"]


def show(found: dict[str, NDArray[np.float32]], tokens: list[str], written: list[str]) -> None:
    """The layers, one below the other."""
    vector = found["encoder.states"][0]  # it reads from the right, so the first character is the last it sees
    folded = vector.reshape(-1, FOLD) if len(vector) % FOLD == 0 else vector[None]
    steps = [f"{place} {piece!r}" for place, piece in enumerate(written)]
    repeated = found["decoder.repeated"]
    columns = " " * 9 + "".join(f"{piece.replace(' ', '␣')}  " for piece in tokens)
    apart = float(np.abs(repeated - vector).max())
    parts: list[tuple[str, list[Text]]] = [
        (f"encoder: its last state, {len(vector)} features", heat(folded, [""] * len(folded))),
        (
            f"repeated: {repeated.shape[0]} rows of it, which differ by {apart:g}",
            heat(repeated[:, :FOLD], steps),
        ),
        (
            f"decoder: {' x '.join(map(str, found['decoder.state'].shape))}",
            heat(found["decoder.state"], steps),
        ),
        ("logits, a column a character", heat(found["prediction.logits"], steps, columns)),
        ("softmax", heat(found["prediction.probabilities"], steps, columns)),
    ]
    for title, lines in parts:
        console.print(f"\n[bold]{title}[/bold]", highlight=False)
        for line in lines:
            console.print(line, soft_wrap=True)


def main(
    sum_: Annotated[str, typer.Argument(metavar="SUM", help="Such as 500+514.")] = "500+514",
    *,
    model: Annotated[
        str, typer.Option(help="The folder that training wrote, or `keras:` and a file.")
    ] = "addition",
) -> None:
    """Decode the sum step by step and show what each layer made of it."""
    try:
        with Debugger.spawn() as debugger:
            debugger.launch(source=sum_, model=model)
            written = []
            while not debugger.next().ended:
                step = debugger.step()
                written.append(step.token.piece if step.token else "")
                found, tokens = layers(debugger)
    except S2sdapError as error:
        console.print(str(error))
        raise typer.Exit(1) from None
    show(found, tokens, written)
    console.print(f"\n{sum_} = {''.join(written).strip()}", highlight=False)


if __name__ == "__main__":
    with ending_in_one_line():
        typer.run(main)
