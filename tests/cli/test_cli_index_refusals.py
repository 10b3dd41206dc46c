"""`s2sdap index`, refused: what is asked for, another model, an absent package, no room, no permission."""

import os
import re
import subprocess
import sys

import pytest
from built_index import DECODER, values

from s2sdap.models import bundled
from s2sdap.models.checkpoint import load_checkpoint, save_checkpoint
from s2sdap.neighbors.checking import check_values
from s2sdap.neighbors.place import Place
from s2sdap.neighbors.store import StateStore
from s2sdap.neighbors.writing import creating, writing
from s2sdap.vocabulary.errors import S2sdapError


@pytest.fixture(scope="module")
def other_model(tmp_path_factory):
    """The bundled model with one weight changed."""
    folder = tmp_path_factory.mktemp("models") / "dates"
    checkpoint = load_checkpoint(os.path.join(os.path.dirname(bundled.__file__), "dates"))
    weights = {name: weight.clone() for name, weight in checkpoint.weights.items()}
    next(iter(weights.values()))[0] += 1
    save_checkpoint(folder, checkpoint.config, weights)
    return folder


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            "build --corpus missing.txt --out new",
            r"S2S4527: Cannot read the corpus missing\.txt: No such file",
        ),
        ("build --corpus . --out new", r"S2S4527: Cannot read the corpus \.: Is a directory"),
        ("build --corpus /dev/null --out new", r"S2S4528: The corpus /dev/null has no sentence"),
        (
            "build --corpus dates.tsv --reference x --out new",
            r"S2S1012: Cannot read the references x: No such",
        ),
        (
            "build --corpus dates.tsv --out new --reference references.txt",
            r"S2S1006: The reference .* has 20",
        ),
        ("build --corpus dates.tsv --out new --model nowhere", r"S2S2001: There is no model 'nowhere'"),
        ("build --corpus dates.tsv --out new --sites decoder.cells", r"S2S4503: dates has no decoder\.cells"),
        ("build --corpus dates.tsv --out new --layers 3", r"S2S4504: .* has no layer 3"),
        ("build --corpus dates.tsv --out new --layers x", r"S2S3001: `--layers` is 'x'"),
        ("build --corpus dates.tsv --out new --device cuda:99", r"S2S20\d\d: .*cuda:99"),
        ("build --corpus dates.tsv --out new --budget lots", r"S2S3001: `--budget` is 'lots'"),
        (
            "build --corpus dates.tsv --out new --budget 10kB",
            r"150 sentences[\s\S]*about[\s\S]*S2S4522: .* needs [\d,]+ bytes",
        ),
        ("build --corpus dates.tsv --out .", r"S2S4520: .* holds other things than an index"),
        ("build --corpus dates.tsv --out index --sites decoder.state", r"S2S4521: .* its sites are encoder"),
        ("build --corpus sources.txt --out index", r"S2S4521: .* it is of .*dates\.tsv .*, not of .*sources"),
        ("build --corpus dates.tsv --out /dev/null/x", r"S2S4519: Cannot write the index /dev/null/x: Not a"),
        ("build --corpus dates.tsv --out memory://x", r"S2S4511: "),
        ("add new --corpus dates.tsv", r"S2S4511: There is no index at .*new"),
        ("info new", r"S2S4511: There is no index at .*new: manifest\.json: No such file"),
    ],
)
def test_a_refusal_says_why_and_makes_nothing(here, corpora, built, monkeypatch, arguments, said):
    monkeypatch.chdir(corpora)
    before = values(corpora / "index")
    done = here("index", *arguments.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert re.match(said, done.stderr), done.stderr
    assert not (corpora / "new").exists()
    assert values(corpora / "index") == before


def test_another_sample_of_a_corpus_that_is_in_is_refused(here, corpora, index):
    done = here("index", "add", index, "--corpus", corpora / "dates.tsv", "--sample", 5)
    assert done.returncode == 2
    assert done.stderr.startswith("S2S4524: Another sample of ")


def test_another_model_is_refused_with_both_fingerprints(here, corpora, index, other_model):
    build = ("build", "--corpus", corpora / "dates.tsv", "--out", index, "--model", other_model)
    for arguments in (build, ("add", index, "--corpus", corpora / "sources.txt", "--model", other_model)):
        done = here("index", *arguments)
        assert done.returncode == 2
        assert re.match(
            r"S2S4514: .* is of the model dates, not of this dates \(.*/dates\): weights and configuration "
            r"have the fingerprint [0-9a-f]{16} there, [0-9a-f]{16} here",
            done.stderr,
        )


def test_without_the_extra_the_command_says_what_to_install(corpora):
    script = "import sys; sys.modules['lance'] = None; from s2sdap.cli import main; main()"
    arguments = ["index", "build", "--corpus", corpora / "dates.tsv", "--out", corpora / "new"]
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("S2S4510: Neighbours need the package lance, which cannot be imported")


# ---------------------------------------------------------------- no room


LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from s2sdap.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
main()
"""
"""The command in a process that can write no file larger than so many bytes."""


def test_a_file_that_cannot_grow_is_told_and_the_command_goes_on_later(corpora, built, tmp_path, here, warm):
    pytest.importorskip("resource")
    build = ["index", "build", "--corpus", corpora / "dates.tsv", "--out", tmp_path / "index", "--commit"]
    done = warm.run(["-c", LIMITED, *build, "400"])
    assert (done.returncode, done.stdout) == (2, "")
    assert f"S2S4519: Cannot write the index {tmp_path}/index: " in done.stderr
    assert "File too large" in done.stderr
    assert StateStore.open(tmp_path / "index").sentence_count == 0
    assert here(*build, 10**6).returncode == 0
    assert values(tmp_path / "index") == values(corpora / "index")


FULL = """
set -e
mount -t tmpfs -o size=720k none "$PLACE"
"$@" && exit 1
mount -o remount,size=50m "$PLACE"
"$@"
cp -r "$PLACE/index" "$KEPT"
"""
"""A disk that has room for the vectors and their text, but not for all that lies around them."""


def test_a_full_disk_is_told_and_the_command_goes_on_when_there_is_room(corpora, built, tmp_path):
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode:
        pytest.skip("this system lets nobody mount a small disk")
    place, kept = tmp_path / "disk", tmp_path / "kept"
    place.mkdir()
    command = [sys.executable, "-m", "s2sdap", "index", "build", "--corpus", corpora / "dates.tsv"]
    done = subprocess.run(
        ["unshare", "-rm", "bash", "-c", FULL, "bash", *command, "--out", place / "index", "--commit", "300"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PLACE": str(place), "KEPT": str(kept)},
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(f"S2S4519: Cannot write the index {place}/index: ") == 1
    assert "No space left on device" in done.stderr
    assert check_values(StateStore.open(kept)) > 0
    assert values(kept) == values(corpora / "index")


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="there are no users here")
def test_a_folder_that_belongs_to_somebody_else_is_told(here, corpora, index, tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    index.chmod(0o555)
    (index / ".lock").chmod(0o444)
    mine = os.geteuid()
    if mine == 0:
        tmp_path.chmod(0o755)
        for parent in tmp_path.parents[:2]:
            parent.chmod(0o755)
    model = StateStore.open(index).manifest.model
    for act in (
        lambda: creating(Place.of(closed / "index"), model, {DECODER: 64}),
        lambda: writing(Place.of(index)),
    ):
        if mine == 0:
            os.seteuid(65534)  # root may write everywhere
        try:
            with pytest.raises(S2sdapError, match=r"S2S4519: .*: Permission denied"), act():
                pass
        finally:
            os.seteuid(mine)
    index.chmod(0o755)
