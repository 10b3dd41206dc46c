"""Whether a recording shows what the session showed that it was saved from."""

from same_records import assert_same

from s2sdap import Session
from s2sdap.debugger.scopes import scopes_of
from s2sdap.decoding.records import Hypothesis

SEARCHES = {
    "greedy": {"max_length": 6},
    "beam": {"beam_size": 3, "n_best": 2, "max_length": 6, "coverage_penalty": 0.4, "length_penalty": 0.6},
    "sampling": {"sample": True, "n_best": 2, "seed": 5, "max_length": 6, "temperature": 1.5},
}


def edited(session):
    """Run two sentences with a forced token and an edited attention, so that there are branches."""
    session.start()
    session.next()
    session.next()
    session.force("z")
    session.step_out()
    session.next()
    session.next()
    session.edit_attention(1, 0.9)
    session.edit_site("encoder.states", [0.5] * 8, index=(0,))
    session.next()
    return session


def reopened(session, path, **options):
    """The session saved to `path` and opened again, without its model."""
    session.save(path, **options)
    return Session.open_recording(path)


def assert_recorded(live, recorded):
    """Every record of every branch of every sentence that is kept is the same, bit for bit."""
    for sentence in live.program.sentences:
        timeline, again = live.walk.timeline_of(sentence.index), recorded.walk.timeline_of(sentence.index)
        assert (timeline is None) == (again is None)
        if timeline is None:
            continue
        assert again.branch.id == timeline.branch.id
        assert [each.id for each in again.branches] == [each.id for each in timeline.branches]
        for branch, copy in zip(timeline.branches, again.branches, strict=True):
            for name in ("parent", "fork", "edits", "name", "source", "made_by", "error"):
                assert getattr(copy, name) == getattr(branch, name)
            assert_encoder(branch.encoder, copy.encoder)
            assert len(copy.records) == len(branch.records)
            for record, read in zip(branch.records, copy.records, strict=True):
                assert_record(record, read)


def assert_encoder(record, read):
    assert read.source == type(read.source)(record.source.text, record.source.tokens)
    assert_same(dict(record.sites), dict(read.sites), "encoder")
    assert_snapshot(record.after, read.after)
    assert read.edits == record.edits


def assert_record(record, read):
    assert (read.step, read.edits) == (record.step, record.edits)
    assert_same(dict(record.sites), dict(read.sites), f"step {record.step}")
    assert_same(record.candidates, read.candidates, f"candidates of step {record.step}")
    for before, after in ((record.before, read.before), (record.after, read.after)):
        assert_snapshot(before, after)


def assert_snapshot(snapshot, read):
    assert (read.step, read.next_id, read.ended) == (snapshot.step, snapshot.next_id, snapshot.ended)
    for left, right in ((snapshot.live, read.live), (snapshot.finished, read.finished)):
        assert [told(each) for each in right] == [told(each) for each in left]
        for one, other in zip(left, right, strict=True):
            assert_same(one.coverage, other.coverage, "coverage")


def told(hypothesis):
    """All of a hypothesis but its tensors, down to its root."""
    fields = [name for name in Hypothesis.__slots__ if name not in ("parent", "coverage", "attended")]
    nodes = [hypothesis, *list(hypothesis.path())[1:]]
    return [tuple(getattr(node, name) for name in fields) for node in nodes]


def shown(session):
    """Everything that the variables of every frame of every hypothesis show at the cursor, as text."""
    return [
        (frame.step, frame.stage, scope.name, [_text(item) for item in scope.items()])
        for hypothesis in session.hypotheses()
        for frame in session.frames(hypothesis.id)
        for scope in scopes_of(frame)
    ]


def _text(item, depth=2):
    children = []
    if item.children is not None and depth:
        children = [_text(each, depth - 1) for each in item.children.page(0, 6)]
    return item.name, item.value, item.type, item.expression, children
