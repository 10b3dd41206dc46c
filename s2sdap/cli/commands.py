"""The commands and their options; what they do is in the file of each."""

from pathlib import Path
from typing import Annotated, Any

import typer

import s2sdap
from s2sdap.cli.index_commands import index_app
from s2sdap.models import DEFAULT_MODEL

app = typer.Typer(
    name="s2sdap",
    help="A debugger for the decode of sequence-to-sequence models.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(index_app)

PORT: dict[str, Any] = {"min": 0, "max": 65535}
INDEX_HELP = "An index of the model's training states, for rules and values that ask how far they are."
MODEL_HELP = "A bundled model, a checkpoint's folder, or hf: and a Hugging Face folder or id."
SEARCH_HELP = "A search setting by its name in a launch, such as beamSize=4; can be repeated."
GENERATION_HELP = "A setting of the model's own generate, by its GenerationConfig name; can be repeated."
BREAK_HELP = (
    "A watch rule, such as 'lowConfidence(p < 0.5)'; where it fires is counted and reported. Can be repeated."
)

ON_HELP = "Where it is decoded, if not here: ray, a cluster that runs here, or ray://host:port."

LogFile = Annotated[Path | None, typer.Option(help="Record the protocol here; tokens are masked.")]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(s2sdap.__version__)
        raise typer.Exit


@app.callback()
def main_options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and leave.", is_eager=True, callback=_version),
    ] = False,
) -> None:
    """A debugger for the decode of sequence-to-sequence models."""


@app.command()
def adapter(log_file: LogFile = None) -> None:
    """Speak the Debug Adapter Protocol on standard input and output, as editors start it."""
    from s2sdap.dap.stdio import run_adapter

    run_adapter(log_file)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="A loopback address.")] = "127.0.0.1",
    tcp_port: Annotated[
        int, typer.Option(help="Port of the plain protocol; 0 takes a free one.", **PORT)
    ] = 0,
    websocket_port: Annotated[
        int, typer.Option(help="Port of the websocket; 0 takes a free one.", **PORT)
    ] = 0,
    token_file: Annotated[
        Path | None, typer.Option(help="Where to write this run's token, for its owner alone.")
    ] = None,
    allow_origin: Annotated[
        list[str] | None, typer.Option(help="A web page's origin that may connect; can be repeated.")
    ] = None,
    log_file: LogFile = None,
    page: Annotated[
        bool, typer.Option("--page", help="Hand out the browser page, and print the link to open.")
    ] = False,
) -> None:
    """Serve the protocol over TCP and websocket on this machine."""
    from s2sdap.cli.serve import serve as run

    run(host, tcp_port, websocket_port, token_file, allow_origin or [], log_file, page=page)


@app.command()
def demo(
    source: Annotated[
        str | None, typer.Argument(help="Source text; the bundled model reads dates.", show_default=False)
    ] = None,
    fast: Annotated[bool, typer.Option("--fast", help="Without the pauses that a terminal gets.")] = False,
) -> None:
    """Debug one decode before your eyes: a real adapter, a real client, the bundled model."""
    from s2sdap.cli.demo import demo as show

    show(source, pauses=not fast)


