"""Where in a session a side of a comparison is: a sentence of its program, or one of a call's batch."""

from dataclasses import dataclass

from s2sdap.debugger.branches import Branch
from s2sdap.debugger.program import Sentence
from s2sdap.debugger.session import Session
from s2sdap.debugger.timeline import Timeline
from s2sdap.vocabulary.errors import S2sdapError


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A sentence and its timeline, `None` where its records are not kept.

    `row` is the sentence's number in a batch that is decoded at once, else 0; `current`: the cursor is
    on it.
    """

    sentence: Sentence
    timeline: Timeline | None
    row: int
    current: bool

    def branch(self, wanted: int | None) -> Branch | None:
        """A branch by its id, by default the one the person is on; `None` where nothing is kept."""
        if self.timeline is None:
            if wanted not in (None, 0):
                raise S2sdapError("unknown_branch", branch=wanted, known="0")
            return None
        return self.timeline.branch if wanted is None else self.timeline.find(wanted)

    @property
    def text(self) -> str:
        """What the sentence reads on the branch that the person is on."""
        source = None if self.timeline is None else self.timeline.branch.source
        return self.sentence.text if source is None else source.text


def place_of(session: Session, sentence: int | None) -> Place:
    """The sentence of that number from 0, by default the one at the cursor."""
    walk = session.walk
    timeline = walk.timeline if walk.placed else None
    batch = 1 if timeline is None else 1 + len(timeline.branch.encoder.others)
    if timeline is not None and batch > 1:
        if sentence is None:
            return Place(timeline.sentence, timeline, session.frame.before.sentence, current=True)
        if not 0 <= sentence < batch:
            raise S2sdapError("no_such_sentence", sentence=sentence, count=batch)
        return Place(timeline.sentence, timeline, sentence, current=True)
    if sentence is None:
        here = walk.timeline  # raises `ended` where the cursor is on none
        return Place(here.sentence, here, 0, current=True)
    sentences = session.program.sentences
    if not 0 <= sentence < len(sentences):
        raise S2sdapError("no_such_sentence", sentence=sentence, count=len(sentences))
    kept = walk.timeline_of(sentence)
    return Place(sentences[sentence], kept, 0, current=kept is timeline and kept is not None)
