"""The demo tells the truth: what it prints is what a session of our own finds."""

import re
import signal
import socket
from dataclasses import dataclass

import pytest

from s2sdap.cli.pictures import probability
from s2sdap.debugger.breakpoints import Armed
from s2sdap.debugger.neighbors.asking import Neighborhood
from s2sdap.debugger.session import Session
from s2sdap.debugger.stops import StopReason
from s2sdap.debugger.watch_rules import parse_rule
from s2sdap.decoding.settings import SearchSettings
from s2sdap.neighbors.states import StateSite
from s2sdap.neighbors.store import StateStore

SOURCE = "J 4, 2005"


@dataclass(frozen=True)
class Story:
    """What the demo should tell."""

    stop: str
    step: int
    top: list[tuple[str, float]]
    neighborhoods: tuple[Neighborhood, ...]
    unedited: list[tuple[str, float]]
    forced: tuple[str, float]
    after_forcing: str
    looked_at: int
    contexts: tuple[list[float], list[float]]
    predicted: list[tuple[str, float]]
    after_looking: str


def to_the_end(session: Session) -> str:
    while not session.walk.at_sentence_end:
        session.step_out()
    return session.results[0].text


@pytest.fixture(scope="module")
def story(dates) -> Story:
    """The same steps in a session, without a protocol."""
    session = Session.open(dates, source=SOURCE, settings=SearchSettings(beam_size=3, n_best=3))
    session.armed = Armed.of(rules=[parse_rule("lowConfidence(p < 0.7)")])
    session.start()
    stop = session.continue_()
    assert stop.reason is StopReason.RULE
    assert stop.cursor is not None
    top = session.top_tokens(5)
    doubtful = session.frame
    neighborhoods = tuple(session.neighbors(place, k=4) for place in ("state", "context"))
    session.armed = Armed()
    to_the_end(session)
    unedited = [(output.text, output.score) for output in session.results[0].outputs]

    session.force(top[1][0], frame=doubtful)
    after_forcing = to_the_end(session)
    frame = session.frames(session.hypotheses()[0].id)[1]
    before = session.evaluate("context", frame=frame)
    looked_at = len(session.evaluate("source")) - 1
    session.edit_attention(looked_at, 1.0, frame=frame)
    after = session.evaluate("context")
    predicted = session.top_tokens(5)
    assert predicted[0][0] != frame.piece(frame.token)
    return Story(
        stop=stop.text,
        step=stop.cursor.step,
        top=top,
        neighborhoods=neighborhoods,
        unedited=unedited,
        forced=top[1],
        after_forcing=after_forcing,
        looked_at=looked_at,
        contexts=(before, after),
        predicted=predicted,
        after_looking=to_the_end(session),
    )


@pytest.fixture(scope="module")
def shown(s2sdap) -> str:
    done = s2sdap("demo", "--fast")
    assert done.returncode == 0
    assert done.stderr == ""
    return done.stdout


def chapter(shown: str, title: str) -> str:
    """A chapter, from its heading to the next."""
    _, _, rest = shown.partition(f"\n{title} (")
    return re.split(r"\n[A-Z][^\n]* \([^\n]*\) ─", rest)[0]


def bars(text: str) -> list[list[str]]:
    """The token and the probability of each bar."""
    rows = re.findall(r"^ {5}[→ ] (\S+) [█▏▎▍▌▋▊▉ ]+ (\S.*)$", text, re.MULTILINE)
    return [list(row) for row in rows]


def expected_bars(top: list[tuple[str, float]]) -> list[list[str]]:
    return [[piece, probability(p)] for piece, p in top]


def context(values: list[float]) -> str:
    return ", ".join(f"{value:.6g}" for value in values[:4])


def test_it_names_the_source_tokens(shown):
    assert "'J 4, 2005' is 9 source tokens" in shown
    assert "[J] [␣] [4] [,] [␣] [2] [0] [0] [5]" in shown


def test_it_walks_the_five_stages_with_their_shapes(shown):
    walk = chapter(shown, "One step, stage by stage")
    stages = ("encoder", "decoder", "attention", "prediction", "search")
    places = [walk.index(f"   {stage}  ") for stage in stages]
    assert places == sorted(places)
    for shape in ("[S D] 9x64", "[D] 64", "[S] 9, sum 1.0000", "[V] 15"):
        assert shape in walk


