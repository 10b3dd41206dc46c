"""Environments of Python that a folder may have, with the package and without it."""

import subprocess
import sys
from pathlib import Path


def environment(folder: Path, *, ready: bool) -> Path:
    """The Python of a new environment, which sees all that this one does, or nothing."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    if ready:
        (packages,) = (folder / "lib").glob("python*/site-packages")
        seen = [each for each in sys.path if Path(each).is_dir()]
        (packages / "all_that_this_one_sees.pth").write_text("\n".join(seen), "utf-8")
    return folder / "bin" / "python"


def wheel_installs(wheel: Path, into: Path) -> None:
    """The package comes out of this file, page and all; what it needs would come from an index."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile"]
    subprocess.run([*pip, "--target", into, f"{wheel}[huggingface,neighbors]"], check=True)
    assert (into / "s2sdap" / "page" / "bundle" / "index.html").is_file()
    said = subprocess.run(
        [sys.executable, "-P", "-m", "s2sdap", "--version"],
        env={"PYTHONPATH": str(into)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert said.split()[-1] == wheel.name.split("-")[1]
