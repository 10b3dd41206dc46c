"""The verbs about neighbours."""

import asyncio

import pytest
from untrained import untrained_checkpoint

from s2sdap.client import AsyncDebugger, Debugger, Refused, Side

OWN = "March 3, 1999"


@pytest.fixture
def session(served, date_index):
    with Debugger.connect_address(served.tcp, token_file=served.token_file) as debugger:
        debugger.launch(source=OWN, reference="1999-04-03", index=date_index.path)
        for _ in range(6):
            debugger.next()
        yield debugger


def test_neighbours_of_a_state(session, date_index):
    found = session.neighbors(k=3)
    assert (found.site, found.step, len(found.neighbors)) == ("decoder.state", 5, 3)
    first = found.neighbors[0]
    assert (first.source, first.target, first.file) == (OWN, "1999-03-03", date_index.corpus)
    assert first.target[first.start : first.end] == first.token.piece == "0"
    assert found.summary.tokens[0].p > 0
    assert session.neighbors("encoder.states", position=2, k=1).neighbors[0].token.piece == "r"
    assert session.neighbors(step=0, k=1).step == 0
    others = session.neighbors(k=5, token="0", right=True, sentences=(0, 200), others=True)
    assert {each.token.piece for each in others.neighbors} == {"0"}
    assert OWN not in [each.source for each in others.neighbors]
    with pytest.raises(Refused) as caught:
        session.neighbors("decoder.cells.0")
    assert caught.value.name == "index_no_site"


def test_a_neighbours_state_is_copied(session):
    wanted = session.neighbors(k=3).neighbors[2]
    session.copy_state(neighbor=2)
    assert session.neighbors(k=1).neighbors[0].row == wanted.row
    session.undo()
    assert session.neighbors(k=1).neighbors[0].source == OWN


def test_a_picture_of_two_decodes(session):
    drawn = session.projection("tsne", right=Side(reference=True), k=3)
    assert drawn.done
    (picture,) = drawn.pictures
    assert {each.side for each in picture.points} == {"left", "right", "neighbor"}
    assert picture.trustworthiness > 0.7
    begun = session.projection("tsne", k=3, wait=False)
    assert not begun.done
    again = session.projection(id=begun.id)
    assert (again.id, again.done) == (begun.id, True)


def test_the_nearest_tokens(session):
    near = session.nearest_tokens("3", k=4)
    assert (near.means, len(near.near)) == ("token", 4)
    assert session.nearest_tokens(side="target", k=2).word == "0"


def test_a_rule_stops_far_from_training(served, date_index):
    async def run():
        address = await AsyncDebugger.connect_address(served.tcp, token_file=served.token_file)
        async with address as debugger:
            stop = await debugger.launch(
                source="Ides of March 2044",
                index=date_index.path,
                stop_on_entry=False,
                rules={"farFromTraining": "training_percentile > 90"},
            )
            assert stop.reason == "exception"
            info = await debugger.exception_info()
            return info.exception_id, (await debugger.neighbors(k=1)).summary.percentile

    rule, percentile = asyncio.run(run())
    assert rule == "farFromTraining"
    assert percentile > 90


def test_without_an_index(served, tmp_path):
    with Debugger.connect_address(served.tcp, token_file=served.token_file) as debugger:
        debugger.launch(source="abc", model=untrained_checkpoint(tmp_path / "model"))
        with pytest.raises(Refused) as caught:
            debugger.neighbors()
        assert caught.value.name == "no_index"
        with pytest.raises(Refused) as caught:
            debugger.watch(["farFromTraining"])
        assert caught.value.name == "no_index"
        assert debugger.nearest_tokens("b", k=1).near
