"""The commands and their options; what they do is in the file of each."""

from pathlib import Path
from typing import Annotated

import typer

import s2sdap

app = typer.Typer(
    name="s2sdap",
    help="A debugger for the decode of sequence-to-sequence models.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

LogFile = Annotated[Path | None, typer.Option(help="Record the protocol here; tokens are masked.")]


@app.callback()
def version_option(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and leave.", is_eager=True)
    ] = False,
) -> None:
    """A debugger for the decode of sequence-to-sequence models."""
    if version:
        typer.echo(s2sdap.__version__)
        raise typer.Exit


@app.command()
def adapter(log_file: LogFile = None) -> None:
    """Speak the Debug Adapter Protocol on standard input and output, as editors start it."""
    from s2sdap.dap.stdio import run_adapter

    run_adapter(log_file)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="A loopback address.")] = "127.0.0.1",
    tcp_port: Annotated[int, typer.Option(help="Port of the plain protocol; 0 takes a free one.")] = 0,
    websocket_port: Annotated[int, typer.Option(help="Port of the websocket; 0 takes a free one.")] = 0,
    token_file: Annotated[
        Path | None, typer.Option(help="Where to write this run's token, for its owner alone.")
    ] = None,
    allow_origin: Annotated[
        list[str] | None, typer.Option(help="A web page's origin that may connect; can be repeated.")
    ] = None,
    log_file: LogFile = None,
) -> None:
    """Serve the protocol over TCP and websocket on this machine."""
    from s2sdap.cli.serve import serve as run

    run(host, tcp_port, websocket_port, token_file, allow_origin or [], log_file)
