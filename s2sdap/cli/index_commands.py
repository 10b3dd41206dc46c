"""`s2sdap index ...`: the commands and their options; what they do is in `cli.index`."""

from typing import Annotated

import typer

from s2sdap.models import DEFAULT_MODEL

index_app = typer.Typer(
    name="index",
    help="Indexes of a model's states on a corpus, in which neighbours are looked for.",
    no_args_is_help=True,
)

Corpus = Annotated[
    str,
    typer.Option(help="A UTF-8 file of sources, one a line; of FILE.tsv, column two is the reference."),
]
Reference = Annotated[str | None, typer.Option(help="A file of references, in step with the corpus.")]
Sample = Annotated[int | None, typer.Option(help="Draw so many sentences of the corpus.", min=1)]
Seed = Annotated[int, typer.Option(help="Of that draw.")]
Device = Annotated[str, typer.Option(help="Where the model runs: cpu, cuda:0 ...")]
Threads = Annotated[int, typer.Option(help="Threads of torch.", min=1, max=1024)]
Batch = Annotated[int, typer.Option(help="Sentences a batch at most.", min=1)]
BatchTokens = Annotated[int, typer.Option(help="Tokens a batch at most, of both sides.", min=1)]
Commit = Annotated[int, typer.Option(help="States of a site after which they are committed.", min=1)]
Budget = Annotated[
    str | None, typer.Option(help="Bytes that may be added at most, such as 500MB or 2GiB.", metavar="BYTES")
]
TrustRemoteCode = Annotated[
    bool, typer.Option("--trust-remote-code", help="Let code beside the weights run.")
]
Storage = Annotated[
    list[str] | None,
    typer.Option("--storage", metavar="NAME=VALUE", help="An option of the object storage; can be repeated."),
]
On = Annotated[
    str | None,
    typer.Option(
        metavar="CLUSTER", help="Where it is computed, if not here: ray, one that runs, or ray://host:port."
    ),
]
Place = Annotated[str, typer.Argument(help="The index: a folder, or a URI of an object storage.")]


@index_app.command()
def build(
    corpus: Corpus,
    out: Annotated[str, typer.Option(help="Where the index goes: a folder, or a URI of an object storage.")],
    model: Annotated[
        str,
        typer.Option(
            help="A bundled model, a checkpoint's folder, or hf:, opennmt:, keras: and what to read."
        ),
    ] = DEFAULT_MODEL,
    reference: Reference = None,
    sample: Sample = None,
    seed: Seed = 0,
    sites: Annotated[
        str | None,
        typer.Option(help="Such as encoder.states,decoder.layers.0; by default those of the model's top."),
    ] = None,
    layers: Annotated[
        str | None, typer.Option(help="Layers of sites that have them, such as 0,5, counted from 0.")
    ] = None,
    device: Device = "cpu",
    threads: Threads = 1,
    batch: Batch = 128,
    batch_tokens: BatchTokens = 8192,
    commit: Commit = 65_536,
    budget: Budget = None,
    dtype: Annotated[
        str | None, typer.Option(help="Type of the weights: float32, bfloat16 ..., auto.")
    ] = None,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit on the hub.")] = None,
    trust_remote_code: TrustRemoteCode = False,
    storage: Storage = None,
    on: On = None,
) -> None:
    """Force a corpus through a model and keep its states.

    Says how much room that needs before it begins. Interrupted or killed, it goes
    on when the same command is given again, and ends as if nothing had happened.

    Exit code: 0 all states are in, 2 bad input or a bad setting, 130 interrupted.
    """
    from s2sdap.cli.index import BuildOptions, CorpusOptions, build_here

    options = BuildOptions(
        out=out,
        model=model,
        sites=sites,
        layers=layers,
        dtype=dtype,
        revision=revision,
        trust_remote_code=trust_remote_code,
        corpus=CorpusOptions(
            corpus,
            reference,
            sample,
            seed,
            device,
            threads,
            batch,
            batch_tokens,
            commit,
            budget,
            storage or (),
            on,
        ),
    )
    raise typer.Exit(build_here(options))


@index_app.command()
def add(
    index: Place,
    corpus: Corpus,
    reference: Reference = None,
    sample: Sample = None,
    seed: Seed = 0,
    device: Device = "cpu",
    threads: Threads = 1,
    batch: Batch = 128,
    batch_tokens: BatchTokens = 8192,
    commit: Commit = 65_536,
    budget: Budget = None,
    model: Annotated[
        str | None, typer.Option(help="The index's model, where it lies elsewhere than it did.")
    ] = None,
    trust_remote_code: TrustRemoteCode = False,
    storage: Storage = None,
    on: On = None,
) -> None:
    """Add the states of another corpus to an index, by its own model.

    Exit code: 0 all states are in, 2 bad input, another model, or a corpus that
    is in already, 130 interrupted.
    """
    from s2sdap.cli.index import AddOptions, CorpusOptions, add_here

    options = AddOptions(
        index=index,
        model=model,
        trust_remote_code=trust_remote_code,
        corpus=CorpusOptions(
            corpus,
            reference,
            sample,
            seed,
            device,
            threads,
            batch,
            batch_tokens,
            commit,
            budget,
            storage or (),
            on,
        ),
    )
    raise typer.Exit(add_here(options))


@index_app.command()
def info(
    index: Place,
    check: Annotated[
        bool, typer.Option("--check", help="Read every value and hold it against its checksum.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifest as JSON.")] = False,
    storage: Storage = None,
) -> None:
    """Say what an index holds: its model, corpora, sites and sizes, and measured recall.

    Exit code: 0 it can be read, 2 it cannot.
    """
    from s2sdap.cli.index_info import info_of

    raise typer.Exit(info_of(index, storage or (), check=check, as_json=as_json))


@index_app.command()
def tune(
    index: Place,
    site: Annotated[
        list[str] | None, typer.Option(help="A site, such as decoder.state; can be repeated. By default all.")
    ] = None,
    metric: Annotated[str, typer.Option(help="What near means: l2, cosine or inner-product.")] = "l2",
    kind: Annotated[
        str | None, typer.Option(help="Build that, whether or not it is needed: pynndescent or ivf.")
    ] = None,
    recall: Annotated[
        float, typer.Option(help="The share of the true nearest that is to be found.", min=0, max=1)
    ] = 0.995,
    k: Annotated[int, typer.Option(help="How many nearest that is measured for.", min=1, max=1000)] = 50,
    seed: Annotated[int, typer.Option(help="Of the graph and of the states that recall is measured on.")] = 0,
    storage: Storage = None,
    on: On = None,
) -> None:
    """Make searches fast where they are not, and measure how much they then find.

    Few states are searched exactly, which needs nothing. For more, a graph is
    built, or lists where a graph does not fit in memory. After states were added
    they are found at once; tune again when they have become many.

    Exit code: 0 as much is found as was asked for, 1 less, 2 it cannot be built.
    """
    from s2sdap.cli.index_tune import TuneOptions, tune_here

    options = TuneOptions(
        index=index,
        sites=site or (),
        metric=metric,
        kind=kind,
        recall=recall,
        k=k,
        seed=seed,
        storage=storage or (),
        on=on,
    )
    raise typer.Exit(tune_here(options))
