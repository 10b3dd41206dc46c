"""Programs: what a file of sentences may hold, and where it says that it cannot be read."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2sdap import S2sdapError
from s2sdap.debugger.program import inline_program, open_program, read_program
from s2sdap.vocabulary.files import MAX_BYTES, read_lines, split_lines


def written(tmp_path, data, name="program.txt"):
    path = tmp_path / name
    path.write_bytes(data)
    return str(path)


def test_sentences_are_the_lines_with_text(tmp_path):
    path = written(tmp_path, "eins\n\n zwei \n\t\n日本🎉\n".encode())
    program = read_program(path)
    assert [(each.index, each.line, each.text) for each in program.sentences] == [
        (0, 0, "eins"),
        (1, 2, " zwei "),
        (2, 3, "\t"),
        (3, 4, "日本🎉"),
    ]
    assert program.lines == ("eins", "", " zwei ", "\t", "日本🎉")
    assert (program.name, program.path) == ("program.txt", path)
    assert [program.sentence_from(line).index for line in range(5)] == [0, 1, 1, 2, 3]
    assert program.sentence_from(5) is None


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"\xef\xbb\xbfa\r\nb\r\n", ["a", "b"]),
        (b"a\nb", ["a", "b"]),
        (b"a\n\n", ["a", ""]),
        (b"a\rb\n", ["a\rb"]),
        ("a\u2028b\x0cc\n".encode(), ["a\u2028b\x0cc"]),
        (b"", []),
        (b"\xef\xbb\xbf", []),
    ],
)
def test_lines_are_an_editors_lines(tmp_path, data, lines):
    assert read_lines(written(tmp_path, data)) == lines


@given(st.lists(st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]))))
def test_lines_survive_writing_and_reading(lines):
    assert split_lines("".join(f"{line}\n" for line in lines)) == lines
    assert split_lines("".join(f"{line}\r\n" for line in lines)) == lines


@pytest.mark.parametrize(
    ("data", "offset", "line", "byte"),
    [
        (b"\xff", 0, 1, 0xFF),
        (b"ab\ncd\n\xe4f\n", 6, 3, 0xE4),
        ("ä\n".encode() + b"\xc3(", 3, 2, 0xC3),
        (b"\xef\xbb\xbfab\n\xff", 6, 2, 0xFF),
        (b"a\xed\xa0\x80", 1, 1, 0xED),
    ],
)
def test_bytes_that_are_no_text_are_named(tmp_path, data, offset, line, byte):
    path = written(tmp_path, data)
    with pytest.raises(S2sdapError) as refused:
        read_program(path)
    assert refused.value.name == "program_not_utf8"
    assert refused.value.details == {"path": path, "offset": offset, "line": line, "byte": byte}
    assert f"0x{byte:02x}" in str(refused.value)


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\r\n", b"\xef\xbb\xbf\n"])
def test_a_program_without_text(tmp_path, data):
    with pytest.raises(S2sdapError) as refused:
        read_program(written(tmp_path, data))
    assert refused.value.name == "program_empty"


@pytest.mark.parametrize("name", ["missing.txt", "a\0b", "", "x" * 5000, "."])
def test_what_is_no_file(tmp_path, name):
    with pytest.raises(S2sdapError) as refused:
        read_program(str(tmp_path / name) if name else "")
    assert refused.value.name == "program_missing"


def test_a_file_larger_than_the_limit_is_not_read(tmp_path):
    path = tmp_path / "large.txt"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)  # a hole: it takes no room
    with pytest.raises(S2sdapError) as refused:
        read_program(str(path))
    assert refused.value.name == "program_too_large"


def test_a_pipe_is_a_program_too(tmp_path):
    reading, writing = os.pipe()
    os.write(writing, b"ab\ncd\n")
    os.close(writing)
    try:
        assert read_lines(f"/dev/fd/{reading}") == ["ab", "cd"]
    finally:
        os.close(reading)


# ---------------------------------------------------------------- references


def test_references_stand_beside_their_lines(tmp_path):
    program = read_program(written(tmp_path, b"a\n\nb\n"), written(tmp_path, b"A\nx\nB\n", "references.txt"))
    assert [each.reference for each in program.sentences] == ["A", "B"]
    assert [each.reference for each in inline_program("a\nb", "A\nB").sentences] == ["A", "B"]
    assert inline_program("a").sentences[0].reference is None


def test_as_many_references_as_lines(tmp_path):
    path = written(tmp_path, b"A\n", "references.txt")
    with pytest.raises(S2sdapError, match="1 lines, the program has 2") as refused:
        read_program(written(tmp_path, b"a\nb\n"), path)
    assert refused.value.name == "reference_length"
    with pytest.raises(S2sdapError):
        inline_program("a", "A\nB")
    with pytest.raises(S2sdapError) as refused:
        read_program(written(tmp_path, b"a\n"), str(tmp_path / "missing"))
    assert refused.value.name == "reference_missing"


def test_a_launch_names_one_of_the_two():
    with pytest.raises(S2sdapError) as refused:
        open_program("x", "y", None)
    assert refused.value.name == "two_programs"
    with pytest.raises(S2sdapError) as refused:
        open_program(None, None, None)
    assert refused.value.name == "no_program"
    with pytest.raises(S2sdapError) as refused:
        open_program(None, "", None)
    assert refused.value.name == "program_empty"
    program = open_program(None, "a b", "A B")
    assert (program.path, program.name) == (None, "source")


# ---------------------------------------------------------------- files with columns


def test_the_second_column_is_the_reference(tmp_path):
    path = written(tmp_path, b"a b\tA B\tmore\n\nc\tC\n", "pairs.TSV")
    program = read_program(path)
    assert [(each.text, each.reference, each.line) for each in program.sentences] == [
        ("a b", "A B", 0),
        ("c", "C", 2),
    ]
    assert program.lines == ("a b", "", "c")


def test_a_named_reference_comes_before_the_column(tmp_path):
    path = written(tmp_path, b"a\tA\n", "pairs.tsv")
    program = read_program(path, written(tmp_path, b"other\n", "references.txt"))
    assert [(each.text, each.reference) for each in program.sentences] == [("a", "other")]


def test_one_column_has_no_references_and_other_names_no_columns(tmp_path):
    assert read_program(written(tmp_path, b"a\n", "one.tsv")).sentences[0].reference is None
    plain = read_program(written(tmp_path, b"a\tA\n", "plain.txt")).sentences[0]
    assert (plain.text, plain.reference) == ("a\tA", None)


def test_a_line_that_lacks_the_column_is_told(tmp_path):
    path = written(tmp_path, b"a\tA\n\nb\n", "pairs.tsv")
    with pytest.raises(S2sdapError, match=r"S2S1011: Line 3 of .*pairs\.tsv has one column"):
        read_program(path)
