"""Session files that are damaged, made up, foreign or too new: refused by number, whatever their bytes."""

import contextlib
import json
import struct
import zipfile
from functools import cache
from pathlib import Path

import pytest
from driving import session_of
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from recordings import shown
from tiny_models import rnn

from s2sdap import S2sdapError, Session

FUZZ = {"deadline": None, "derandomize": True, "suppress_health_check": [HealthCheck.function_scoped_fixture]}
REFUSALS = {"session_missing", "session_foreign", "session_newer", "session_damaged", "session_too_large"}


@cache
def written(folder: Path) -> tuple[bytes, dict[str, bytes]]:
    """The bytes of a small session file, and its entries."""
    session = session_of(rnn(), "abc\nba", reference="uv\nw", beam_size=2, max_length=3)
    session.start()
    session.next()
    session.force("z")
    session.next()
    path = folder / "whole.s2s"
    session.save(path)
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    return path.read_bytes(), entries


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("broken")


def zipped(path, entries, compress=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compress) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return path


def with_document(folder, change):
    """The whole file with a changed document, whose checksums are right."""
    _, entries = written(folder)
    document = json.loads(entries["session.json"])
    change(document)
    return zipped(folder / "changed.s2s", {**entries, "session.json": json.dumps(document).encode()})


def look_everywhere(recorded):
    """Look at all that it shows. Whatever is wrong must be a refusal of ours."""
    while recorded.walk.forward():
        shown(recorded)
    return recorded


def refused_for(path):
    """The hundreds of the number by which the file is refused; what is opened can be looked at everywhere."""
    try:
        recorded = Session.open_recording(path)
    except S2sdapError as error:
        return error.number // 100
    with contextlib.suppress(S2sdapError):
        look_everywhere(recorded)
    return None


def refusal(path):
    with pytest.raises(S2sdapError) as refused:
        Session.open_recording(path)
    assert refused.value.name in REFUSALS
    return refused.value


@given(data=st.data())
@hypothesis_settings(max_examples=150, **FUZZ)
def test_any_damage_to_the_bytes_is_a_refusal_of_ours(folder, data):
    whole, _ = written(folder)
    kind = data.draw(st.sampled_from(["flip", "cut", "drop", "insert"]))
    at = data.draw(st.integers(0, len(whole) - 1))
    if kind == "flip":
        changed = whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :]
    elif kind == "cut":
        changed = whole[:at]
    elif kind == "drop":
        changed = whole[:at] + whole[at + data.draw(st.integers(1, 300)) :]
    else:
        changed = whole[:at] + data.draw(st.binary(min_size=1, max_size=40)) + whole[at:]
    path = folder / "damaged.s2s"
    path.write_bytes(changed)
    assert refused_for(path) in (None, 71)  # none: the bytes meant nothing, so it is whole after all


def leaves(value, path=()):
    """Every place in a document."""
    yield path
    if isinstance(value, dict):
        for key, each in value.items():
            yield from leaves(each, (*path, key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from leaves(each, (*path, index))


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 40),
    st.sampled_from([2**31, 2**63, -(2**63), 10**30]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
    st.just([]),
    st.just({}),
    st.just("9" * 500),
)


@given(data=st.data())
@hypothesis_settings(max_examples=300, **FUZZ)
def test_a_document_that_was_made_up_is_a_refusal_of_ours(folder, data):
    _, entries = written(folder)
    places = [each for each in leaves(json.loads(entries["session.json"])) if each]
    place = data.draw(st.sampled_from(places))
    value = data.draw(ODD)

    def change(document):
        inner = document
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = value

    assert refused_for(with_document(folder, change)) in (None, 71)


def test_no_file_a_folder_and_other_files_are_told_apart(tmp_path):
    assert refusal(tmp_path / "none.s2s").name == "session_missing"
    assert refusal(tmp_path).name == "session_missing"
    (tmp_path / "text.s2s").write_text("not a zip")
    assert refusal(tmp_path / "text.s2s").name == "session_foreign"
    assert refusal(zipped(tmp_path / "other.zip", {"a": b"b"})).name == "session_foreign"
    odd = zipped(tmp_path / "odd.s2s", {"session.json": b'{"format": "x", "version": 1, "release": "1"}'})
    assert refusal(odd).name == "session_foreign"


def test_a_newer_version_is_refused_with_who_wrote_it(folder):
    path = with_document(folder, lambda document: document.update(version=2, release="9.9", surprise=[]))
    error = refusal(path)
    assert error.name == "session_newer"
    assert "9.9" in str(error)


def test_fields_that_are_unknown_are_passed_over(folder):
    path = with_document(folder, lambda document: document.update(surprise={"a": 1}))
    assert look_everywhere(Session.open_recording(path)).walk.ended


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "tensors-00007.safetensors", "a/b"])
def test_no_other_entry_is_let_in(folder, name):
    _, entries = written(folder)
    error = refusal(zipped(folder / "more.s2s", {**entries, name: b"x"}))
    assert error.name == "session_damaged"
    assert not (folder.parent / "evil").exists()


def test_an_entry_that_comes_twice_is_refused(folder):
    _, entries = written(folder)
    path = zipped(folder / "twice.s2s", entries)
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("session.json", entries["session.json"])
    assert refusal(path).name == "session_damaged"


def test_tensors_that_would_unpack_to_more_are_refused_unread(folder):
    _, entries = written(folder)
    path = zipped(folder / "bomb.s2s", entries, zipfile.ZIP_DEFLATED)
    error = refusal(path)
    assert (error.name, "not stored" in str(error)) == ("session_damaged", True)


def test_a_document_that_says_it_is_huge_is_refused_unread(folder):
    whole, _ = written(folder)
    entry = whole.rindex(b"PK\x01\x02")  # the document's row of the zip's directory, the last one
    assert whole[entry + 46 :].startswith(b"session.json")
    huge = whole[: entry + 24] + struct.pack("<I", 2**31) + whole[entry + 28 :]
    path = folder / "huge.s2s"
    path.write_bytes(huge)
    assert refusal(path).name == "session_too_large"


def test_a_document_that_unpacks_to_more_than_it_says_is_refused(folder):
    whole, _ = written(folder)
    entry = whole.rindex(b"PK\x01\x02")
    path = folder / "more-than-it-says.s2s"
    path.write_bytes(whole[: entry + 24] + struct.pack("<I", 100) + whole[entry + 28 :])
    assert refusal(path).name == "session_damaged"
