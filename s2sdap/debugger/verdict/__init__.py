"""The verdict: which of the five stages is to blame for a wrong token, found out by experiment.

`records` says what is told, `trials` runs a sentence again with edits in it, `controls` what is usual,
one file a stage makes its experiments, and `verdict` weighs them.
"""

from s2sdap.debugger.verdict.records import Absent, Experiment, Target, Verdict
from s2sdap.debugger.verdict.trials import Trials
from s2sdap.debugger.verdict.verdict import verdict_of

__all__ = ["Absent", "Experiment", "Target", "Trials", "Verdict", "verdict_of"]
