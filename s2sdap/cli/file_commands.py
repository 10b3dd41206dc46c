"""The commands over a file of sentences, and their options; what they do is in the file of each."""

from typing import Annotated, Any

import typer

from s2sdap.cli.shared_options import (
    Device,
    Dtype,
    Generation,
    Index,
    Model,
    Reference,
    Revision,
    Search,
    Sentences,
    Threads,
    TrustRemoteCode,
)
from s2sdap.models import DEFAULT_MODEL

BREAK_HELP = (
    "A watch rule, such as 'lowConfidence(p < 0.5)'; where it fires is counted and reported. Can be repeated."
)

ON_HELP = "Where it is decoded, if not here: ray, a cluster that runs here, or ray://host:port."


def run(
    file: Annotated[str, typer.Argument(help="A UTF-8 file of sentences, one a line; - is standard input.")],
    model: Model = DEFAULT_MODEL,
    generation: Generation = None,
    dtype: Dtype = None,
    revision: Revision = None,
    trust_remote_code: TrustRemoteCode = False,
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
    reference: Reference = None,
    output: Annotated[str, typer.Option(help="Where the outputs go; - is standard output.")] = "-",
    rules: Annotated[list[str] | None, typer.Option("--break", help=BREAK_HELP)] = None,
    report: Annotated[
        str | None, typer.Option(help="Write a JSON object a sentence here: outputs, tokens, every stop.")
    ] = None,
    html: Annotated[
        str | None, typer.Option(help="Write a report for people here: one file, worst sentences first.")
    ] = None,
    device: Device = "cpu",
    threads: Threads = 1,
    exact: Annotated[bool, typer.Option("--exact", help="Decode every sentence by itself.")] = False,
    batch_size: Annotated[int, typer.Option(help="Sentences a batch at most.", min=1)] = 64,
    batch_tokens: Annotated[
        int, typer.Option(help="Source tokens a batch at most, times the beam.", min=1)
    ] = 32_768,
    index: Index = None,
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


def compare(
    file: Sentences,
    model: Model = DEFAULT_MODEL,
    search: Search = None,
    generation: Generation = None,
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
        typer.Option(
            help="A file of references, in step with FILE: compare each with the output. A .tsv has its own."
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="Where the models run: cpu, cuda:0 ...")] = "cpu",
    threads: Threads = 1,
    dtype: Dtype = None,
    revision: Revision = None,
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


def debug(
    file: Sentences,
    line: Annotated[int, typer.Option(help="The line to open, from 1.", min=1)] = 1,
    step: Annotated[
        int | None,
        typer.Option(help="The token to pause at, from 0; by default where a rule fires, or 0.", min=0),
    ] = None,
    model: Model = DEFAULT_MODEL,
    search: Search = None,
    generation: Generation = None,
    reference: Reference = None,
    rules: Annotated[list[str] | None, typer.Option("--break", help="A watch rule that fires there.")] = None,
    device: Device = "cpu",
    threads: Threads = 1,
    dtype: Dtype = None,
    revision: Revision = None,
    trust_remote_code: TrustRemoteCode = False,
    index: Index = None,
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


def verdict(
    file: Sentences,
    reference: Reference = None,
    line: Annotated[
        int | None, typer.Option(help="Only the sentence on this line, the first is 1.", min=1)
    ] = None,
    model: Model = DEFAULT_MODEL,
    search: Search = None,
    generation: Generation = None,
    limit: Annotated[
        int | None, typer.Option(help="Steps of the model that a verdict may take.", min=1)
    ] = None,
    device: Device = "cpu",
    threads: Threads = 1,
    dtype: Dtype = None,
    revision: Revision = None,
    trust_remote_code: TrustRemoteCode = False,
    index: Index = None,
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
        dtype=dtype,
        revision=revision,
        trust_remote_code=trust_remote_code,
        index=index,
        json=as_json,
    )
    raise typer.Exit(judge(options))
