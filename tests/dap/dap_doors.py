"""The doors to an edit: `setVariable`, `setExpression`, a line of the console, and `s2s/edit`."""

from same_records import run_again

from s2sdap.decoding.edits import SourceEdit
from s2sdap.decoding.planning import planner_for


def back(session, step):
    """Back to the unedited branch, at the step that is edited, following the eldest hypothesis."""
    session.request("evaluate", expression="switch 0", context="repl")
    session.request("evaluate", expression=f"goto {step - 1}", context="repl")
    session.go("next", threadId=eldest(session))


def variable(path, value):
    """`setVariable` of what stands at `path`: a scope, then names, the last without its piece."""

    def door(session):
        scope, *names, last = path
        reference = session.scopes()[scope]
        for name in names:
            reference = session.variables(reference)[name]["variablesReference"]
        name = next(
            each for each in session.variables(reference) if each == last or each.startswith(f"{last}:")
        )
        session.request("setVariable", variablesReference=reference, name=name, value=value)

    return door


def expression(left, value):
    return lambda session: session.request("setExpression", expression=left, value=value)


def repl(line):
    return lambda session: session.request("evaluate", expression=line, context="repl")


def edit(**arguments):
    return lambda session: session.request("s2s/edit", arguments)


def fresh(model, settings, edits, text):
    """A plan, and the encoder and the records of its run that nobody debugs, given the same list of edits."""
    text = next((each.text for each in edits if isinstance(each, SourceEdit)), text)
    plan = planner_for(model, settings)(text, sentence=0, line=1, where="the source")
    return plan, *run_again(plan, [each for each in edits if not isinstance(each, SourceEdit)])


def eldest(session):
    """The eldest of the live hypotheses."""
    return min(each["id"] for each in session.request("threads")["threads"])
