"""Floor 1: what can be debugged. `contract` says what a model must offer; each family has a room.

`loading` turns a name or a path into a model. Importing this package imports no torch.
"""

from typing import Final

HUGGING_FACE: Final = "hf:"
"""What the name of a model begins with whose own `generate` searches."""
DEFAULT_MODEL: Final = "dates"
"""The bundled model that a launch without one gets."""
