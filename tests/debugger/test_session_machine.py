"""A session that is stepped, edited and sent through time at random, against fresh runs with the same edits.

`S2SDAP_MACHINE_EXAMPLES` makes it longer: so many sessions of 50 commands each.
"""

import math
import os

import pytest
from fresh_runs import LAST_STAGE, Expected
from hypothesis import event
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from models.small_networks import small_config
from same_records import assert_same
from tiny_models import rnn

from s2sdap import S2sdapError, SearchSettings, Session
from s2sdap.debugger.editing import making
from s2sdap.debugger.program import inline_program
from s2sdap.debugger.stops import StopReason
from s2sdap.decoding.edits import (
    LogitEdit,
    PruneEdit,
    ReviveEdit,
    SettingEdit,
    SiteEdit,
    SourceEdit,
    TokenEdit,
)

LONGER = os.environ.get("S2SDAP_MACHINE_EXAMPLES")
TEXT = "abcdh"
BUDGET = 3000
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
TOKENS = st.integers(3, 10)  # 3 ends the sentence
CHANGES = (
    ("beamSize", 2),
    ("beamSize", 4),
    ("lengthPenalty", 2.0),
    ("coveragePenalty", 0.5),
    ("minLength", 4),
    ("maxLength", 4),
    ("maxLength", 6),
    ("noRepeatNgram", 1),
    ("temperature", 0.5),
)


def edit_of_any_kind(data, record):
    """An edit at the step of a record, of a hypothesis that lives there."""
    step, hypothesis = record.step, data.draw(st.sampled_from(record.before.live)).id
    token = data.draw(TOKENS)
    kinds = (
        TokenEdit(step, hypothesis, token),
        LogitEdit(step, hypothesis, token, -math.inf),
        LogitEdit(step, hypothesis, token, 2.5),
        ReviveEdit(step, hypothesis, token),
        PruneEdit(step, hypothesis),
        SettingEdit(step, *data.draw(st.sampled_from(CHANGES))),
    )
    return data.draw(st.sampled_from(kinds))


