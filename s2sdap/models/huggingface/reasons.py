"""What another library says of a failure, as one line that fits into a refusal of ours."""

from typing import Final

_LONGEST: Final = 400


def reason_of(error: BaseException) -> str:
    """The message of `error` on one line, not longer than a few of them; its kind where it has none."""
    said = " ".join(str(error).split()).rstrip(".")
    return f"{said[:_LONGEST]}..." if len(said) > _LONGEST else said or type(error).__name__
