"""Moving the cursor, hypotheses as threads, and sources."""

import pytest
from dap_patterns import Event, text_with
from dap_programs import DATES, write


def place_of(session):
    return int(session.value("step")), session.value("stage").strip("'")


def test_stage_by_stage_and_back(session):
    session.launch(source=DATES[0])
    session.stopped("entry")
    assert place_of(session) == (-1, "encoder")
    for stage in ("decoder", "attention", "prediction", "search"):
        assert session.go("stepIn")["reason"] == "step"
        assert place_of(session) == (0, stage)
    session.go("next", granularity="instruction")
    assert place_of(session) == (1, "decoder")
    session.go("stepBack", granularity="instruction")
    assert place_of(session) == (0, "search")
    session.go("next")
    session.go("next")
    assert place_of(session) == (2, "search")
    session.go("stepBack")
    assert place_of(session) == (1, "search")
    session.go("stepOut")
    assert place_of(session) == (10, "search")
    assert session.go("reverseContinue")["reason"] == "entry"
    assert place_of(session) == (-1, "encoder")
    assert session.refused("stepBack", threadId=session.thread).number == 4009
    assert session.run_to_end() == ["1999-03-03"]


def test_hypotheses_are_threads(session):
    session.launch(source=DATES[3], search={"beamSize": 3})
    session.stopped("entry")
    assert [each["id"] for each in session.request("threads")["threads"]] == [1]
    session.go("next")
    first = [each["id"] for each in session.request("threads")["threads"]]
    assert len(first) == 3
    assert 1 in first, "the best child inherits the id"
    session.go("next")
    assert session.thread in first
    for each in session.request("threads")["threads"]:
        frames = session.frames(threadId=each["id"])
        assert frames[-1]["name"].startswith("encoder")
    other = next(
        each for each in first[1:] if each in {t["id"] for t in session.request("threads")["threads"]}
    )
    session.go("stepIn", threadId=other)
    assert session.refused("next", threadId=999).number == 4007
    assert session.refused("stackTrace", threadId=999).number == 4007
    started = [each["threadId"] for each in session.events("thread") if each["reason"] == "started"]
    assert len(started) == len(set(started))
    session.run_to_end()
    assert session.request("threads") == {"threads": []}


def test_the_call_stack_comes_in_pages(session):
    session.launch(source=DATES[0])
    session.stopped("entry")
    for _ in range(4):
        session.go("next")
    whole = session.request("stackTrace", threadId=session.thread)
    names = [each["name"] for each in whole["stackFrames"]]
    assert whole["totalFrames"] == len(names) == 5
    assert names[0].startswith("step 3")
    assert names[-1].startswith("encoder")
    page = session.request("stackTrace", threadId=session.thread, startFrame=1, levels=2)
    assert [each["name"] for each in page["stackFrames"]] == names[1:3]
    assert page["totalFrames"] == 5
    assert session.frames(startFrame=99) == []


@pytest.mark.parametrize("first", [True, False])
def test_lines_and_columns_as_the_client_counts(tcp, program, first):
    tcp.initialize(linesStartAt1=first, columnsStartAt1=first)
    seq = tcp.begin_launch(program=program, stopOnEntry=False)
    line = 4 if first else 3
    tcp.request("setBreakpoints", source={"path": program}, breakpoints=[{"line": line}])
    tcp.finish_launch(seq)
    tcp.stopped("breakpoint")
    frame = tcp.frames()[0]
    assert (frame["line"], frame["column"]) == (line, int(first))
    targets = tcp.request("completions", text="p + mar", column=7 + first)["targets"]
    assert [(each["label"], each["start"], each["length"]) for each in targets] == [("margin", 4 + first, 3)]


def test_the_program_as_a_source(session, program):
    seq = session.begin_launch(program=program)
    (source,) = session.request("loadedSources")["sources"]
    assert source == {"name": "dates.txt", "path": program}
    assert session.refused("source", sourceReference=1).number == 4008
    session.finish_launch(seq)
    session.stopped()
    assert session.events("loadedSource") == [{"reason": "new", "source": source}]


def test_an_inline_program_as_a_source(session):
    session.launch(source="\n".join(DATES))
    session.stopped()
    (source,) = session.request("loadedSources")["sources"]
    text = session.request("source", sourceReference=source["sourceReference"], source=source)
    assert text["content"].split("\n") == list(DATES)
    assert session.refused("source", sourceReference=99).number == 4008


def test_columns_are_utf16_units(session, tmp_path, decoded):
    line = "e\N{COMBINING ACUTE ACCENT}\N{GRINNING FACE}\N{GRINNING FACE} March 3, 1999"
    session.launch(program=write(tmp_path, line + "\n"))
    session.stopped("entry")
    columns = set()
    units = line.encode("utf-16-le")
    while True:
        session.go("next")
        step = session.request("s2s/step", threadId=session.thread)
        frame = session.frames(levels=1)[0]
        focus = step["source"][step["focus"]]
        start, end = frame["column"] - 1, frame["endColumn"] - 1
        assert (start, end) == (focus["start"], focus["end"])
        assert units[2 * start : 2 * end].decode("utf-16-le") == focus["piece"]
        columns.add(start)
        if len(step["target"]) > 1 and step["target"][-1]["piece"] == "</s>":
            break
    assert len(columns) > 3
    assert session.run_to_end() == [decoded(line)]


def test_byte_order_mark_and_windows_line_ends(session, tmp_path, decoded):
    session.launch(program=write(tmp_path, b"\xef\xbb\xbfMarch 3, 1999\r\n\r\n24. Okt\r\n"))
    session.stopped("entry")
    assert session.value("source[0]") == "'M'"
    assert session.run_to_end() == [decoded("March 3, 1999"), decoded("24. Okt")]
    assert [each["line"] for each in session.events("s2s/result")] == [0, 2]


def test_a_line_of_blanks_and_a_line_too_long(session, tmp_path):
    session.launch(program=write(tmp_path, f"   \n{'9' * 10_000}\nMarch 3, 1999\n"), stopOnEntry=False)
    session.expect(
        Event("output", category="stderr", output=text_with("S2S1005", "10000 tokens", "2000"), line=2)
        >> Event("terminated")
    )
    assert session.outputs()[-1] == "1999-03-03"