def test_it_stops_where_the_model_is_not_sure(shown, story):
    doubt = chapter(shown, "Where the model is not sure")
    assert f"Stopped: {story.stop}" in doubt
    assert f"Step {story.step}, " in doubt
    assert bars(doubt) == expected_bars(story.top)


def test_it_shows_the_beam_with_fates_and_reasons(shown, story):
    doubt = chapter(shown, "Where the model is not sure")
    rows = [line.split() for line in doubt.splitlines() if re.match(r" +\d+: ", line)]
    survivors = [row[2] for row in rows if "survived" in row]
    assert survivors == [piece for piece, _ in story.top[:3]]
    assert all(row[-2:] == ["pruned", "rank"] for row in rows if row[2] not in survivors)


def test_it_shows_where_training_has_seen_that(shown, story):
    told = chapter(shown, "Where has it seen this before?")
    rows = [line.split("  ") for line in told.splitlines() if re.match(r"^ +\d+\.\d{4}  ", line)]
    listed = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    assert len(listed) == sum(len(found.neighbors) for found in story.neighborhoods) == 8
    neighbors = [each for found in story.neighborhoods for each in found.neighbors]
    for (distance, source, target, predicted), each in zip(listed, neighbors, strict=True):
        assert distance == f"{each.distance:.4f}"
        assert source == each.source
        start, end = each.span
        assert target == f"{each.target[:start]}›{each.piece}‹{each.target[end:]}"
        assert predicted == each.predicted_piece
    for found in story.neighborhoods:
        assert f"Of {found.states:,} states in training" in told
        assert f"{found.summary.percentile:.1f} of 100 training states" in told


def test_it_shows_the_outputs_without_edits(shown, story):
    ending = chapter(shown, "To the end, and back")
    found = re.findall(r"^ {5}(\S+)   score (\S+)$", ending, re.MULTILINE)
    assert found == [(text, f"{score:.3f}") for text, score in story.unedited]
    assert f"step {story.step}, from its record" in ending


def test_a_forced_token_changes_the_output(shown, story):
    forced = chapter(shown, "What if it had said something else?")
    piece, p = story.forced
    assert f"'{piece}' keeps its own probability, {probability(p)}" in forced
    before, after = story.unedited[0][0], story.after_forcing
    assert before != after
    assert f"the output before  {before}    after forcing '{piece}'  {after}" in forced


def test_an_attention_edit_changes_context_prediction_and_output(shown, story):
    looked = chapter(shown, "What if it had looked elsewhere?")
    assert f"All of it on source token {story.looked_at}, '5'" in looked
    before, after = story.contexts
    assert f"context before  [{context(before)}, …]" in looked
    assert f"context after   [{context(after)}, …]" in looked
    assert bars(looked) == expected_bars(story.predicted)
    assert story.after_forcing != story.after_looking
    line = f"the output before  {story.after_forcing}    after looking elsewhere  {story.after_looking}"
    assert line in looked


def test_a_pipe_gets_plain_text_of_100_columns(shown):
    assert "\x1b" not in shown
    assert max(len(line) for line in shown.splitlines()) <= 100


@pytest.fixture(scope="module")
def strange(s2sdap, date_index) -> str:
    """Another source, and another index."""
    done = s2sdap("demo", "--fast", "--index", date_index.path, "a\x1b[31m 5\t1999")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_control_characters_of_a_source_do_not_reach_the_terminal(strange):
    assert "\x1b" not in strange
    assert "[\\x1b]" in strange


def test_another_index_is_asked_where_one_is_named(strange, date_index):
    seen = chapter(strange, "Where has it seen this before?")
    assert f"The index that is asked is {date_index.path}." in " ".join(seen.split())
    states = StateStore.open(date_index.path).count(StateSite("decoder.state"))
    assert f"Of {states:,} states in training the nearest to the one that predicts" in seen


def test_its_server_goes_when_it_is_told_to_go(warm):
    with warm.start(["-m", "s2sdap", "demo"]) as demo:
        port = next(int(found[1]) for line in demo.stdout if (found := re.search(r"ws://.*:(\d+)", line)))
        demo.terminate()
        demo.stdout.read()
        errors = demo.stderr.read()
        demo.wait(100)
    assert (demo.returncode, errors) == (128 + signal.SIGTERM, "")
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_an_empty_source_is_refused_in_one_line(s2sdap):
    done = s2sdap("demo", "--fast", "")
    assert done.returncode == 2
    assert done.stderr.startswith("S2S1002: ")
    assert done.stderr.count("\n") == 1