@app.command()
def run(
    file: Annotated[str, typer.Argument(help="A UTF-8 file of sentences, one a line; - is standard input.")],
    model: Annotated[
        str,
        typer.Option(help=MODEL_HELP),
    ] = DEFAULT_MODEL,
    generation: Annotated[
        list[str] | None,
        typer.Option("--generation", metavar="NAME=VALUE", help=GENERATION_HELP),
    ] = None,
    dtype: Annotated[
        str | None, typer.Option(help="Type of the weights: float32, bfloat16 ..., auto.")
    ] = None,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit on the hub.")] = None,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Let code beside the weights run.")
    ] = False,
    beam: Annotated[int | None, typer.Option(help="Live hypotheses; by default 1, greedy search.")] = None,
    n_best: Annotated[int | None, typer.Option(help="Outputs a sentence in the report.")] = None,
    length_penalty: Annotated[float | None, typer.Option(help="Alpha of GNMT's length penalty.")] = None,
    coverage_penalty: Annotated[float | None, typer.Option(help="Beta of GNMT's coverage penalty.")] = None,
    max_length: Annotated[int | None, typer.Option(help="Target tokens at most.")] = None,
    sample: Annotated[bool, typer.Option("--sample", help="Draw each token at random.")] = False,
    temperature: Annotated[float | None, typer.Option(help="Divides the logits when sampling.")] = None,
    top_k: Annotated[int | None, typer.Option(help="Draw from the k likeliest tokens.")] = None,
    top_p: Annotated[
        float | None, typer.Option(help="Draw from the likeliest with this probability.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of the draws.")] = None,
    prefix: Annotated[str | None, typer.Option(help="Target text that every output begins with.")] = None,
    reference: Annotated[str | None, typer.Option(help="A file of references, in step with FILE.")] = None,
    output: Annotated[str, typer.Option(help="Where the outputs go; - is standard output.")] = "-",
    rules: Annotated[list[str] | None, typer.Option("--break", help=BREAK_HELP)] = None,
    report: Annotated[
        str | None, typer.Option(help="Write a JSON object a sentence here: outputs, tokens, every stop.")
    ] = None,
    html: Annotated[
        str | None, typer.Option(help="Write a report for people here: one file, worst sentences first.")
    ] = None,
    device: Annotated[str, typer.Option(help="Where the model runs: cpu, cuda:0 ...")] = "cpu",
    threads: Annotated[int, typer.Option(help="Threads of torch.", min=1, max=1024)] = 1,
    exact: Annotated[bool, typer.Option("--exact", help="Decode every sentence by itself.")] = False,
    batch_size: Annotated[int, typer.Option(help="Sentences a batch at most.", min=1)] = 64,
    batch_tokens: Annotated[
        int, typer.Option(help="Source tokens a batch at most, times the beam.", min=1)
    ] = 32_768,
    index: Annotated[str | None, typer.Option(metavar="DIR", help=INDEX_HELP)] = None,
    on: Annotated[str | None, typer.Option(metavar="CLUSTER", help=ON_HELP)] = None,
) -> None:
    """Decode a file without stopping: one target a line, in step with the lines of FILE.

    An empty line gives an empty line, and so does a sentence that could not be decoded.
    Sentences are decoded in batches of like length; one on which a rule may fire is
    decoded again by itself, exactly.

    Exit code: 0 no rule fired, 1 a rule fired, 2 bad input, a bad setting or
    a sentence that could not be decoded, 130 interrupted (what was written
    stays).
    """
    from s2sdap.cli.run import RunOptions
    from s2sdap.cli.run import run as decode
    from s2sdap.decoding.batched.grouping import BatchBounds

    search: dict[str, Any] = {
        "beam_size": beam,
        "n_best": n_best,
        "length_penalty": length_penalty,
        "coverage_penalty": coverage_penalty,
        "max_length": max_length,
        "sample": sample or None,
        "temperature": temperature,
        "top_k": top_k,
        "top_p": top_p,
        "seed": seed,
        "prefix": prefix,
    }
    options = RunOptions(
        file=file,
        model=model,
        search={name: value for name, value in search.items() if value is not None},
        reference=reference,
        output=output,
        rules=rules or (),
        report=report,
        html=html,
        device=device,
        threads=threads,
        generation=generation or (),
        dtype=dtype,
        revision=revision,
        trust_remote_code=trust_remote_code,
        exact=exact,
        bounds=BatchBounds(batch_size, batch_tokens),
        index=index,
        on=on,
    )
    raise typer.Exit(decode(options))


