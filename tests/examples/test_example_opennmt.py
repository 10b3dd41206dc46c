"""The story of three wrong words of a real OpenNMT-py model, on that model."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from examples.opennmt import story

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data" / "opennmt-py-2017"


@pytest.fixture(scope="module")
def command():
    app = story.typer.Typer()
    app.command()(story.main)
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


def test_every_claim_holds_on_the_real_checkpoint(command):
    if not DATA.is_dir():
        pytest.skip("../shared/data/opennmt-py-2017 is absent: the story of a real checkpoint is not tested")
    told = command("--data", str(DATA))
    assert told.exit_code == 0, told.output
    lines = told.output.splitlines()
    assert len(lines) == 14
    assert all(line.startswith("holds  ") for line in lines)
    assert "198 of 198" in lines[0]


def test_without_data_it_says_where_to_get_them(command, tmp_path):
    told = command("--data", str(tmp_path))
    assert told.exit_code == 2
    assert "github.com/OpenNMT/OpenNMT-py" in told.output


def test_a_claim_that_does_not_hold_fails(monkeypatch):
    """Were the word another one, the story would say so."""
    if not DATA.is_dir():
        pytest.skip("../shared/data/opennmt-py-2017 is absent: the story of a real checkpoint is not tested")
    found = story.corpus_claims(story.load_model(f"opennmt:{next(DATA.glob('*.pt'))}"), DATA)
    monkeypatch.setattr(story, "TWICE", story.LATIN)
    assert [claim.holds for claim in found] == [True, False]
