"""Options that several commands have, each with one name and one meaning."""

from typing import Annotated

import typer

Model = Annotated[
    str,
    typer.Option(help="A bundled model, a checkpoint's folder, or hf:, opennmt:, keras: and what to read."),
]
Search = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE",
        help="A search setting by its name in a launch, such as beamSize=4; can be repeated.",
    ),
]
Generation = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE",
        help="A setting of the model's own generate, by its GenerationConfig name; can be repeated.",
    ),
]
Dtype = Annotated[str | None, typer.Option(help="Type of the weights: float32, bfloat16 ..., auto.")]
Revision = Annotated[str | None, typer.Option(help="Branch, tag or commit on the hub.")]
TrustRemoteCode = Annotated[
    bool, typer.Option("--trust-remote-code", help="Let code beside the weights run.")
]
Device = Annotated[str, typer.Option(help="Where the model runs: cpu, cuda:0 ...")]
Threads = Annotated[int, typer.Option(help="Threads of torch.", min=1, max=1024)]
Sentences = Annotated[str, typer.Argument(help="A UTF-8 file of sentences, one a line.")]
Reference = Annotated[str | None, typer.Option(help="A file of references, in step with FILE.")]
Index = Annotated[
    str | None,
    typer.Option(
        metavar="DIR",
        help="An index of the model's training states, for what asks how far they are.",
    ),
]
