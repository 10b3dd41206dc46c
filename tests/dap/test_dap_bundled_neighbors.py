"""The date model has neighbours without any set-up: its index is built when it is first asked for."""

import pytest
from dap_patterns import Event
from dap_programs import DATES
from harness import DebugSession


@pytest.fixture
def fresh(over_stdio, tmp_path):
    """A session with an adapter whose user has no cache yet."""
    with DebugSession(over_stdio(XDG_CACHE_HOME=str(tmp_path / "cache"))) as session:
        yield session


def test_it_is_built_on_first_use_with_progress_and_goes_on_after_it_was_cancelled(fresh):
    fresh.launch(source=DATES[0])
    fresh.stopped("entry")
    fresh.go("next")
    assert "Neighbours" in fresh.scopes()
    asked = fresh.send("s2s/neighbors", {"k": 5})
    begun = fresh.expect(Event("progressStart"))["body"]
    assert (begun["title"], begun["cancellable"]) == ("Building the index of dates", True)
    assert fresh.value("token") == "'1'"  # other requests are answered meanwhile
    fresh.expect(Event("progressUpdate", progressId=begun["progressId"]))
    fresh.request("cancel", progressId=begun["progressId"])
    answer = fresh.answer(asked)
    assert answer["body"]["error"]["id"] == 5008
    # What runs on the model's thread, and what is answered at once, wait for the rest of it elsewhere.
    copying = fresh.send("evaluate", {"expression": "copy state from neighbor 2", "context": "repl"})
    asked = fresh.send("evaluate", {"expression": "training_percentile", "context": "watch"})
    assert fresh.value("step") == "0"
    assert fresh.answer(copying)["success"]
    assert fresh.answer(asked)["success"]
    assert len(fresh.request("s2s/edits")["edits"]) == 1
    found = fresh.request("s2s/neighbors", k=5)
    assert (found["site"], len(found["neighbors"])) == ("decoder.state", 5)
    assert found["states"] > 100_000
    first = found["neighbors"][0]
    where = fresh.variables(fresh.scopes()["Neighbours"])["0"]["declarationLocationReference"]
    line = fresh.request("locations", locationReference=where)
    assert (line["source"]["path"], line["line"]) == (first["file"], first["line"] + 1)
    with open(first["file"], encoding="utf-8") as corpus:
        assert corpus.read().splitlines()[first["line"]] == f"{first['source']}\t{first['target']}"


def test_a_run_with_the_rule_waits_for_the_index(fresh):
    seq = fresh.begin_launch(source=f"{DATES[0]}\nIdes of March 2044", stopOnEntry=False)
    options = [{"filterId": "farFromTraining", "condition": "sentence == 1 and training_distance > 0"}]
    (placed,) = fresh.request("setExceptionBreakpoints", filters=[], filterOptions=options)["breakpoints"]
    assert placed["verified"]
    fresh.finish_launch(seq)
    fresh.stopped("exception")
    titles = [each["title"] for each in fresh.events("progressStart")]
    assert "Building the index of dates" in titles
    assert int(fresh.value("sentence")) == 1
