"""Indexes that are damaged, newer, of other things or not there: a numbered refusal, never other values."""

import random
import shutil
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from small_indexes import DECODER, ENCODER, MODEL, random_states, some_sentences, written

from s2sdap.neighbors.checking import check_values
from s2sdap.neighbors.identity import check_model, identity_of
from s2sdap.neighbors.manifest import NAME
from s2sdap.neighbors.place import Place
from s2sdap.neighbors.store import StateStore
from s2sdap.neighbors.writing import creating, writing
from s2sdap.vocabulary.errors import S2sdapError

FLIPS = 150


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    place = tmp_path_factory.mktemp("sound") / "index"
    batches = [{ENCODER: random_states(40, 16, seed), DECODER: random_states(30, 8, seed)} for seed in (1, 2)]
    written(place, batches, some_sentences(20))
    return place


@pytest.fixture
def index(sound, tmp_path):
    return shutil.copytree(sound, tmp_path / "index")


def refusal(name, text="S2S"):
    return pytest.raises(S2sdapError, match=text, check=lambda error: error.name == name)


def everything(place):
    store = StateStore.open(place)
    read = [store.rows(site, range(store.count(site))) for site in store.sites]
    values = [getattr(each, name).tobytes() for each in read for name in ("vectors", "sentence", "token")]
    return values, store.sentences(store.sentence_numbers)


# ---------------------------------------------------------------- the manifest


@pytest.mark.parametrize("share", [0, 0.3, 0.9, 0.999])
def test_a_truncated_manifest_is_told(index, share):
    data = (index / NAME).read_bytes()
    (index / NAME).write_bytes(data[: int(share * len(data))])
    with refusal("index_damaged", rf"S2S4513: The index .*index cannot be read: {NAME}: "):
        StateStore.open(index)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"s2sdap index"', '"another thing"'),
        ('"rows": 80', '"rows": -1'),
        ('"rows": 80', '"rows": 81'),
        ('"version": 2', '"version": 77'),
        ('"dimension": 16', '"dimension": 17'),
        ('"site"', '"place"'),
        ('"spec"', '"speck"'),
        ('"none"', '"\\ud800"'),
    ],
)
def test_a_manifest_that_says_something_else_is_told(index, before, after):
    text = (index / NAME).read_text()
    assert before in text
    (index / NAME).write_bytes(text.replace(before, after).encode("utf-8", "surrogatepass"))
    with refusal("index_damaged"):
        StateStore.open(index)


def test_a_manifest_that_is_no_text_is_told(index):
    (index / NAME).write_bytes(b"\xff\xfe\x00manifest")
    with refusal("index_damaged"):
        StateStore.open(index)


def test_a_newer_index_is_told_with_the_release_that_wrote_it(index):
    text = (index / NAME).read_text()
    text = text.replace('"version": 1', '"version": 9, "added": 3', 1).replace(
        '"release": "', '"release": "7.'
    )
    (index / NAME).write_text(text)
    with refusal("index_newer", r"S2S4512: .* version 9; this release reads up to 1\. Use s2sdap 7\."):
        StateStore.open(index)


def test_where_there_is_no_index_it_is_said(tmp_path):
    for place in (tmp_path, tmp_path / "nowhere", "memory://index", f"file-object-store://{tmp_path}/none"):
        with refusal("index_missing", "S2S4511: There is no index at "):
            StateStore.open(place)


# ---------------------------------------------------------------- the datasets


def test_a_data_file_that_is_gone_or_cut_off_is_told_when_it_is_opened(index):
    for path in sorted((index / "decoder.state.lance" / "data").iterdir()):
        data = path.read_bytes()
        path.write_bytes(data[:-1])
        with refusal("index_damaged", "decoder.state: .* bytes, not "):
            StateStore.open(index)
        path.unlink()
        with refusal("index_damaged", "decoder.state: .*No such file"):
            StateStore.open(index)
        path.write_bytes(data)
    StateStore.open(index)


@pytest.mark.parametrize("name", ["decoder.state", "sentences"])
def test_a_dataset_that_is_gone_is_told(index, name):
    shutil.rmtree(index / f"{name}.lance")
    with refusal("index_damaged", f"S2S4513: .*{name}: "):
        StateStore.open(index)
    with refusal("index_damaged"), writing(Place.of(index)):
        pass


def test_a_dataset_of_another_index_is_told(index, tmp_path):
    written(tmp_path / "other", [{ENCODER: random_states(40, 16, 9)}] * 2)
    shutil.rmtree(index / "encoder.states.lance")
    shutil.copytree(tmp_path / "other" / "encoder.states.lance", index / "encoder.states.lance")
    store = StateStore.open(index)  # as many rows of the same width at the same version
    with refusal("index_damaged", "encoder.states: rows 0 to 39 are not those that were written"):
        check_values(store)


