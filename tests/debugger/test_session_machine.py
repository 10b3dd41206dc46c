"""A session that is stepped and edited at random, against one that is only run: the oracle.

The oracle knows the edits that are in force and where the cursor must be. A fresh decode with those
edits gives the very records that the session stands on.
"""

from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from models.small_networks import small_config
from same_records import assert_same
from tiny_models import rnn

from s2sdap import SearchSettings, Session
from s2sdap.debugger.program import inline_program
from s2sdap.debugger.stops import StopReason
from s2sdap.decoding.edits import SiteEdit, TokenEdit, key
from s2sdap.decoding.step import Decode

STAGES = {
    "current": ("decoder", "attention", "prediction", "search"),
    "previous": ("attention", "decoder", "prediction", "search"),
}
SEARCHES = (
    SearchSettings(max_length=5),
    SearchSettings(beam_size=3, n_best=3, max_length=5, length_penalty=0.6, coverage_penalty=0.2),
    SearchSettings(beam_size=2, n_best=1, max_length=5, early_stopping=True, no_repeat_ngram=2),
    SearchSettings(sample=True, n_best=3, max_length=5, seed=8),
)


class Stepping(RuleBasedStateMachine):
    """One sentence; a cursor is (step, stage), the encoder's (-1, 0)."""

    @initialize(
        query=st.sampled_from(sorted(STAGES)),
        cell=st.sampled_from(["gru", "lstm"]),
        search=st.sampled_from(SEARCHES),
    )
    def begin(self, query, cell, search):
        model = rnn(small_config(cell=cell, attention="concat", attention_query=query))
        self.stages = STAGES[query]
        self.session = Session(model, inline_program("abcdh"), search)
        self.session.start()
        self.plan = Decode.of(model, "abcdh", search)
        self.edits = []
        self.at = (-1, 0)
        self.session.walk.keeper.budget = 3000
        self.branches = 1
        self.branch = 0
        self.done, self.undone = [], []
        self.seen = []
        self.run_oracle()

    def run_oracle(self):
        """Every record of a decode with the edits in force, to its end."""
        self.encoder = self.plan.begin([edit for edit in self.edits if edit.step == -1])
        self.records, snapshot = [], self.encoder.after
        while not snapshot.ended:
            now = [edit for edit in self.edits if edit.step == len(self.records)]
            self.records.append(self.plan.step(self.encoder, snapshot, now))
            snapshot = self.records[-1].after

    @property
    def over(self):
        return self.at is None

    def forward(self):
        """The next position, `None` past the end."""
        step, stage = self.at
        if step >= 0 and stage < 3:
            return step, stage + 1
        return (step + 1, 0) if step + 1 < len(self.records) else None

    def backward(self):
        """The position before, `None` before the first."""
        if self.at is None:
            return len(self.records) - 1, 3
        step, stage = self.at
        if stage:
            return step, stage - 1
        return (step - 1, 3 if step else 0) if step >= 0 else None

    def travel(self, move, there):
        """Go on with `move` until `there` is true of the position, the end or the beginning."""
        self.at = move()
        while self.at is not None and not there():
            self.at = move()

    @precondition(lambda self: not self.over)
    @rule()
    def step_in(self):
        self.session.step_in()
        self.at = self.forward()

    @precondition(lambda self: not self.over)
    @rule()
    def next(self):
        self.session.next()
        self.travel(self.forward, lambda: self.at[1] == 3)

    @precondition(lambda self: not self.over)
    @rule()
    def step_out(self):
        self.session.step_out()
        last = (len(self.records) - 1, 3)
        self.travel(self.forward, lambda: self.at == last)

    @precondition(lambda self: self.at != (-1, 0))
    @rule()
    def stage_back(self):
        self.session.step_back(stage=True)
        self.at = self.backward()

    @precondition(lambda self: self.at != (-1, 0))
    @rule()
    def step_back(self):
        self.session.step_back()
        self.travel(self.backward, lambda: self.at[1] == 3 or self.at == (-1, 0))

    @precondition(lambda self: self.at != (-1, 0))
    @rule()
    def reverse_continue(self):
        assert self.session.reverse_continue().reason is StopReason.ENTRY
        self.at = (-1, 0)

    @precondition(lambda self: not self.over)
    @rule(data=st.data())
    def follow(self, data):
        chosen = data.draw(st.sampled_from(self.session.hypotheses()))
        self.session.follow(chosen.id)
        assert self.session.cursor.hypothesis == chosen.id

    def edited(self, edit):
        """The oracle's edits: later steps are forgotten, the same place is replaced."""
        self.seen.append(
            (self.session.walk.timeline.branches[0], self.session.walk.timeline.branches[0].records)
        )
        before = (self.branch, list(self.edits), self.at)
        kept = [each for each in self.edits if each.step <= edit.step and key(each) != key(edit)]
        self.edits = [*kept, edit]
        self.branch = self.branches
        self.branches += 1
        if edit.step != self.at[0]:
            self.at = (edit.step, 3 if edit.step >= 0 else 0)
        self.run_oracle()
        self.done.append((before, (self.branch, list(self.edits), self.at)))
        self.undone = []

    def returned(self, place):
        self.branch, edits, self.at = place
        self.edits = list(edits)
        self.run_oracle()

    @precondition(lambda self: not self.over and self.done)
    @rule()
    def undo(self):
        self.session.undo()
        self.undone.append(self.done.pop())
        self.returned(self.undone[-1][0])

    @precondition(lambda self: not self.over and self.undone)
    @rule()
    def redo(self):
        self.session.redo()
        self.done.append(self.undone.pop())
        self.returned(self.done[-1][1])

    @precondition(lambda self: not self.over)
    @rule(data=st.data())
    def goto(self, data):
        step = data.draw(st.integers(-1, len(self.session.walk.branch.records) - 1))
        self.session.goto(step)
        self.at = (step, 3 if step >= 0 else 0)

    @precondition(lambda self: not self.over)
    @rule(data=st.data())
    def restart_frame(self, data):
        frame = data.draw(st.sampled_from(self.session.frames()))
        self.session.restart_frame(frame)
        self.at = (frame.step, 0)

    @precondition(lambda self: not self.over and self.at[0] >= 0)
    @rule(data=st.data())
    def force(self, data):
        frame = data.draw(st.sampled_from([each for each in self.session.frames() if each.record]))
        token = data.draw(st.integers(4, 10))
        edit = TokenEdit(frame.step, frame.before.id, token)
        self.session.force(token, frame=frame)
        self.edited(edit)

    @precondition(lambda self: not self.over and self.at[0] >= 0)
    @rule(data=st.data(), position=st.integers(0, 4), weight=st.sampled_from([0.0, 0.3, 1.0]))
    def edit_attention(self, data, position, weight):
        frames = [each for each in self.session.frames() if each.has("attention.weights")]
        if frames:
            frame = data.draw(st.sampled_from(frames))
            self.session.edit_attention(position, weight, frame=frame)
            (edit,) = [
                each
                for each in self.session.walk.branch.records[frame.step].edits
                if isinstance(each, SiteEdit) and each.hypothesis == frame.before.id
            ]
            assert abs(edit.values[position] - weight) < 1e-12
            self.edited(edit)

    @precondition(lambda self: not self.over)
    @rule(position=st.integers(0, 4))
    def edit_encoder(self, position):
        self.session.edit_site("encoder.states", [0.5] * 8, index=(position,))
        self.edited(SiteEdit(-1, None, "encoder.states", (0.5,) * 8, (position,)))

    @invariant()
    def the_cursor_is_where_it_must_be(self):
        if not hasattr(self, "session"):
            return
        if self.over:
            assert self.session.stop.reason is StopReason.END
            return
        step, stage = self.at
        cursor = self.session.cursor
        assert (cursor.step, cursor.stage) == (step, self.stages[stage] if step >= 0 else "encoder")
        assert cursor.branch == self.branch
        assert cursor.hypothesis in [each.id for each in self.session.hypotheses()]

    @invariant()
    def the_records_are_those_of_a_fresh_run(self):
        if not hasattr(self, "session"):
            return
        branch = self.session.walk._timelines[0].branch
        assert_same(branch.encoder, self.encoder)
        count = len(branch.records)
        assert count > (self.at[0] if self.at else len(self.records) - 1)
        for mine, other in zip(branch.records, self.records[:count], strict=True):
            assert_same(dict(mine.sites), dict(other.sites))
            assert_same(mine.candidates, other.candidates)
            assert_same(mine.after, other.after)
            assert set(mine.edits) == set(other.edits)
        if self.over:
            outputs = self.session.results[0].outputs
            assert [each.tokens for each in outputs] == [
                each.tokens for each in self.records[-1].after.finished[: len(outputs)]
            ]

    @invariant()
    def the_frame_reads_the_record(self):
        if not hasattr(self, "session") or self.over or self.at[0] < 0:
            return
        frame = self.session.frame
        step = self.at[0]
        if frame.chosen is not None and self.session.walk.at_sentence_end:
            step = frame.chosen.step  # one that finished earlier shows the step at which it did
        assert frame.record is self.session.walk.branch.records[step]
        row = frame.record.before.live.index(frame.before)
        for site, value in frame.record.sites.items():
            if frame.has(site):
                assert (frame.site(site) == value[row]).all()

    def teardown(self):
        for branch, records in getattr(self, "seen", ()):
            assert branch.records is records


TestStepping = Stepping.TestCase
TestStepping.settings = hypothesis_settings(max_examples=25, stateful_step_count=25, deadline=None)
