"""Images as sources: the line names an image file, and its tokens are the encoder's patches.

A patch's piece is its row and column, `r0c3`, and the box that it covers, in pixels of the image in the
file: `r0c3 48,0-64,16`, left and top to right and bottom. Where the processor crops or pads, the box is not
known and left out. Tokens that look at the image as a whole are named, `[CLS]`. None stands in the line.
"""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from torch import Tensor
from transformers import PreTrainedModel

from s2sdap.models.huggingface.encoder_length import EncoderLengths, main_input
from s2sdap.models.huggingface.reasons import reason_of
from s2sdap.models.huggingface.source_files import FileSource, SourceFile, check_unchanged, file_of_line
from s2sdap.models.tokens import SourceToken

MAX_PIXELS: Final = 64 * 1024 * 1024
KIND: Final = "image"
_WHOLE: Final = {1: ("[CLS]",), 2: ("[CLS]", "[DIST]")}
_MOST_WHOLE: Final = 16
"""More tokens than this beside the patches, and it is no grid of patches after all."""


class ImageReader:
    """Reads images for one model, with the image processor that belongs to it."""

    def __init__(self, model: PreTrainedModel, processor: Any, lengths: EncoderLengths) -> None:
        self._model = model
        self._processor = processor
        self._lengths = lengths

    @property
    def ready(self) -> bool:
        """Whether there is what images are read with."""
        return self._processor is not None

    def read(self, line: str, base: Path | None) -> FileSource:
        """The patches of the image that `line` names."""
        file = file_of_line(line, base, KIND)
        image = read_image(file)
        size = image.size if only_resizes(self._processor) else None
        return FileSource(line, self.patches(self._pixels(file, image), size), file=file)

    def inputs(self, file: SourceFile) -> dict[str, Tensor]:
        """What `generate` is given for the image: the processor's own output."""
        check_unchanged(file)
        return self._pixels(file, read_image(file))

    def patches(
        self, inputs: Mapping[str, Tensor], size: tuple[int, int] | None = None
    ) -> tuple[SourceToken, ...]:
        """The encoder's patches for a batch of one; `size` is the width and height of the file's image."""
        count = self._lengths.of(inputs)
        pixels = inputs[main_input(self._model)]
        height, width = int(pixels.shape[-2]), int(pixels.shape[-1])
        grid = grid_of(self._model, height, width)
        return patch_tokens(count, grid, size)

    def _pixels(self, file: SourceFile, image: Any) -> dict[str, Tensor]:
        try:
            return dict(self._processor(image, return_tensors="pt"))
        except (ValueError, RuntimeError) as error:
            raise file.refused(reason_of(error)) from None


def read_image(file: SourceFile) -> Any:
    """The image of a file, in three colours. Raises `source_file`."""
    try:
        from PIL import Image  # noqa: PLC0415 - needed for this kind of source alone
    except ImportError as error:
        raise file.refused(f"{error}; `pip install 's2sdap[huggingface]'` brings Pillow") from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit here is lower
            with Image.open(file.path) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise file.refused(f"it has more than {MAX_PIXELS} pixels")
                return image.convert("RGB")
    except Image.DecompressionBombError:
        raise file.refused(f"it has more than {MAX_PIXELS} pixels") from None
    except (OSError, ValueError, SyntaxError) as error:  # SyntaxError is Pillow's for a broken PNG
        raise file.refused(getattr(error, "strerror", None) or "it is no image that Pillow reads") from None


def only_resizes(processor: Any) -> bool:
    """Whether each pixel that the model reads is at the same part of the image in the file."""
    moved = ("do_center_crop", "do_pad", "do_thumbnail", "do_align_long_axis", "do_crop_margin")
    return not any(getattr(processor, name, None) for name in moved)


def grid_of(model: PreTrainedModel, height: int, width: int) -> tuple[int, int] | None:
    """The rows and columns of patches of an image as the model reads it, or `None` where no grid is known."""
    config: Any = getattr(model.get_encoder(), "config", model.config)
    patch = getattr(config, "patch_size", None)
    if patch is None:
        return None
    rows, columns = (patch, patch) if isinstance(patch, int) else (int(patch[0]), int(patch[-1]))
    merged = 2 ** (len(depths) - 1) if (depths := getattr(config, "depths", None)) else 1  # Swin's stages
    return height // (rows * merged), width // (columns * merged)


def patch_tokens(
    count: int, grid: tuple[int, int] | None, size: tuple[int, int] | None
) -> tuple[SourceToken, ...]:
    """`count` encoder states: the tokens of the whole image, then the patches of `grid` row by row."""
    whole = count - grid[0] * grid[1] if grid is not None else -1
    if grid is None or not 0 <= whole <= _MOST_WHOLE:
        pieces = [f"state {at}" for at in range(count)]
    else:
        names = _WHOLE.get(whole) or ("[CLS]", *(f"[REG{at}]" for at in range(1, whole)))
        pieces = [*names[:whole], *(_piece(at, grid, size) for at in range(grid[0] * grid[1]))]
    return tuple(SourceToken(piece, at, piece, None) for at, piece in enumerate(pieces))


def _piece(at: int, grid: tuple[int, int], size: tuple[int, int] | None) -> str:
    (rows, columns), (row, column) = grid, divmod(at, grid[1])
    if size is None:
        return f"r{row}c{column}"
    left, right = (round(each * size[0] / columns) for each in (column, column + 1))
    top, bottom = (round(each * size[1] / rows) for each in (row, row + 1))
    return f"r{row}c{column} {left},{top}-{right},{bottom}"
