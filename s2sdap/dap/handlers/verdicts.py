"""The verdict on a wrong token. It takes many short runs of the model and leaves the session as it is."""

from collections.abc import Generator
from typing import Any

from s2sdap.dap.adapter import Adapter
from s2sdap.dap.dispatch import Reply, When, handles
from s2sdap.dap.turns import in_turns
from s2sdap.protocol import custom
from s2sdap.vocabulary.errors import S2sdapError


@handles(custom.VERDICT, custom.VerdictArguments, When.STOPPED)
async def verdict(adapter: Adapter, arguments: custom.VerdictArguments) -> Reply:
    """Which stage is to blame, with each experiment and the edits that repair the output."""
    from s2sdap.debugger.verdict.asking import answering, question_of
    from s2sdap.debugger.verdict.telling import plain

    session = adapter.need_session()
    if arguments.limit is not None and arguments.limit < 1:
        raise S2sdapError("bad_arguments", command=custom.VERDICT, reason="`limit` must be 1 or more")
    question = await adapter.on_model_thread(
        lambda: question_of(
            session,
            sentence=arguments.sentence,
            step=arguments.step,
            wanted=arguments.wanted,
            reference=arguments.reference,
            limit=arguments.limit,
        )
    )

    def work() -> Generator[int, None, dict[str, Any]]:
        found = yield from answering(question)
        return plain(found, question.plan.model.target)

    told = await in_turns(adapter, work(), f"Verdict on line {adapter.counting.line(question.sentence.line)}")
    experiments = [custom.ExperimentBody(**each) for each in told.pop("experiments")]
    absent = [custom.AbsentBody(**each) for each in told.pop("absent")]
    return Reply(custom.VerdictBody(experiments=experiments, absent=absent, **told))


FAMILY = (verdict,)
