"""`s2sdap index add` and `info`: an index that is there is added to and looked at, also in object storage."""

import json
import re

import pytest
from built_index import COUNT, DECODER, ENCODER, values
from small_s3 import SmallS3

from s2sdap.cli.index import _without_secret
from s2sdap.models.bundled.written_dates import training_pairs
from s2sdap.neighbors.store import StateStore


def test_a_corpus_is_added_by_the_indexs_own_model(here, corpora, index):
    add = (
        "index",
        "add",
        index,
        "--corpus",
        corpora / "sources.txt",
        "--reference",
        corpora / "references.txt",
    )
    done = here(*add)
    assert done.returncode == 0, done.stderr
    store = StateStore.open(index)
    assert store.sentence_count == COUNT + 20
    added = store.sentence(COUNT + 3)
    assert (added.source, added.target) == training_pairs()[COUNT + 3]
    assert (added.file, added.line) == (str(corpora / "sources.txt"), 3)
    before = values(index)
    again = here(*add)
    assert again.returncode == 0
    assert again.stdout == f"{index}: all states of {corpora}/sources.txt are in already\n"
    assert values(index) == before
    assert (
        here("index", "add", index, "--corpus", corpora / "sources.txt").returncode == 0
    )  # no references: another


def test_info_says_what_is_in_it(here, corpora, built):
    done = here("index", "info", corpora / "index", "--check")
    assert done.returncode == 0
    store = StateStore.open(corpora / "index")
    for part in (
        f"model      dates (dates)  {store.manifest.model.fingerprint}",
        f"sentences  {COUNT}",
        f"│ encoder.states    │ {store.count(ENCODER):,}  │ 64 ",
        "│ whole │",
        "every value is as it was written",
    ):
        assert part in done.stdout
    told = json.loads(here("index", "info", corpora / "index", "--json").stdout)
    assert told["corpora"][0]["file"]["path"] == str(corpora / "dates.tsv")
    assert [each["rows"] for each in told["sites"]] == [store.count(site) for site in store.sites]


def test_info_finds_what_was_flipped(here, index):
    path = max((index / "decoder.state.lance" / "data").iterdir(), key=lambda each: each.stat().st_size)
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 4  # among the vectors, which are most of the file
    path.write_bytes(data)
    done = here("index", "info", index, "--check")
    assert (done.returncode, done.stdout) == (2, "")
    assert re.match(r"S2S4513: The index .* cannot be read: decoder\.state: rows 0 to ", done.stderr)


def test_an_index_in_object_storage_is_built_added_to_and_shown(here, corpora, built):
    server = SmallS3()
    options = [word for pair in server.options.items() for word in ("--storage", "=".join(pair))]
    try:
        build = ("index", "build", "--corpus", corpora / "dates.tsv", "--out", "s3://bucket/index", *options)
        assert here(*build).returncode == 0
        assert here(*build).stdout.endswith("are in already\n")
        done = here("index", "add", "s3://bucket/index", "--corpus", corpora / "sources.txt", *options)
        assert done.returncode == 0, done.stderr
        done = here("index", "info", "s3://bucket/index", "--check", *options)
        assert "every value is as it was written" in done.stdout
        assert f"sentences  {COUNT + 20}" in done.stdout
        store = StateStore.open("s3://bucket/index", server.options)
        rows = StateStore.open(corpora / "index").count(DECODER)
        assert (
            store.vectors(DECODER)[:rows].tobytes()
            == StateStore.open(corpora / "index").vectors(DECODER).tobytes()
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
