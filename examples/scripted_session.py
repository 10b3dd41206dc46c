"""A scripted session: stop at every token under p = 0.5, say why, and try the runner-up instead.

    python examples/scripted_session.py                    # a few dates that the bundled model doubts
    python examples/scripted_session.py dates.txt          # a file of your own, one sentence a line
    python examples/scripted_session.py --connect ws://127.0.0.1:1234 --token-file FILE

The last form uses a server that `s2sdap serve` started; the others start an adapter of their own.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from s2sdap.client import Debugger, S2sdapError

DATES = ("March 3, 1999", "24. Okt", "Ides of March 2044", "April Fools 2012", "Weihnachten 2024")
DOUBT = {"lowConfidence": "p < 0.5"}


def outputs(debugger: Debugger) -> dict[int, str]:
    """The best output of each sentence so far."""
    return {result.sentence: result.outputs[0].text for result in debugger.results() if result.outputs}


def try_runners_up(debugger: Debugger, program: Path) -> None:
    """Decode the program as it is; then again, with the runner-up wherever the model was in doubt."""
    debugger.launch(program=program, stop_on_entry=False)
    before = outputs(debugger)

    debugger.watch(DOUBT)
    stop = debugger.restart()
    while not stop.ended:
        why = debugger.exception_info()
        step = debugger.step(top=4)
        print(f"line {step.line + 1}, step {step.step}, {step.output!r} so far: {why.description}")
        if step.token and step.top:
            runner_up = next(token for token in step.top if token.id != step.token.id)
            print(f"    in place of {step.token.piece!r} take {runner_up.piece!r}, p = {runner_up.p:.3f}")
            debugger.force(runner_up.id)
        stop = debugger.continue_()

    after = outputs(debugger)
    for result in debugger.results():
        old, new = before.get(result.sentence, ""), after.get(result.sentence, "")
        print(f"{result.source!r}: {old}" + (f" became {new}" if new != old else ""))


def main() -> None:
    """Read the command line and run the session."""
    parser = argparse.ArgumentParser(description="Try the runner-up of every token under p = 0.5.")
    parser.add_argument("program", nargs="?", type=Path, help="a file of sentences, one a line")
    parser.add_argument("--connect", metavar="ADDRESS", help="the address of a server, ws:// or tcp://")
    parser.add_argument("--token-file", type=Path, help="the file with that server's token")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        program = options.program
        if program is None:
            program = Path(folder) / "dates.txt"
            program.write_text("\n".join(DATES) + "\n", encoding="utf-8")
        try:
            if options.connect:
                session = Debugger.connect_address(options.connect, token_file=options.token_file)
            else:
                session = Debugger.spawn()
            with session as debugger:
                try_runners_up(debugger, program)
        except S2sdapError as error:
            sys.exit(str(error))


if __name__ == "__main__":
    main()
