"""Odd image files, each as the pixels that docs/data.md promises."""

import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from keras_multigan.data.decode import UndecodableError, UnknownRangeError, decode, is_colour

pytestmark = pytest.mark.fast

RAMP = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5
COLOURS = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)


def saved(image, file_format="PNG", **options):
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def same(content, expected, channels=3, background="black", tolerance=0):
    pixels = decode(content, None, channels, background)
    assert pixels.dtype == np.uint8
    expected = np.broadcast_to(np.atleast_3d(expected), (*np.shape(expected)[:2], channels))
    np.testing.assert_allclose(pixels.astype(int), expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("file_format", ["PNG", "BMP", "TIFF", "PPM", "TGA", "GIF"])
def test_formats_without_loss(file_format):
    content = saved(RAMP, file_format)
    same(content, RAMP, channels=1)
    assert not is_colour(content)
    if file_format != "GIF":  # of 256 colours
        same(saved(COLOURS, file_format), COLOURS)
        assert is_colour(saved(COLOURS, file_format))


def test_webp():
    same(saved(COLOURS, "WEBP", lossless=True), COLOURS)


def test_jpeg():
    same(saved(np.full((8, 8, 3), (200, 30, 90), np.uint8), "JPEG", quality=95), (
        np.full((8, 8, 3), (200, 30, 90), np.uint8)), tolerance=3)


def test_cmyk():
    image = Image.new("CMYK", (4, 4), (0, 255, 255, 0))
    same(saved(image, "JPEG", quality=100), np.full((4, 4, 3), (255, 0, 0)), tolerance=8)
    same(saved(image, "TIFF"), np.full((4, 4, 3), (255, 0, 0)))


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_exif_orientation_is_applied(file_format):
    stored = np.zeros((16, 32, 3), np.uint8)
    stored[:, :16] = 255  # the left half
    exif = Image.Exif()
    exif[0x0112] = 6  # turn clockwise to see it upright: left becomes top
    upright = decode(saved(stored, file_format, exif=exif))
    assert upright.shape == (32, 16, 3)
    assert upright[:14].min() > 240 and upright[18:].max() < 15


def test_all_orientations():
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        content = saved(COLOURS, exif=exif)
        same(content, np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(content)))))


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_damaged_exif_is_no_damaged_image():
    content = saved(COLOURS, exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12")
    same(content, COLOURS)


@pytest.mark.parametrize(("background", "expected"), [
    ("black", [(255, 0, 0), (0, 0, 0), (128, 0, 0)]),
    ("white", [(255, 0, 0), (255, 255, 255), (255, 127, 127)]),
])
def test_transparent_pixels_show_the_background(background, expected):
    rgba = np.array([[(255, 0, 0, 255), (9, 9, 9, 0), (255, 0, 0, 128)]], np.uint8)
    same(saved(rgba), np.array([expected]), background=background, tolerance=1)


def test_gray_with_alpha():
    gray_alpha = Image.fromarray(np.array([[(200, 255), (200, 0)]], np.uint8), "LA")
    same(saved(gray_alpha), [[200, 0]], channels=1)
    same(saved(gray_alpha), [[200, 255]], channels=1, background="white")
    assert not is_colour(saved(gray_alpha))


def test_a_transparent_colour_without_alpha_channel():
    same(saved(np.array([[50, 60]], np.uint8), transparency=60), [[50, 255]], 1, background="white")


def test_palette():
    palette = Image.new("P", (2, 1))
    palette.putpalette([0, 0, 0, 10, 200, 30])
    palette.putdata([0, 1])
    same(saved(palette), [[(0, 0, 0), (10, 200, 30)]])
    same(saved(palette, transparency=1), [[(0, 0, 0), (255, 255, 255)]], background="white")
    assert is_colour(saved(palette))


def test_a_gray_palette_is_gray():
    palette = Image.new("P", (2, 1))
    palette.putpalette([0, 0, 0, 70, 70, 70])
    palette.putdata([0, 1])
    assert not is_colour(saved(palette))
    same(saved(palette), [[0, 70]], channels=1)


def test_one_bit():
    bits = np.array([[True, False, True]])
    same(saved(bits), [[255, 0, 255]], channels=1)
    same(saved(bits, "TIFF", compression="group4"), [[255, 0, 255]], channels=1)


@pytest.mark.parametrize("file_format", ["PNG", "TIFF", "PPM"])
def test_sixteen_bits_are_scaled(file_format):
    deep = np.array([[0, 257, 25700, 65535, 128, 129]], np.uint16)
    content = saved(deep, file_format)
    same(content, [[0, 1, 100, 255, 0, 1]], channels=1)
    assert not is_colour(content)


def test_floats():
    same(saved(np.array([[0, 0.5, 1]], np.float32), "TIFF"), [[0, 128, 255]], channels=1)


@pytest.mark.parametrize(("values", "message"), [
    (np.array([[0, 1.5]], np.float32), r"floats from 0.0 to 1.5; expected \[0, 1\]"),
    (np.array([[0, np.nan]], np.float32), "nan"),
    (np.array([[0, 255]], np.int32), "32 bits, whose range is not known"),
])
def test_values_without_a_known_range(values, message):
    with pytest.raises(UnknownRangeError, match=message):
        decode(saved(values, "TIFF"))


def test_the_first_frame_of_an_animation():
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    for file_format in ("GIF", "WEBP", "PNG", "TIFF"):
        options = {"lossless": True} if file_format == "WEBP" else {}
        content = saved(frames[0], file_format, save_all=True, append_images=frames[1:], **options)
        same(content, np.full((4, 4, 3), (255, 0, 0)))


@pytest.mark.parametrize("shape", [(20, 40), (40, 20), (61, 50), (32, 50), (9, 9), (1, 300)])
@pytest.mark.parametrize("size", [32, 9, 1])
def test_central_square_resized_by_lanczos(shape, size):
    pixels = np.random.default_rng(1).integers(0, 256, (*shape, 3), np.uint8)
    side = min(shape)
    top, left = ((n - side) // 2 for n in shape)
    square = Image.fromarray(pixels[top : top + side, left : left + side])
    expected = np.asarray(square.resize((size, size), Image.Resampling.LANCZOS))
    np.testing.assert_array_equal(decode(saved(pixels), size), expected)


def test_forced_channels():
    same(saved(RAMP), RAMP, channels=3)
    same(saved(np.full((2, 2, 3), (255, 0, 0), np.uint8)), np.full((2, 2), 76), channels=1)


def huge():
    """A PNG of a few bytes that claims 60,000 x 60,000 pixels."""
    content = bytearray(saved(RAMP))
    content[16:24] = struct.pack(">II", 60_000, 60_000)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    return bytes(content)


@pytest.mark.parametrize(("content", "reason"), [
    (b"", "empty"), (b"some text", "not an image of a known format"), (saved(COLOURS)[:-30], "trunc"),
    (saved(COLOURS, "JPEG")[:-80], "Trunc"), (huge(), "pixels"),
    (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image of a known format"),
])
def test_what_cannot_be_decoded(content, reason):
    with pytest.raises(UndecodableError, match=reason) as caught:
        decode(content, 8)
    assert "object at" not in str(caught.value)


def test_more_pixels_than_allowed():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        with pytest.raises(UndecodableError, match="more than 89,478,485 pixels, 10000x9000"):
            decode(saved(Image.new("1", (10_000, 9_000))))


def test_the_header_of_what_is_no_image():
    assert is_colour(b"text") is None and is_colour(b"") is None
