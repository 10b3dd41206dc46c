"""`s2sdap index build`: what it asks for and what it tells, on the way too; interrupted, and gone on with."""

import os
import pty
import re
import shlex
import shutil
import signal

import numpy as np
import soundfile
import torch
from built_index import COUNT, DECODER
from models.hf_tiny import folder_of
from signalled import signalled

from s2sdap.cli.progress_bar import lines
from s2sdap.neighbors.checking import check_values
from s2sdap.neighbors.manifest import NAME
from s2sdap.neighbors.store import StateStore

ANSI = re.compile(rb"\x1b\[[0-9;?]*[a-zA-Z]")


def test_a_build_says_what_it_needs_and_what_it_made(corpora, built):
    store = StateStore.open(corpora / "index")
    rows = [store.count(site) for site in store.sites]
    assert [str(site) for site in store.sites] == ["encoder.states", "decoder.state", "attention.context"]
    text = sum(len(line.encode()) - 1 for line in (corpora / "dates.tsv").read_text().splitlines())
    need = 2 * 64 * sum(rows) + text
    assert built.stderr == (
        f"{COUNT} sentences, {rows[0] + rows[1]:,} tokens: encoder.states {rows[0]:,} x 64, "
        f"decoder.state {rows[1]:,} x 64, attention.context {rows[2]:,} x 64\n"
        f"about {need:,} bytes ({need / 1000:.1f} kB) in {corpora}/index\n"
    )
    assert re.fullmatch(rf".*/index: {COUNT} sentences, {sum(rows):,} states in \d+\.\d s\n", built.stdout)


def test_torch_has_one_thread_unless_more_are_asked_for(here, corpora, tmp_path):
    torch.set_num_threads(3)
    build = ("index", "build", "--corpus", corpora / "sources.txt", "--sample", 2, "--out")
    assert here(*build, tmp_path / "one").returncode == 0
    assert torch.get_num_threads() == 1
    assert here(*build, tmp_path / "two", "--threads", 2).returncode == 0
    assert torch.get_num_threads() == 2
    told = [StateStore.open(tmp_path / name).manifest.corpora[0] for name in ("one", "two")]
    assert [(each.device, each.threads) for each in told] == [("cpu", 1), ("cpu", 2)]


def test_the_same_command_again_finds_it_done(here, corpora, built):
    done = here("index", "build", "--corpus", corpora / "dates.tsv", "--out", corpora / "index")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{corpora}/index: all states of {corpora}/dates.tsv are in already\n"


def test_sites_layers_samples_and_batches_are_what_is_asked_for(here, corpora, tmp_path):
    done = here(
        *("index", "build", "--corpus", corpora / "dates.tsv", "--out", f"file://{tmp_path}/an%20index"),
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


def test_a_table_that_is_not_called_so_is_told(here, corpora, tmp_path):
    shutil.copy(corpora / "dates.tsv", tmp_path / "dates.txt")
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


def test_ctrl_c_keeps_what_is_committed_and_says_how_to_go_on(corpora, tmp_path, s2sdap, warm):
    """In the midst of a commit, after some others."""
    command = tmp_path / "command.py"
    command.write_text("from s2sdap.cli import main\nmain()\n")
    build = ["index", "build", "--corpus", corpora / "dates.tsv", "--out", tmp_path / "index"]
    here, terminal = pty.openpty()
    with os.fdopen(terminal, "wb") as errors:
        process = warm.start(
            [*signalled(command, signal.SIGINT, NAME, 10), *build, "--batch", 1, "--commit", 40],
            errors=errors,
            environment={**os.environ, "COLUMNS": "150"},
        )
    shown = ""
    for text in screen(here):
        shown += text
    os.close(here)
    with process:
        assert (process.stdout.read(), process.wait(100)) == ("", 130)
    assert "loading dates" in shown
    assert re.search(rf"[1-9]\d* of {COUNT} sentences kept", text)
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
