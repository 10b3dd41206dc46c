"""A verdict as plain data: what a message, a line of JSON and a table are made of."""

from typing import Any

from s2sdap.debugger.edit_lists import to_plain, told
from s2sdap.debugger.verdict.records import Verdict
from s2sdap.models.tokens import TargetVocabulary


def plain(verdict: Verdict, vocabulary: TargetVocabulary) -> dict[str, Any]:
    """The verdict under the names that the protocol has for it, in Python's spelling."""
    target = verdict.target
    return {
        "step": target.step,
        "wrong": None if target.wrong is None else vocabulary.piece(target.wrong),
        "wanted": vocabulary.piece(target.wanted),
        "whole": target.whole,
        "stage": None if verdict.stage is None else verdict.stage.value,
        "ties": [stage.value for stage in verdict.ties],
        "text": verdict.text,
        "experiments": [
            {
                "stage": each.stage.value,
                "name": each.name,
                "text": each.text,
                "numbers": dict(each.numbers),
                "repaired": each.repaired,
                "blames": each.blames,
                "edits": to_plain(each.edits),
            }
            for each in verdict.experiments
        ],
        "absent": [
            {"stage": each.stage.value, "name": each.name, "reason": each.reason} for each in verdict.absent
        ],
        "edits": to_plain(verdict.edits),
        "edit_texts": [told(edit, vocabulary.piece) for edit in verdict.edits],
        "output": vocabulary.text(verdict.output),
        "repaired_output": vocabulary.text(verdict.repaired_output),
        "steps_run": verdict.steps_run,
    }
