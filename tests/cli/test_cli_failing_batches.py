"""`s2sdap run` says that batches failed, in its words and in its report, and has the outputs all the same."""

import pytest

from s2sdap.cli.run import RunOptions, run

FAMILY = """
from s2sdap.models.loading import load_model

class Failing:
    def __init__(self, inner):
        self.inner = inner

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def encode_batch(self, sources, *probe):
        raise RuntimeError("no batch today")

    def select_encoded(self, encoded, rows):
        return self.inner.select_encoded(encoded, rows)

def load(rest, device):
    return Failing(load_model(rest, device))
"""


@pytest.fixture
def family(tmp_path, monkeypatch) -> None:
    """An installed package that offers `unbatched:NAME`, a model whose batches fail."""
    (tmp_path / "unbatched_family.py").write_text(FAMILY)
    info = tmp_path / "unbatched_family-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: unbatched-family\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[s2sdap.models]\nunbatched = unbatched_family:load\n")
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.usefixtures("family")
def test_batches_that_fail_are_counted_and_said(tmp_path, capsys):
    days = range(1, 7)
    (tmp_path / "in.txt").write_text("".join(f"March {day}, 1999\n" for day in days))
    options = RunOptions(
        file=str(tmp_path / "in.txt"),
        model="unbatched:dates",
        search={},
        reference=None,
        output=str(tmp_path / "out.txt"),
        rules=["lowConfidence(p < 0)"],
        report=None,
        html=str(tmp_path / "out.html"),
        device="cpu",
        threads=1,
        generation=(),
        dtype=None,
        revision=None,
        trust_remote_code=False,
    )
    assert run(options) == 0
    assert (tmp_path / "out.txt").read_text().splitlines() == [f"1999-03-{day:02}" for day in days]
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("S2S")]
    assert len(said) == 1
    assert said[0].startswith("S2S7203: Something failed in 1 of the batches")
    assert "RuntimeError: no batch today" in said[0]
    assert "1; the first: RuntimeError: no batch today" in (tmp_path / "out.html").read_text()
