"""What is loaded once and stays is not looked through for garbage.

torch and a model are some hundred thousand objects. Python's collector goes over all of them every few
seconds of decoding, for 30 to 120 ms, in which no hover is answered; frozen, they are passed over.
"""

import gc


def begin_anew() -> None:
    """A model was loaded, perhaps in the place of another: what that left goes, and what is there stays."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def more_stays() -> None:
    """Something else was loaded for good. Takes no time: what is garbage now is kept with it."""
    gc.freeze()