@app.command()
def compare(
    file: Annotated[str, typer.Argument(help="A UTF-8 file of sentences, one a line.")],
    model: Annotated[str, typer.Option(help=MODEL_HELP)] = DEFAULT_MODEL,
    search: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help=SEARCH_HELP)] = None,
    generation: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help=GENERATION_HELP)] = None,
    with_model: Annotated[
        str | None, typer.Option(help="Another checkpoint that decodes the same sentences.")
    ] = None,
    with_search: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A search setting of the other decode.")
    ] = None,
    with_generation: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="The same of the model's own generate.")
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option(help="A file of references, in step with FILE: compare each with the output."),
    ] = None,
    device: Annotated[str, typer.Option(help="Where the models run: cpu, cuda:0 ...")] = "cpu",
    threads: Annotated[int, typer.Option(help="Threads of torch.", min=1, max=1024)] = 1,
    dtype: Annotated[
        str | None, typer.Option(help="Type of the weights: float32, bfloat16 ..., auto.")
    ] = None,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit on the hub.")] = None,
    with_dtype: Annotated[str | None, typer.Option(help="The dtype of the other decode's weights.")] = None,
    with_revision: Annotated[str | None, typer.Option(help="The other decode's revision.")] = None,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Let code beside the weights run, of both models.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object a sentence.")] = False,
) -> None:
    """Decode a file in two ways and say where they first part.

    The second way is another checkpoint, other settings, or the references.

    Exit code: 0 all the same, 1 some differ, 2 bad input, a bad setting or a
    sentence that could not be decoded, 130 interrupted.
    """
    from s2sdap.cli.compare import CompareOptions
    from s2sdap.cli.compare import compare as decode

    options = CompareOptions(
        file=file,
        model=model,
        search=search or (),
        generation=generation or (),
        with_model=with_model,
        with_search=with_search or (),
        with_generation=with_generation or (),
        reference=reference,
        device=device,
        threads=threads,
        dtype=dtype,
        revision=revision,
        with_dtype=with_dtype,
        with_revision=with_revision,
        trust_remote_code=trust_remote_code,
        json=as_json,
    )
    raise typer.Exit(decode(options))


@app.command()
def debug(
    file: Annotated[str, typer.Argument(help="A UTF-8 file of sentences, one a line.")],
    line: Annotated[int, typer.Option(help="The line to open, from 1.", min=1)] = 1,
    step: Annotated[int, typer.Option(help="The token to pause at, from 0.", min=0)] = 0,
    model: Annotated[
        str,
        typer.Option(help="A bundled model, a checkpoint's folder, or hf: and a Hugging Face folder or id."),
    ] = DEFAULT_MODEL,
    search: Annotated[
        list[str] | None,
        typer.Option("--search", metavar="NAME=VALUE", help="A search setting, as in beamSize=4."),
    ] = None,
    generation: Annotated[
        list[str] | None,
        typer.Option("--generation", metavar="NAME=VALUE", help=GENERATION_HELP),
    ] = None,
    reference: Annotated[str | None, typer.Option(help="A file of references, in step with FILE.")] = None,
    rules: Annotated[list[str] | None, typer.Option("--break", help="A watch rule that fires there.")] = None,
    device: Annotated[str, typer.Option(help="Where the model runs: cpu, cuda:0 ...")] = "cpu",
    threads: Annotated[int, typer.Option(help="Threads of torch.", min=1, max=1024)] = 1,
    dtype: Annotated[
        str | None, typer.Option(help="Type of the weights: float32, bfloat16 ..., auto.")
    ] = None,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit on the hub.")] = None,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Let code beside the weights run.")
    ] = False,
    index: Annotated[str | None, typer.Option(metavar="DIR", help=INDEX_HELP)] = None,
) -> None:
    """Open one sentence paused at one token, in this terminal.

    Shows the step; at a terminal, single letters then drive the debugger.
    """
    from s2sdap.cli.debug import Place
    from s2sdap.cli.debug import debug as open_at
    from s2sdap.cli.named_values import named_values
    from s2sdap.cli.reopening import Opening

    opening = Opening(
        program=file,
        model=model,
        reference=reference,
        search=named_values("--search", search or ()),
        generation=named_values("--generation", generation or ()),
        device=device,
        threads=threads,
        dtype=dtype,
        revision=revision,
        trust_remote_code=trust_remote_code,
        index=index,
    )
    open_at(opening, Place(line=line, step=step, rules=tuple(rules or ())))


