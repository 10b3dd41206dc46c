"""Floor 5: the command line. `main` is the command `s2sdap`; each command has a file."""

import sys


def main() -> None:
    """Run the command line.

    An editor waits for the first answer of the adapter and of the language server, so `adapter` and `lsp`
    do not pay for the parser of the other commands where their arguments are the plain ones.
    """
    from s2sdap.cli.outcomes import ending_in_one_line

    with ending_in_one_line():
        if sys.argv[1:] == ["adapter"]:
            from s2sdap.dap.stdio import run_adapter

            run_adapter()
            return
        if sys.argv[1:] == ["lsp"]:
            from s2sdap.language.stdio import run_language_server

            run_language_server()
            return
        from s2sdap.cli.commands import app

        app()
