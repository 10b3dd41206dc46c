"""What has been decoded to its end."""

from typing import Final

from s2sdap.protocol.arguments import Arguments as _Camel
from s2sdap.protocol.custom.steps import TokenBody

RESULTS = "s2s/results"
RESULT_EVENT = "s2s/result"


class ResultsArguments(_Camel):
    """`s2s/results`: a page of what has been decoded."""

    start: int = 0
    count: int = 0


class OutputBody(_Camel):
    """One finished hypothesis."""

    text: str
    score: float
    final: float
    tokens: list[TokenBody]


class ResultBody(_Camel):
    """A sentence that has been decoded, or the reason why it was not; also the event `s2s/result`."""

    sentence: int
    line: int
    source: str
    branch: int
    outputs: list[OutputBody]
    error: str | None = None


class ResultsBody(_Camel):
    """Answer to `s2s/results`."""

    results: list[ResultBody]
    total: int


_MESSAGES: Final = ((RESULTS, ResultsArguments, ResultsBody), (RESULT_EVENT, None, ResultBody))
_PARTS: Final = (OutputBody,)
