"""A second real editor, set up as the documentation says: Emacs with dap-mode steps, goes back and edits."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from debian_emacs import PACKAGES, emacs
from debian_packages import NotToBeHadError

pytestmark = pytest.mark.timeout(300)  # its session takes some 20 s where nothing else runs
HERE = Path(__file__).parent
GUIDE = HERE.parents[1] / "docs" / "editors.md"


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """All that a person sees in a session, by kind."""
    try:
        editor = emacs()
    except NotToBeHadError as problem:
        pytest.skip(f"{problem}. With Debian's packages {' and '.join(PACKAGES)} these tests run.")
    folder = tmp_path_factory.mktemp("emacs")
    program, configuration = folder / "dates.txt", folder / "configuration.el"
    program.write_text("March 3, 1999\nJ 4, 2005\n", encoding="utf-8")
    (written,) = re.findall(r"```elisp\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    configuration.write_text(written, encoding="utf-8")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        editor.batch("-l", str(configuration), "-l", str(HERE / "session.el"), str(program)),
        env={**os.environ, **editor.environment, "HOME": str(folder), "PATH": path},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    lines = [json.loads(line[5:]) for line in done.stdout.splitlines() if line.startswith("seen ")]
    return {kind: [rest for name, *rest in lines if name == kind] for kind in {name for name, *_ in lines}}


def test_emacs_stops_steps_and_stops_at_a_conditional_breakpoint(seen):
    assert seen["stop"] == [
        ["encoder · 13 tokens", "entry", 1, "dates.txt"],
        ["step 0 · '1' p=1.000", "step", 1, "dates.txt"],
        ["step 1 · decoder", "step", 1, "dates.txt"],
        ["step 0 · '1' p=1.000", "step", 1, "dates.txt"],
        ["step 6 · '7' p=0.620", "breakpoint", 2, "dates.txt"],
    ]
    assert seen["verified"] == [[[True]]]


def test_emacs_evaluates_shows_and_edits(seen):
    ((p,),) = seen["value"]
    assert float(p) == pytest.approx(0.6202, abs=1e-4)
    assert {"Prediction", "Attention", "Search", "Decoder", "Encoder"} <= set(seen["variables"][0][0])
    ((output,),) = seen["output"]
    assert re.findall(r"\d{4}-\d\d-\d\d", output)[:2] == ["1999-03-03", "2005-01-04"]


def test_emacs_and_the_adapter_end_together(seen):
    assert seen["ended"] == [[]]
