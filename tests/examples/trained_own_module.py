"""The networks of `examples/own_module`, trained by its own command: once a test session, on all workers."""

import os
import tomllib
from pathlib import Path

from once import made_once

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "own_module"
STEPS = {"plain": 700, "attentive": 300}


def installed_own_module(warm, tmp_path_factory) -> Path:
    """A folder with `plain.pt` and `attentive.pt`, in which the example is as if it were installed."""

    def make(folder: Path) -> None:
        _install(folder)
        for kind, steps in STEPS.items():
            train(warm, folder, kind, f"{kind}.pt", "--steps", str(steps))

    return made_once(tmp_path_factory, "own-module", make)


def train(warm, folder: Path, *arguments: str) -> str:
    """Run the example's command with warnings as errors. What it said."""
    command = ["-W", "error", "-m", "ownseq.training", *arguments]
    return run(warm, folder, command, PYTHONPATH=str(EXAMPLE))


def run(warm, folder: Path, words: list[str], **environment: str) -> str:
    """Run `python WORDS` in the folder. Its output; it must not fail."""
    surroundings = {**os.environ, **environment}
    done = warm.run(words, folder=folder, environment=surroundings, together=True, patience=600)
    assert done.returncode == 0, done.stdout
    return done.stdout


def visible(folder: Path) -> dict[str, str]:
    """The environment in which the example is installed."""
    return {"PYTHONPATH": os.pathsep.join((str(folder), str(EXAMPLE)))}


def _install(folder: Path) -> None:
    """What an installer writes, from the example's own pyproject.toml: its name and its entry points."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    info = folder / f"{project['name']}-{project['version']}.dist-info"
    info.mkdir(parents=True)
    metadata = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (info / "METADATA").write_text(metadata)
    lines = []
    for group, points in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {place}" for name, place in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
