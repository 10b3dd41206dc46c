"""Help and the schema: quick, without torch, and complete."""

import json
import subprocess
import sys

import pytest

from s2sdap.dap.launch import launch_schema

WATCHED = """
import sys
from s2sdap.cli import main
sys.argv = ["s2sdap", *{arguments!r}]
try:
    main()
except SystemExit as end:
    code = end.code or 0
else:
    code = 0
sys.exit(code or ("torch" in sys.modules) * 99)
"""


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["--help"], ["adapter", "demo", "doctor", "run", "schema", "serve"]),
        (["--version"], ["."]),
        (["run", "--help"], ["--break", "--n-best", "--report", "Exit code", "130"]),
        (["demo", "--help"], ["--fast"]),
        (["doctor", "--help"], ["Exit code"]),
        (["compare", "--help"], ["--with-model", "--reference", "Exit code"]),
        (["schema"], ["beamSize"]),
    ],
)
def test_it_imports_no_torch(arguments, shown):
    done = subprocess.run(
        [sys.executable, "-c", WATCHED.format(arguments=arguments)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    for word in shown:
        assert word in done.stdout


def test_the_schema_is_that_of_a_launch(s2sdap):
    done = s2sdap("schema")
    assert json.loads(done.stdout) == launch_schema()
