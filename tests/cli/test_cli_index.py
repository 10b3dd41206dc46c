"""`s2sdap index`: build, interrupted and gone on with, added to, looked at, and refused."""

import json
import os
import pty
import re
import shlex
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
import soundfile
import torch
from models.hf_tiny import folder_of
from small_s3 import SmallS3

from s2sdap.cli import main
from s2sdap.cli.index import _without_secret
from s2sdap.cli.progress_bar import lines
from s2sdap.models import bundled
from s2sdap.models.bundled.written_dates import training_pairs
from s2sdap.models.checkpoint import load_checkpoint, save_checkpoint
from s2sdap.neighbors.checking import check_values
from s2sdap.neighbors.states import StateSite
from s2sdap.neighbors.store import StateStore

COUNT = 150
ENCODER, DECODER = StateSite("encoder.states"), StateSite("decoder.state")
ANSI = re.compile(rb"\x1b\[[0-9;?]*[a-zA-Z]")


@pytest.fixture(autouse=True)
def threads_as_before():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def here(monkeypatch, capsys):
    """The command in this process, which has its imports done: the same entry point, output and exit code."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["s2sdap", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, ended.value.code or 0, said.out, said.err)

    return run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("index")
    pairs = training_pairs()
    (folder / "dates.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in pairs[:COUNT]), "utf-8")
    (folder / "sources.txt").write_text("".join(f"{a}\n" for a, _ in pairs[COUNT : COUNT + 20]), "utf-8")
    (folder / "references.txt").write_text("".join(f"{b}\n" for _, b in pairs[COUNT : COUNT + 20]), "utf-8")
    return folder


@pytest.fixture(scope="module")
def built(folder, s2sdap):
    """What the command says and makes, in a process of its own."""
    done = s2sdap("index", "build", "--corpus", folder / "dates.tsv", "--out", folder / "index")
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture
def index(folder, built, tmp_path):
    return shutil.copytree(folder / "index", tmp_path / "index")


@pytest.fixture(scope="module")
def other_model(tmp_path_factory):
    """The bundled model with one weight changed."""
    folder = tmp_path_factory.mktemp("models") / "dates"
    checkpoint = load_checkpoint(os.path.join(os.path.dirname(bundled.__file__), "dates"))
    weights = {name: weight.clone() for name, weight in checkpoint.weights.items()}
    next(iter(weights.values()))[0] += 1
    save_checkpoint(folder, checkpoint.config, weights)
    return folder


def values(place):
    store = StateStore.open(place)
    rows = [store.rows(site, range(store.count(site))) for site in store.sites]
    return [getattr(each, name).tobytes() for each in rows for name in ("vectors", "sentence", "position")]


# ---------------------------------------------------------------- building


def test_a_build_says_what_it_needs_and_what_it_made(folder, built):
    store = StateStore.open(folder / "index")
    rows = [store.count(site) for site in store.sites]
    assert [str(site) for site in store.sites] == ["encoder.states", "decoder.state", "attention.context"]
    text = sum(len(line.encode()) - 1 for line in (folder / "dates.tsv").read_text().splitlines())
    need = 2 * 64 * sum(rows) + text
    assert built.stderr == (
        f"{COUNT} sentences, {rows[0] + rows[1]:,} tokens: encoder.states {rows[0]:,} x 64, "
        f"decoder.state {rows[1]:,} x 64, attention.context {rows[2]:,} x 64\n"
        f"about {need:,} bytes ({need / 1000:.1f} kB) in {folder}/index\n"
    )
    assert re.fullmatch(rf".*/index: {COUNT} sentences, {sum(rows):,} states in \d+\.\d s\n", built.stdout)


def test_torch_has_one_thread_unless_more_are_asked_for(here, folder, built, tmp_path):
    torch.set_num_threads(3)
    build = ("index", "build", "--corpus", folder / "sources.txt", "--sample", 2, "--out")
    assert here(*build, tmp_path / "one").returncode == 0
    assert torch.get_num_threads() == 1
    assert here(*build, tmp_path / "two", "--threads", 2).returncode == 0
    assert torch.get_num_threads() == 2
    told = [StateStore.open(tmp_path / name).manifest.corpora[0] for name in ("one", "two")]
    assert [(each.device, each.threads) for each in told] == [("cpu", 1), ("cpu", 2)]


def test_the_same_command_again_finds_it_done(here, folder, built):
    done = here("index", "build", "--corpus", folder / "dates.tsv", "--out", folder / "index")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{folder}/index: all states of {folder}/dates.tsv are in already\n"


def test_sites_layers_samples_and_batches_are_what_is_asked_for(here, folder, tmp_path):
    done = here(
        *("index", "build", "--corpus", folder / "dates.tsv", "--out", f"file://{tmp_path}/an%20index"),
        *("--sites", "encoder.states, decoder.layers", "--layers", "0", "--sample", 20, "--seed", 5),
        *("--batch", 8, "--commit", 30),
    )
    assert done.returncode == 0, done.stderr
    store = StateStore.open(tmp_path / "an index")
    assert list(map(str, store.sites)) == ["encoder.states", "decoder.layers.0"]
    (corpus,) = store.manifest.corpora
    assert (corpus.sentences, corpus.sample, corpus.seed) == (20, 20, 5)
    assert (corpus.batch_sentences, corpus.batches) == (8, 3)


def test_what_cannot_be_read_is_told_with_its_line(here, tmp_path):
    (tmp_path / "mixed.tsv").write_text("March 3, 1999\t1999-03-03\n" + "J 4, 2005\t\n" * 5)
    done = here("index", "build", "--corpus", tmp_path / "mixed.tsv", "--out", tmp_path / "index")
    assert done.returncode == 0
    assert "left out: 5 of 6 lines with text\n  line 2: S2S4505: " in done.stderr
    assert "  and 2 more\n" in done.stderr
    assert "left out" in here("index", "info", tmp_path / "index").stdout


def test_a_corpus_that_the_model_does_not_know_the_words_of_is_told(here, tmp_path):
    (tmp_path / "other.tsv").write_text("一九九九年三月\t1999-03-03\nMarch\tMärz\n" * 2, "utf-8")
    done = here("index", "build", "--corpus", tmp_path / "other.tsv", "--out", tmp_path / "index")
    assert done.returncode == 0
    assert "does not know 58% of the source tokens: is that the language" in done.stderr
    assert "does not know 25% of the target tokens" in done.stderr


def test_a_table_that_is_not_called_so_is_told(here, folder, tmp_path):
    shutil.copy(folder / "dates.tsv", tmp_path / "dates.txt")
    done = here("index", "build", "--corpus", tmp_path / "dates.txt", "--out", tmp_path / "i", "--sample", 2)
    assert done.returncode == 0
    assert "every source has a tab in it: where references stand behind it, call the file .tsv" in done.stderr


def test_recordings_are_found_from_the_folder_of_the_corpus(here, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    noise = np.random.default_rng(1).standard_normal(8000).astype(np.float32) * 0.1
    soundfile.write(tmp_path / "noise.wav", noise, 16_000)
    (tmp_path / "corpus.tsv").write_text("gone.wav\tnothing\nnoise.wav\tthe cat\n")
    model = f"hf:{folder_of('whisper')}"
    done = here(
        "index", "build", "--model", model, "--corpus", tmp_path / "corpus.tsv", "--out", tmp_path / "i"
    )
    assert done.returncode == 0, done.stderr
    assert "  line 1: S2S2022: The line 'gone.wav' names no recording" in done.stderr
    store = StateStore.open(tmp_path / "i")
    assert (store.sentence_count, store.sentence(0).source) == (1, "noise.wav")
    assert store.count(DECODER) == len(store.sentence(0).target_pieces)


def screen(descriptor):
    """What a terminal is shown, piece by piece."""
    shown = b""
    while True:
        try:
            piece = os.read(descriptor, 65_536)
        except OSError:  # the other end is closed
            return
        if not piece:
            return
        shown += piece
        yield ANSI.sub(b"", shown).decode(errors="replace")


def test_ctrl_c_keeps_what_is_committed_and_says_how_to_go_on(folder, built, tmp_path, s2sdap, warm):
    build = ["index", "build", "--corpus", folder / "dates.tsv", "--out", tmp_path / "index"]
    here, terminal = pty.openpty()
    with os.fdopen(terminal, "wb") as errors:
        process = warm.start(
            ["-m", "s2sdap", *build, "--batch", 1, "--commit", 40],
            errors=errors,
            environment={**os.environ, "COLUMNS": "150"},
        )
    asked, shown = False, ""
    for text in screen(here):
        shown += text
        if not asked and re.search(rf"[1-9]\d* of {COUNT} sentences kept", text):
            process.send_signal(signal.SIGINT)
            asked = True
    os.close(here)
    with process:
        assert (process.stdout.read(), process.wait(60)) == ("", 130)
    assert "loading dates" in shown
    assert re.search(r"extracting .*\d% .*tokens/s .*\d:\d\d:\d\d", text)  # a rate, and the time that is left
    said = re.search(r"Interrupted: (\d+) sentences are kept in (\S+/index)\. Go on with: (.+)", text)
    store = StateStore.open(tmp_path / "index")
    assert said is not None
    assert 0 < int(said[1]) == store.sentence_count < COUNT
    again = shlex.split(said[3])
    assert again[0] == "s2sdap"
    done = s2sdap(*again[1:])
    assert done.returncode == 0, done.stderr
    assert re.match(rf"going on with {COUNT - int(said[1])} of {COUNT} sentences", done.stderr)
    assert StateStore.open(tmp_path / "index").sentence_numbers.tolist() == list(range(COUNT))
    assert check_values(StateStore.open(tmp_path / "index")) > 0


def test_a_log_has_a_line_from_time_to_time(capsys):
    tell = lines("extracting", "tokens", seconds=0)
    tell(100, 1100, "going on")  # a build that goes on has its first hundred already
    tell(600, 1100, "500 kept")
    tell(600 + 10**9, 1100 + 10**9, "")
    first, second = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r"extracting 55%, [\d,]+ tokens/s, \d:\d\d:\d\d left, 500 kept", first)
    assert re.fullmatch(r"extracting 100%, [\d,]+ tokens/s, 0:00:00 left", second)
    lines("extracting", "tokens")(5, 10, "")
    assert capsys.readouterr().err == ""


def test_an_index_in_object_storage_is_built_added_to_and_shown(here, folder, built):
    server = SmallS3()
    options = [word for pair in server.options.items() for word in ("--storage", "=".join(pair))]
    try:
        build = ("index", "build", "--corpus", folder / "dates.tsv", "--out", "s3://bucket/index", *options)
        assert here(*build).returncode == 0
        assert here(*build).stdout.endswith("are in already\n")
        done = here("index", "add", "s3://bucket/index", "--corpus", folder / "sources.txt", *options)
        assert done.returncode == 0, done.stderr
        done = here("index", "info", "s3://bucket/index", "--check", *options)
        assert "every value is as it was written" in done.stdout
        assert f"sentences  {COUNT + 20}" in done.stdout
        store = StateStore.open("s3://bucket/index", server.options)
        rows = StateStore.open(folder / "index").count(DECODER)
        assert (
            store.vectors(DECODER)[:rows].tobytes()
            == StateStore.open(folder / "index").vectors(DECODER).tobytes()
        )
    finally:
        server.close()


@pytest.mark.parametrize(
    ("argument", "shown"),
    [
        ("--storage=aws_secret_access_key=abc=", "--storage=aws_secret_access_key=..."),
        ("azure_storage_sas_token=abc", "azure_storage_sas_token=..."),
        ("aws_region=eu-1", "aws_region=eu-1"),
        ("--corpus=key.txt", "--corpus=key.txt"),
        ("s3://bucket/index", "s3://bucket/index"),
    ],
)
def test_what_lets_people_into_a_storage_is_not_printed(argument, shown):
    assert _without_secret(argument) == shown


# ---------------------------------------------------------------- adding


def test_a_corpus_is_added_by_the_indexs_own_model(here, folder, index):
    add = (
        "index",
        "add",
        index,
        "--corpus",
        folder / "sources.txt",
        "--reference",
        folder / "references.txt",
    )
    done = here(*add)
    assert done.returncode == 0, done.stderr
    store = StateStore.open(index)
    assert store.sentence_count == COUNT + 20
    added = store.sentence(COUNT + 3)
    assert (added.source, added.target) == training_pairs()[COUNT + 3]
    assert (added.file, added.line) == (str(folder / "sources.txt"), 3)
    before = values(index)
    again = here(*add)
    assert again.returncode == 0
    assert again.stdout == f"{index}: all states of {folder}/sources.txt are in already\n"
    assert values(index) == before
    assert (
        here("index", "add", index, "--corpus", folder / "sources.txt").returncode == 0
    )  # no references: another


def test_another_sample_of_a_corpus_that_is_in_is_refused(here, folder, index):
    done = here("index", "add", index, "--corpus", folder / "dates.tsv", "--sample", 5)
    assert done.returncode == 2
    assert done.stderr.startswith("S2S4524: Another sample of ")


# ---------------------------------------------------------------- looking


def test_info_says_what_is_in_it(here, folder, built):
    done = here("index", "info", folder / "index", "--check")
    assert done.returncode == 0
    store = StateStore.open(folder / "index")
    for part in (
        f"model      dates (dates)  {store.manifest.model.fingerprint}",
        f"sentences  {COUNT}",
        f"│ encoder.states    │ {store.count(ENCODER):,}  │ 64 ",
        "│ whole │",
        "every value is as it was written",
    ):
        assert part in done.stdout
    told = json.loads(here("index", "info", folder / "index", "--json").stdout)
    assert told["corpora"][0]["file"]["path"] == str(folder / "dates.tsv")
    assert [each["rows"] for each in told["sites"]] == [store.count(site) for site in store.sites]


def test_info_finds_what_was_flipped(here, index):
    path = max((index / "decoder.state.lance" / "data").iterdir(), key=lambda each: each.stat().st_size)
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 4  # among the vectors, which are most of the file
    path.write_bytes(data)
    done = here("index", "info", index, "--check")
    assert (done.returncode, done.stdout) == (2, "")
    assert re.match(r"S2S4513: The index .* cannot be read: decoder\.state: rows 0 to ", done.stderr)


# ---------------------------------------------------------------- refusals


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
        ("build --corpus sources.txt --out index", r"S2S4521: .* it is of .*dates\.tsv"),
        ("build --corpus dates.tsv --out /dev/null/x", r"S2S4519: Cannot write the index /dev/null/x: Not a"),
        ("build --corpus dates.tsv --out memory://x", r"S2S4511: "),
        ("add new --corpus dates.tsv", r"S2S4511: There is no index at .*new"),
        ("info new", r"S2S4511: There is no index at .*new: manifest\.json: No such file"),
    ],
)
def test_a_refusal_says_why_and_makes_nothing(here, folder, built, monkeypatch, arguments, said):
    monkeypatch.chdir(folder)
    before = values(folder / "index")
    done = here("index", *arguments.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert re.match(said, done.stderr), done.stderr
    assert not (folder / "new").exists()
    assert values(folder / "index") == before


def test_another_model_is_refused_with_both_fingerprints(here, folder, index, other_model):
    build = ("build", "--corpus", folder / "dates.tsv", "--out", index, "--model", other_model)
    for arguments in (build, ("add", index, "--corpus", folder / "sources.txt", "--model", other_model)):
        done = here("index", *arguments)
        assert done.returncode == 2
        assert re.match(
            r"S2S4514: .* is of the model dates, not of this dates \(.*/dates\): weights and configuration "
            r"have the fingerprint [0-9a-f]{16} there, [0-9a-f]{16} here",
            done.stderr,
        )


def test_without_the_extra_the_command_says_what_to_install(folder):
    script = "import sys; sys.modules['lance'] = None; from s2sdap.cli import main; main()"
    arguments = ["index", "build", "--corpus", folder / "dates.tsv", "--out", folder / "new"]
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


def test_a_file_that_cannot_grow_is_told_and_the_command_goes_on_later(folder, built, tmp_path, here, warm):
    pytest.importorskip("resource")
    build = ["index", "build", "--corpus", folder / "dates.tsv", "--out", tmp_path / "index", "--commit"]
    done = warm.run(["-c", LIMITED, *build, "400"])
    assert (done.returncode, done.stdout) == (2, "")
    assert f"S2S4519: Cannot write the index {tmp_path}/index: " in done.stderr
    assert "File too large" in done.stderr
    assert StateStore.open(tmp_path / "index").sentence_count == 0
    assert here(*build, 10**6).returncode == 0
    assert values(tmp_path / "index") == values(folder / "index")


FULL = """
set -e
mount -t tmpfs -o size=720k none "$PLACE"
"$@" && exit 1
mount -o remount,size=50m "$PLACE"
"$@"
cp -r "$PLACE/index" "$KEPT"
"""
"""A disk that has room for the vectors and their text, but not for all that lies around them."""


def test_a_full_disk_is_told_and_the_command_goes_on_when_there_is_room(folder, built, tmp_path):
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode:
        pytest.skip("this system lets nobody mount a small disk")
    place, kept = tmp_path / "disk", tmp_path / "kept"
    place.mkdir()
    command = [sys.executable, "-m", "s2sdap", "index", "build", "--corpus", folder / "dates.tsv"]
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
    assert values(kept) == values(folder / "index")


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="there are no users here")
def test_a_folder_that_belongs_to_somebody_else_is_told(here, folder, index, tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    index.chmod(0o555)
    (index / ".lock").chmod(0o444)
    mine = os.geteuid()
    if mine == 0:
        tmp_path.chmod(0o755)
        for parent in tmp_path.parents[:2]:
            parent.chmod(0o755)
    from s2sdap.neighbors.place import Place
    from s2sdap.neighbors.writing import creating, writing
    from s2sdap.vocabulary.errors import S2sdapError

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