@app.command()
def verdict(
    file: Annotated[str, typer.Argument(help="A UTF-8 file of sentences, one a line.")],
    reference: Annotated[str, typer.Option(help="A file of references, in step with FILE.")],
    line: Annotated[
        int | None, typer.Option(help="Only the sentence on this line, the first is 1.", min=1)
    ] = None,
    model: Annotated[str, typer.Option(help=MODEL_HELP)] = DEFAULT_MODEL,
    search: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help=SEARCH_HELP)] = None,
    generation: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help=GENERATION_HELP)] = None,
    limit: Annotated[
        int | None, typer.Option(help="Steps of the model that a verdict may take.", min=1)
    ] = None,
    device: Annotated[str, typer.Option(help="Where the model runs: cpu, cuda:0 ...")] = "cpu",
    threads: Annotated[int, typer.Option(help="Threads of torch.", min=1, max=1024)] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object a sentence.")] = False,
) -> None:
    """Say which stage is to blame where an output is not its reference.

    The other sentences with references serve as controls. See docs/verdict.md.

    Exit code: 0 every output is its reference, 1 some are not, 2 bad input, a
    bad setting or a sentence that could not be decoded.
    """
    from s2sdap.cli.verdict import VerdictOptions
    from s2sdap.cli.verdict import verdict as judge

    options = VerdictOptions(
        file=file,
        reference=reference,
        line=line,
        model=model,
        search=search or (),
        generation=generation or (),
        limit=limit,
        device=device,
        threads=threads,
        json=as_json,
    )
    raise typer.Exit(judge(options))


@app.command()
def check_model(
    model: Annotated[
        str,
        typer.Argument(
            metavar="SPEC",
            help="What a launch names: a bundled model, a folder, hf:..., or a scheme of your own.",
        ),
    ],
    source: Annotated[
        list[str] | None, typer.Option(help="A line that the model can read; can be repeated.")
    ] = None,
    steps: Annotated[int, typer.Option(help="Target tokens of each decode at most.", min=2)] = 12,
    device: Annotated[str, typer.Option(help="Where the model runs: cpu, cuda:0 ...")] = "cpu",
    dtype: Annotated[
        str | None, typer.Option(help="Type of the weights: float32, bfloat16 ..., auto.")
    ] = None,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit on the hub.")] = None,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Let code beside the weights run.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Check that a model does what debugging it builds on, and say what to mend.

    Exit code: 0 no check failed, 1 one failed, 2 there is no such model.
    """
    from s2sdap.cli.check_model import CheckOptions
    from s2sdap.cli.check_model import check_model as check

    options = CheckOptions(
        model=model,
        sources=source or (),
        steps=steps,
        device=device,
        dtype=dtype,
        revision=revision,
        trust_remote_code=trust_remote_code,
        json=as_json,
    )
    raise typer.Exit(check(options))


@app.command()
def doctor() -> None:
    """Check that everything works here, and say what to do where it does not.

    Exit code: 0 it works, perhaps with warnings; 1 something does not.
    """
    from s2sdap.cli.doctor import doctor as check

    raise typer.Exit(check())


@app.command("open")
def open_(
    file: Annotated[str, typer.Argument(help="A file that a session was saved to.")],
    replay: Annotated[bool, typer.Option("--replay", help="Run it again and say where it differs.")] = False,
    model: Annotated[
        str | None, typer.Option(help="Run it again with this model, in place of the one that it names.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="Where that model runs: cpu, cuda:0 ...")] = None,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Let code beside the weights run.")
    ] = False,
) -> None:
    """Show what a session file holds, without its model; or run it again.

    To step through it, launch it from an editor or a script: "session": FILE.

    Exit code: 0 shown, or the same in every bit, 1 the replay differs, 2 no
    session file, or it cannot be replayed.
    """
    from s2sdap.cli.opening import OpenOptions, open_session

    raise typer.Exit(
        open_session(
            OpenOptions(
                file=file, replay=replay, model=model, device=device, trust_remote_code=trust_remote_code
            )
        )
    )


@app.command()
def schema() -> None:
    """Print the launch configuration as a JSON schema."""
    from s2sdap.cli.schema import schema as show

    show()
