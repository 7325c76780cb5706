"""One image file as pixels, uint8 (H, W, C), with Pillow alone. docs/data.md states the rules."""

import functools
import io

import numpy as np
from PIL import Image, UnidentifiedImageError

SUFFIXES = frozenset((
    ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".dib", ".gif", ".tif", ".tiff", ".webp",
    ".ppm", ".pgm", ".pbm", ".pnm", ".tga", ".jp2", ".avif",
))
MAX_PIXELS = 89_478_485  # Pillow warns from here on; such an image needs 270 MB
BACKGROUNDS = ("black", "white")

# What Pillow may take a file for, whatever its name. Not EPS, which Ghostscript would execute.
_FORMATS = ("PNG", "JPEG", "MPO", "BMP", "DIB", "GIF", "TIFF", "WEBP", "PPM", "TGA", "JPEG2000", "AVIF")
_GRAY = ("1", "L", "LA", "La", "I", "F")
_TURNS = {  # EXIF orientation -> what makes the image upright
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_90,
}


class UndecodableError(Exception):
    """A file cannot be decoded. The message is the reason, without the file's name."""


class UnknownRangeError(Exception):
    """An image is whole, but its values have no known range. The message is the reason."""


def decode(
    content: bytes, size: int | None = None, channels: int = 3, background: str = "black"
) -> np.ndarray:
    """Returns the image in a file's bytes.

    Args:
        content: the bytes.
        size: height and width of the result; the central square is resized to it with Lanczos' filter.
            None keeps the image's own height and width.
        channels: 1 or 3.
        background: "black" or "white", which lies under transparent pixels.

    Returns:
        uint8 (H, W, channels).

    Raises:
        UndecodableError: the bytes are damaged, no image, or an image of more than MAX_PIXELS.
        UnknownRangeError: the image has floats outside [0, 1], or integers of 32 bits.
    """
    try:
        with _open(content) as image:
            if image.width * image.height > MAX_PIXELS:
                raise UndecodableError(f"more than {MAX_PIXELS:,} pixels, {image.width}x{image.height}")
            image.load()
            plain = _plain(_upright(image), image.format, background)
            plain = _fit(plain.convert("L" if channels == 1 else "RGB"), size)
            return np.asarray(plain).reshape(plain.height, plain.width, channels)
    except (UndecodableError, UnknownRangeError):
        raise
    except UnidentifiedImageError:
        raise UndecodableError("not an image of a known format") from None
    except Exception as error:  # Pillow's readers raise many types on damaged files
        raise UndecodableError(str(error) or type(error).__name__) from error


def is_colour(content: bytes) -> bool | None:
    """Whether the image in a file's bytes has colours; None if its header cannot be read.

    A mode counts, not pixels: a gray picture that is stored as RGB has colours. A palette has colours
    unless all its entries are gray.
    """
    try:
        with _open(content) as image:
            if image.mode not in ("P", "PA"):
                return not (image.mode in _GRAY or image.mode.startswith("I;"))
            palette = np.array(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
            return bool((palette != palette[:, :1]).any())
    except Exception:  # noqa: BLE001 -- what is wrong with it is said when it is decoded
        return None


def _open(content):
    if not content:
        raise UndecodableError("the file is empty")
    return Image.open(io.BytesIO(content), formats=_formats())


@functools.cache
def _formats():
    Image.init()
    return [name for name in _FORMATS if name in Image.OPEN]  # AVIF is new in Pillow 11.3


def _upright(image):
    try:
        turn = _TURNS.get(image.getexif().get(0x0112))
    except Exception:  # noqa: BLE001 -- damaged metadata of a whole image
        turn = None
    return image if turn is None else image.transpose(turn)


def _plain(image, file_format, background):
    """An opaque image of 8 bits a channel, in any mode."""
    if image.mode == "F":
        values = np.asarray(image)
        if not (values.min() >= 0 and values.max() <= 1):  # `not`, so that NaN fails too
            raise UnknownRangeError(f"floats from {values.min()} to {values.max()}; expected [0, 1]")
        return Image.fromarray(np.rint(values * 255).astype(np.uint8))
    if image.mode == "I" and file_format != "PPM":  # PPM files of 16 bits have mode I
        raise UnknownRangeError("integers of 32 bits, whose range is not known; expected 8 or 16 bits")
    if image.mode.startswith("I"):
        values = (np.asarray(image).astype(np.uint32) + 128) // 257  # 65535 to 255, rounded
        return Image.fromarray(values.astype(np.uint8))
    if not image.has_transparency_data:
        return image.convert("RGB") if image.mode == "P" else image
    image = image.convert("RGBA")
    opaque = Image.new("RGB", image.size, background)
    opaque.paste(image, mask=image.getchannel("A"))
    return opaque


def _fit(image, size):
    """The central square, resized; `image` itself if size is None."""
    if size is None or image.size == (size, size):
        return image
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    image = image.crop((left, top, left + side, top + side))
    return image if side == size else image.resize((size, size), Image.Resampling.LANCZOS)