class Stepping(RuleBasedStateMachine):
    """One sentence, and every command that moves over it or changes it."""

    @initialize(
        query=st.sampled_from(sorted(STAGES)),
        cell=st.sampled_from(["gru", "lstm"]),
        search=st.sampled_from(SEARCHES),
    )
    def begin(self, query, cell, search):
        model = rnn(small_config(cell=cell, attention="concat", attention_query=query))
        self.stages = STAGES[query]
        self.session = Session(model, inline_program(TEXT), search)
        self.session.start()
        self.session.walk.keeper.budget = BUDGET
        self.expected = Expected(model, TEXT, search)
        self.first = self.session.walk.branch.records

    @property
    def started(self):
        return hasattr(self, "session")

    @property
    def on_sentence(self):
        return not self.expected.over

    @property
    def at_step(self):
        return self.on_sentence and self.expected.at[0] >= 0

    @property
    def after_start(self):
        return self.expected.at != (-1, 0)

    # ---- moving ------------------------------------------------------------------------------

    @precondition(lambda self: self.on_sentence)
    @rule()
    def step_in(self):
        self.session.step_in()
        self.expected.stand(self.expected.forward())

    @precondition(lambda self: self.on_sentence)
    @rule()
    def next(self):
        self.session.next()
        self.expected.travel(self.expected.forward, lambda: self.expected.at[1] == LAST_STAGE)

    @precondition(lambda self: self.on_sentence)
    @rule()
    def step_out(self):
        self.session.step_out()
        last = (len(self.expected.now.records) - 1, LAST_STAGE)
        self.expected.travel(self.expected.forward, lambda: self.expected.at == last)

    @precondition(lambda self: self.after_start)
    @rule()
    def stage_back(self):
        self.session.step_back(stage=True)
        self.expected.stand(self.expected.backward())

    @precondition(lambda self: self.after_start)
    @rule()
    def step_back(self):
        self.session.step_back()
        expected = self.expected
        expected.travel(expected.backward, lambda: expected.at[1] == LAST_STAGE or expected.at == (-1, 0))

    @precondition(lambda self: self.after_start)
    @rule()
    def reverse_continue(self):
        assert self.session.reverse_continue().reason is StopReason.ENTRY
        self.expected.stand((-1, 0))

    @precondition(lambda self: self.on_sentence)
    @rule(data=st.data())
    def follow(self, data):
        chosen = data.draw(st.sampled_from(self.session.hypotheses()))
        self.session.follow(chosen.id)
        assert self.session.cursor.hypothesis == chosen.id

    @precondition(lambda self: self.on_sentence)
    @rule(data=st.data())
    def goto(self, data):
        step = data.draw(st.integers(-1, self.expected.computed[self.expected.current] - 1))
        stage = data.draw(st.integers(0, LAST_STAGE)) if step >= 0 else 0
        self.session.goto(step, self.stages[stage] if step >= 0 else None)
        self.expected.stand((step, stage))

    @precondition(lambda self: self.on_sentence)
    @rule(data=st.data())
    def restart_frame(self, data):
        frame = data.draw(st.sampled_from(self.session.frames()))
        self.session.restart_frame(frame)
        self.expected.stand((frame.step, 0))

    # ---- edits -------------------------------------------------------------------------------

    def attempt(self, change, edits, last, refusal=None):
        """Make the change that leads to `edits`; where a fresh run refuses them, so must the session."""
        try:
            run = self.expected.run(edits)
        except S2sdapError as error:
            run, refusal = None, refusal or error.name
            event(f"refused: {error.name}")
        if run is not None:
            change()
            self.expected.grow(run, last + 1)
            return
        with pytest.raises(S2sdapError) as refused:
            change()
        assert refused.value.name == refusal

    def apply(self, *group):
        edits = self.expected.with_group(group)
        self.attempt(lambda: self.session.apply(group), edits, max(edit.step for edit in group))

    def frames(self):
        return [frame for frame in self.session.frames() if frame.record]

    @precondition(lambda self: self.at_step)
    @rule(data=st.data(), token=TOKENS)
    def force(self, data, token):
        frame = data.draw(st.sampled_from(self.frames()))
        edits = self.expected.with_group([TokenEdit(frame.step, frame.before.id, token)])
        self.attempt(lambda: self.session.force(token, frame=frame), edits, frame.step)

    @precondition(lambda self: self.at_step)
    @rule(data=st.data(), weight=st.sampled_from([0.0, 0.3, 1.0]))
    def edit_attention(self, data, weight):
        frames = [each for each in self.frames() if each.has("attention.weights")]
        if frames:
            frame = data.draw(st.sampled_from(frames))
            position = data.draw(st.integers(0, len(frame.source.tokens) - 1))
            (edit,) = making.weight(frame, position, weight)
            assert abs(edit.values[position] - weight) < 1e-12
            edits = self.expected.with_group([edit])
            self.attempt(
                lambda: self.session.edit_attention(position, weight, frame=frame), edits, frame.step
            )

    @precondition(lambda self: self.on_sentence)
    @rule(position=st.integers(0, 4))
    def edit_encoder(self, position):
        edit = SiteEdit(-1, None, "encoder.states", (0.5,) * 8, (position,))
        edits = self.expected.with_group([edit])
        self.attempt(
            lambda: self.session.edit_site("encoder.states", edit.values, index=edit.index), edits, -1
        )

    @precondition(lambda self: self.at_step)
    @rule(data=st.data())
    def edit_anything(self, data):
        record = self.expected.now.records[data.draw(st.integers(0, self.expected.at[0]))]
        self.apply(edit_of_any_kind(data, record))

    @precondition(lambda self: self.at_step)
    @rule(data=st.data(), token=TOKENS, other=TOKENS)
    def edit_two_steps(self, data, token, other):
        """A group: two tokens, or what else there is, of one hypothesis and of what becomes of it."""
        record = self.expected.now.records[data.draw(st.integers(0, self.expected.at[0]))]
        if data.draw(st.booleans()):
            first = TokenEdit(record.step, data.draw(st.sampled_from(record.before.live)).id, token)
        else:
            first = edit_of_any_kind(data, record)
        try:
            records = self.expected.run(self.expected.with_group([first])).records
        except S2sdapError:
            records = []  # the group is refused for its first edit
        hypothesis = 1
        if record.step + 1 < len(records):
            hypothesis = data.draw(st.sampled_from(records[record.step + 1].before.live)).id
        group = [first, TokenEdit(record.step + 1, hypothesis, other)]
        self.apply(*data.draw(st.permutations(group)))

    @precondition(lambda self: self.on_sentence)
    @rule(text=st.sampled_from(["ba", "hgfedc", TEXT]), token=st.none() | TOKENS)
    def edit_source(self, text, token):
        self.apply(SourceEdit(text), *([] if token is None else [TokenEdit(0, 1, token)]))

    @precondition(lambda self: self.on_sentence and self.expected.now.edits)
    @rule(data=st.data())
    def without(self, data):
        edits = self.expected.now.edits
        gone = data.draw(st.sampled_from(edits))
        left = [edit for edit in edits if edit is not gone]
        index = self.session.edits.index(gone)
        last = max(edit.step for edit in edits)
        self.attempt(lambda: self.session.without(index), left, last, "edit_does_not_fit")

    @precondition(lambda self: self.on_sentence and self.expected.done)
    @rule()
    def undo(self):
        self.session.undo()
        self.expected.undo()

    @precondition(lambda self: self.on_sentence and self.expected.undone)
    @rule()
    def redo(self):
        self.session.redo()
        self.expected.redo()

    # ---- branches ----------------------------------------------------------------------------

    @precondition(lambda self: self.on_sentence and len(self.expected.runs) > 1)
    @rule(data=st.data())
    def switch(self, data):
        branch = data.draw(st.sampled_from(sorted(self.expected.runs)))
        self.session.switch(branch)
        self.expected.switch(branch)

    @precondition(lambda self: self.on_sentence and len(self.expected.runs) > 1)
    @rule(data=st.data())
    def drop(self, data):
        branch = data.draw(st.sampled_from(sorted(self.expected.runs)))
        if branch in (0, self.expected.current):
            with pytest.raises(S2sdapError, match="cannot be dropped"):
                self.session.drop_branch(branch)
        else:
            self.session.drop_branch(branch)
            self.expected.drop(branch)

    # ---- what must be so after every command --------------------------------------------------

    @precondition(lambda self: self.started)
    @invariant()
    def the_cursor_is_where_it_must_be(self):
        if self.expected.over:
            assert self.session.stop.reason is StopReason.END
            return
        step, stage = self.expected.at
        cursor = self.session.cursor
        assert (cursor.step, cursor.stage) == (step, self.stages[stage] if step >= 0 else "encoder")
        assert cursor.branch == self.expected.current
        assert cursor.hypothesis in [each.id for each in self.session.hypotheses()]
        assert set(self.session.edits) == set(self.expected.now.edits)

    @precondition(lambda self: self.started)
    @invariant()
    def the_records_are_those_of_a_fresh_run(self):
        timeline, now = self.session.walk.timeline_of(0), self.expected.now
        assert [branch.id for branch in timeline.branches] == sorted(self.expected.runs)
        branch = timeline.branch
        assert_same(branch.encoder, now.encoder)
        records = now.records[: self.expected.computed[branch.id]]
        for mine, other in zip(branch.records, records, strict=True):
            assert_same(dict(mine.sites), dict(other.sites))
            assert_same(mine.candidates, other.candidates)
            assert_same(mine.after, other.after)
            assert set(mine.edits) == set(other.edits)
        if self.expected.over:
            outputs = self.session.results[0].outputs
            best = now.plan.best(now.records[-1].after)
            assert [each.tokens for each in outputs] == [each.tokens for each in best]

    @precondition(lambda self: self.started and self.at_step)
    @invariant()
    def the_frame_reads_the_record(self):
        frame = self.session.frame
        step = self.expected.at[0]
        if frame.chosen is not None and self.session.walk.at_sentence_end:
            step = frame.chosen.step  # one that finished earlier shows the step at which it did
        assert frame.record is self.session.walk.branch.records[step]
        row = frame.record.before.live.index(frame.before)
        for site, value in frame.record.sites.items():
            if frame.has(site):
                assert (frame.site(site) == value[row]).all()

    def teardown(self):
        if self.started:  # no edit has touched the run without edits
            timeline = self.session.walk.timeline_of(0)
            assert timeline.branches[0].records is self.first
            assert timeline.branches[0].edits == ()


TestStepping = Stepping.TestCase
TestStepping.settings = hypothesis_settings(
    max_examples=int(LONGER or 16),
    stateful_step_count=50 if LONGER else 25,
    deadline=None,
    derandomize=not LONGER,
)
