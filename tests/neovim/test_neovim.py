"""The language server in another real editor, set up as the documentation says: Neovim's own client."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from debian_packages import NotToBeHadError, libraries, unpacked

pytestmark = pytest.mark.timeout(300)  # the first of them may unpack Neovim
HERE = Path(__file__).parent
GUIDE = HERE.parents[1] / "docs" / "language-server.md"
ENABLES = (0, 11)
"""The version from which on Neovim is told of a server by a table."""


def neovim():
    """The command of a Neovim, and what its environment needs: of this machine, or from Debian's packages."""
    own = shutil.which("nvim")
    if own:
        return own, {}
    folder = unpacked("neovim", ["neovim"])
    usr = folder / "usr"
    # Its Lua modules lie outside of its runtime, where it looks for them by absolute paths.
    environment = {
        "LD_LIBRARY_PATH": libraries(folder),
        "VIMRUNTIME": str(usr / "share" / "nvim" / "runtime"),
    }
    return str(usr / "bin" / "nvim"), environment


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """All that a person sees, by kind."""
    try:
        editor, environment = neovim()
    except NotToBeHadError as problem:
        pytest.skip(f"{problem}. With Debian's package neovim this test runs.")
    folder = tmp_path_factory.mktemp("neovim")
    (folder / "dates.src").write_text("😀 March 3, 1999\nJ 4, 2005\n", encoding="utf-8")
    (folder / "s2sdap.toml").write_text("[search]\nbeamSize = 4\n", encoding="utf-8")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, **environment, "HOME": str(folder), "PATH": path}
    said = subprocess.run([editor, "--version"], env=environment, capture_output=True, text=True, check=True)
    version = tuple(map(int, re.findall(r"v(\d+)\.(\d+)", said.stdout)[0]))
    newer, older = re.findall(r"```lua\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    (folder / "init.lua").write_text(newer if version >= ENABLES else older, encoding="utf-8")
    command = [editor, "--headless", "--clean", "-u", "init.lua", "-c", f"luafile {HERE / 'session.lua'}"]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=280, check=False
    )
    lines = [json.loads(line[5:]) for line in done.stdout.splitlines() if line.startswith("seen ")]
    assert lines, done.stderr[-3000:]
    assert lines[-1][:2] == ["ended", True], lines[-1]
    return {kind: [rest for name, *rest in lines if name == kind] for kind in {name for name, *_ in lines}}


def test_neovim_shows_outputs_diagnostics_and_hovers_in_its_own_columns(seen):
    assert seen["opened"] == [["s2sdap", "s2sdap", "utf-16"]]
    assert seen["diagnostic"] == [[0, 0, 4, "unknownSource"]]
    assert [(line, label.partition("  p")[0]) for line, label in seen["hint"]] == [
        (0, "→ 1999-03-03"),
        (1, "→ 2005-07-04"),
    ]
    ((character, told),) = seen["hover"]
    assert character == 3
    assert "**`March`**" in told
    assert "Attention received" in told


def test_a_code_action_in_neovim_changes_the_output(seen):
    assert seen["forced"] == [["2005-01-04"]]