def noticed(index, expected):
    """How a change of an index shows."""
    try:
        values = everything(index)
    except S2sdapError:
        return "refused"
    try:
        check_values(StateStore.open(index))
    except S2sdapError:
        return "by checksum"
    return "no change" if values == expected else "not at all"


def test_no_flipped_bit_goes_unnoticed(index):
    """Opening or reading refuses it, or the checksums do, or nothing that is read has changed."""
    expected = everything(index)
    assert check_values(StateStore.open(index)) == 160
    draw = random.Random(7)
    paths = sorted(path for path in index.rglob("*") if path.is_file() and path.stat().st_size)
    found = Counter()
    for _ in range(FLIPS):
        path = draw.choice(paths)
        data = path.read_bytes()
        at = draw.randrange(len(data))
        path.write_bytes(data[:at] + bytes([data[at] ^ 1 << draw.randrange(8)]) + data[at + 1 :])
        outcome = noticed(index, expected)
        path.write_bytes(data)
        found[outcome] += 1
    assert found.keys() == {"refused", "by checksum", "no change"}
    assert everything(index) == expected


# ---------------------------------------------------------------- what does not fit


def test_the_index_of_another_model_is_refused(sound):
    from s2sdap.models.loading import load_model

    model = load_model("dates")
    with refusal("index_other_model", "fingerprint 0123456789abcdef there"):
        check_model(str(sound), StateStore.open(sound).manifest.model, model)
    mine = identity_of(model, "dates")
    check_model("here", mine, model)
    import msgspec

    with refusal("index_other_model", "the weights are the same, but the tokenizer is 0000 there"):
        check_model("here", msgspec.structs.replace(mine, tokenizer="0000"), model)


def test_vectors_of_another_width_are_refused_and_nothing_is_lost(index):
    expected = everything(index)
    with writing(Place.of(index)) as writer:
        with refusal("index_dimension", r"S2S4515: decoder\.state has vectors of 8 numbers in .*, not of 9"):
            writer.add({ENCODER: random_states(3, 16), DECODER: random_states(3, 9)})
        writer.commit()
    assert everything(index) == expected


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    with refusal("index_foreign"), creating(Place.of(tmp_path), MODEL, {DECODER: 8}):
        pass
    assert sorted(each.name for each in tmp_path.iterdir()) == [".lock", "letter.txt"]


@pytest.mark.parametrize("place", ["/dev/null/index", "/proc/index"])
def test_where_nothing_can_be_written_it_is_said(place):
    refused = refusal("index_unwritable", "S2S4519: Cannot write the index ")
    with refused, creating(Place.of(place), MODEL, {DECODER: 8}):
        pass


# ---------------------------------------------------------------- two at once


def test_a_second_writer_is_refused_while_the_first_is_at_work(warm, index):
    other = f"""
import sys
from s2sdap.neighbors.place import Place
from s2sdap.neighbors.writing import writing
with writing(Place.of({str(index)!r})):
    print("held", flush=True)
    sys.stdin.read()
"""
    with warm.start(["-c", other]) as process:
        assert process.stdout.readline() == "held\n"
        with refusal("index_busy", rf"another process \(number {process.pid}\)"), writing(Place.of(index)):
            pass
        StateStore.open(index)  # who reads is not kept out
        process.kill()
    with writing(Place.of(index)):
        pass


def test_two_writers_of_an_object_storage_find_each_other_out(tmp_path):
    """There is no lock, but nobody replaces a manifest that is not the one that was read."""
    place = Place.of(f"file-object-store://{tmp_path}/index")
    written(place.path, [{DECODER: random_states(5, 8)}])
    with writing(place) as one, writing(place) as other:
        one.add({DECODER: random_states(3, 8)})
        one.commit()
        other.add({DECODER: random_states(4, 8)})
        with refusal("index_busy"):
            other.commit()
    assert StateStore.open(place).count(DECODER) == 8
    assert np.isfinite(StateStore.open(place).vectors(DECODER)).all()


def test_what_a_reader_has_opened_stays_as_it_was(index):
    store = StateStore.open(index)
    before = store.vectors(DECODER)
    with writing(Place.of(index)) as writer:
        writer.add({ENCODER: random_states(3, 16), DECODER: random_states(3, 8)})
        writer.commit()
        writer.tidy()
    assert np.array_equal(store.vectors(DECODER), before)
    assert store.count(DECODER) == 60
    assert StateStore.open(index).count(DECODER) == 63


# ---------------------------------------------------------------- without the extra


@pytest.mark.parametrize("module", ["lance", "pyarrow"])
def test_without_the_extra_it_is_said_what_to_install(sound, module):
    script = f"""
import sys
sys.modules[{module!r}] = None  # as an import that fails
from s2sdap.neighbors.store import StateStore
from s2sdap.vocabulary.errors import S2sdapError
try:
    store = StateStore.open({str(sound)!r})
    store.rows(store.sites[0], [0])
except S2sdapError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"S2S4510: Neighbours need the package {module}, which cannot be imported")
    assert "pip install 's2sdap[neighbors]'" in done.stdout
