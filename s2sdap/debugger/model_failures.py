"""What the model's own code raised, as an error of the catalogue."""

from s2sdap.vocabulary.errors import S2sdapError

_NO_MEMORY = ("out of memory", "can't allocate memory")
"""How torch's allocators say it; only some of them have a class of exception for it."""


def failure_of_model(where: str, error: Exception) -> S2sdapError:
    """The model's own exception as an error of the catalogue."""
    if isinstance(error, MemoryError) or any(words in str(error) for words in _NO_MEMORY):
        reason = str(error).strip().partition("\n")[0]
        return S2sdapError("memory_ran_out", where=where, reason=reason)
    return S2sdapError("model_failed", where=where, reason=f"{type(error).__name__}: {error}")
