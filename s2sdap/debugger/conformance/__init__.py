"""The conformance suite: does a model do what debugging it builds on? A report, as plain data.

`check_model(model, sources)` for one that is loaded, `check_loading` to load it too; `s2sdap check-model`
shows the report as a table. Each check is a row of `suite.CHECKS`.
"""

from s2sdap.debugger.conformance.report import Finding, Outcome, Report
from s2sdap.debugger.conformance.suite import CHECKS, Check, check_loading, check_model

__all__ = ["CHECKS", "Check", "Finding", "Outcome", "Report", "check_loading", "check_model"]
