"""The commands and their options; what they do is in the file of each."""

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

import s2sdap
from s2sdap.cli.file_commands import compare, debug, run, verdict
from s2sdap.cli.index_commands import index_app
from s2sdap.cli.shared_options import Device, Dtype, Index, Revision, TrustRemoteCode

app = typer.Typer(
    name="s2sdap",
    help="A debugger for the decode of sequence-to-sequence models.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(index_app)

PORT: dict[str, Any] = {"min": 0, "max": 65535}
LogFile = Annotated[Path | None, typer.Option(help="Record the protocol here; tokens are masked.")]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(s2sdap.__version__)
        raise typer.Exit


def _origins(origins: list[str] | None) -> list[str] | None:
    for origin in origins or ():
        parts = urlsplit(origin)
        if origin != "null" and (not parts.netloc or origin != f"{parts.scheme}://{parts.netloc}"):
            raise typer.BadParameter(f"{origin!r} is no origin, such as http://localhost:8080")
    return origins


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
def lsp() -> None:
    """Speak the Language Server Protocol on standard input and output, as editors start it.

    For files of source sentences and s2sdap.toml; see docs/language-server.md.
    """
    from s2sdap.language.stdio import run_language_server

    run_language_server()


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
        list[str] | None,
        typer.Option(help="A web page's origin that may connect; can be repeated.", callback=_origins),
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
    index: Index = None,
    fast: Annotated[bool, typer.Option("--fast", help="Without the pauses that a terminal gets.")] = False,
) -> None:
    """Debug one decode before your eyes: a real adapter, a real client, the bundled model."""
    from s2sdap.cli.demo import demo as show

    show(source, index=index, pauses=not fast)


for each in (run, compare, debug, verdict):
    app.command()(each)


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
    device: Device = "cpu",
    dtype: Dtype = None,
    revision: Revision = None,
    trust_remote_code: TrustRemoteCode = False,
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
    trust_remote_code: TrustRemoteCode = False,
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
