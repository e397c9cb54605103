"""What categories, lines and images become."""

import base64
import struct
import warnings
import zlib
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image as Pillow

from dq_pipeline.encode import pixels
from dq_pipeline.encode.categories import Categories
from dq_pipeline.encode.encoder import DELAY, as_text
from dq_pipeline.encode.image import Image
from dq_pipeline.encode.log_lines import LONGEST, LogLines
from dq_pipeline.encode.registry import ENCODERS, find
from dq_pipeline.errors import SampleError

VALVE = Categories(categories=("closed", "open", "fault"))
OPTIONS = {"categories": {"categories": ["a", "b"]}}


def _png(grey: np.ndarray, **options) -> bytes:
    out = BytesIO()
    Pillow.fromarray(grey).save(out, "PNG", **options)
    return out.getvalue()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _huge(width: int, height: int) -> bytes:
    """A PNG of a few hundred bytes that says it is huge, and unpacks to as many zeros."""
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    body = _chunk(b"IDAT", zlib.compress(bytes(min(width * height, 10**6)), 9))
    return b"\x89PNG\r\n\x1a\n" + head + body + _chunk(b"IEND", b"")


@pytest.mark.parametrize("name", ENCODERS)
def test_each_encoder_measures_what_its_columns_say(name):
    encoder = find(name)(**OPTIONS.get(name, {}))
    names = [column.name for column in encoder.columns]
    assert len(set(names)) == len(names)
    assert all(column.range[0] < column.range[1] for column in encoder.columns)
    width = len(names) - (encoder.columns[-1] == DELAY)
    found = encoder.measure([None, base64.b64encode(_png(np.zeros((4, 4), np.uint8))).decode()])
    assert found.shape == (2, width)
    assert np.isnan(found[0]).all()
    assert not np.isnan(found[1]).any()
    assert encoder.measure([]).shape == (0, width)


@given(st.lists(st.sampled_from(["closed", "open", "fault", "ajar", None])))
def test_shares_of_categories_add_up(items):
    found = VALVE.measure(items)
    there = [item is not None for item in items]
    assert_array_equal(found[there].sum(axis=1), np.ones(sum(there)))
    for j, category in enumerate(VALVE.categories):
        assert found[there, j].sum() == items.count(category)
    assert np.isnan(found[~np.array(there, bool)]).all()


def test_categories_have_names_of_their_own():
    named = Categories(categories=("a b", "a_b", "other", "ö", "ü", 3, True))
    assert list(named.names.values()) == ["a_b", "a_b_2", "other_2", "_", "__2", "3", "true"]
    assert len({column.name for column in named.columns}) == 8


@pytest.mark.parametrize("wrong", [[], ["a", "a"], [1, "1"], [""], [None], ["a"] * 101, "ab", [["a"]]])
def test_categories_that_are_none(wrong):
    with pytest.raises(ValueError, match="categories"):
        Categories(categories=wrong)


def test_codes_are_the_categories_that_they_are_written_as():
    assert Categories(categories=(0, 1)).measure([as_text(value) for value in (0, 1.0, "1", 2)]).tolist() == [
        [1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 1],
    ]  # fmt: skip


def test_lines_are_counted_by_gravity_and_by_what_they_say():
    lines = ["pump 3 on", "Warning: slow", "pump 12 on", "ERROR 0x1f", "error 0xff warning", "warned", "terrors"]
    found = LogLines().measure(lines)
    assert_array_equal(found[:, 0], np.ones(7))
    assert_array_equal(found[:, 1], [0, 1, 0, 0, 0, 0, 0])
    assert_array_equal(found[:, 2], [0, 0, 0, 1, 1, 0, 0])  # an error is no warning besides
    assert_array_equal(found[:, 3], [len(line) for line in lines])
    assert_array_equal(found[:, 4], [1, 1, 0, 1, 1, 1, 1])


def test_words_of_gravity_are_the_process_files():
    found = LogLines(warnings=("achtung",), errors=()).measure(["ACHTUNG", "error", "a.b"])
    assert_array_equal(found[:, 1:3], [[1, 0], [0, 0], [0, 0]])
    with pytest.raises(ValueError, match="words"):
        LogLines(errors=("",))


def test_a_long_line_is_long_and_read_to_its_limit():
    found = LogLines().measure(["a" * 10 * LONGEST, "x" * LONGEST + " error", b"\xff"])
    assert_array_equal(found[:2, 2:4], [[0, 10 * LONGEST], [0, LONGEST + 6]])
    assert np.isnan(found[2]).all()


def test_figures_of_an_image():
    stripes = np.tile(np.array([0, 255], np.uint8), (6, 4))
    found = Image().measure([_png(stripes), _png(np.full((6, 8), 51, np.uint8))])
    horizontal, vertical = 6 * 7, 5 * 8  # neighbours of which the first differ, the others do not
    assert_allclose(found[0], [0.5, 0.5, horizontal / (horizontal + vertical), 0.5, 0.5, 0])
    assert_allclose(found[1], [0.2, 0, 0, 0, 0, 0], atol=1e-12)


def test_an_image_that_comes_again_is_told_from_one_that_looks_like_it():
    a, b = (np.random.default_rng(seed).integers(0, 256, (8, 8), dtype=np.uint8) for seed in (1, 2))
    found = Image().measure([_png(a), _png(a, compress_level=0), b"broken", _png(a), _png(b), _png(a)])
    assert_array_equal(found[:, 5], [0, 1, np.nan, 1, 0, 0])


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_kind_of_png_is_read_without_a_warning(mode):
    grey = np.linspace(0, 255, 64).reshape(8, 8).astype(np.uint8)
    image = Pillow.fromarray(grey.astype(np.uint16) * 257) if mode == "I;16" else Pillow.fromarray(grey).convert(mode)
    out = BytesIO()
    image.save(out, "PNG", **({"transparency": bytes(range(200))} if mode == "P" else {}))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = Image().measure([out.getvalue()])
    assert found[0, 0] == pytest.approx(0.5, abs=0.05)


BROKEN = {
    "nothing": b"",
    "no png": b"hello" * 20,
    "a gif": b"GIF89a" + bytes(100),
    "cut off": _png(np.random.default_rng(0).integers(0, 256, (32, 32), dtype=np.uint8))[:300],
    "head alone": _huge(8, 8)[:33],
    "no pixels": _huge(0, 8),
    "a wrong checksum": _png(np.eye(8, dtype=np.uint8))[:-20] + bytes(20),
    "too many pixels": _huge(1000, 1000),
    "a bomb": _huge(2**31 - 1, 2**31 - 1),
    "a bomb in a row": _huge(2**31 - 1, 1),
}


@pytest.mark.parametrize("image", BROKEN.values(), ids=BROKEN)
def test_what_is_no_small_png_is_missing(image):
    assert np.isnan(Image().measure([image, base64.b64encode(image).decode()])).all()


def test_other_kinds_of_image_are_not_even_tried(tmp_path):
    out = BytesIO()
    Pillow.fromarray(np.zeros((8, 8), np.uint8)).save(out, "BMP")
    disguised = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + struct.pack(">II", 8, 8) + out.getvalue()
    assert np.isnan(Image().measure([out.getvalue(), disguised])).all()


@given(st.integers(0, 10**6), st.integers(0, 255))
def test_a_spoilt_image_is_a_number_or_missing(at, byte):
    good = bytearray(_png(np.random.default_rng(3).integers(0, 256, (8, 8), dtype=np.uint8)))
    good[at % len(good)] = byte
    found = Image().measure([bytes(good)])
    assert found.shape == (1, 6)
    assert np.isnan(found).all() or ((found >= 0) & (found <= 1)).all()


@pytest.mark.parametrize("text", ["ä", "a", "ab==c", "iVBOR w0KGgo=", "iVBORw0KGgo=\n"])
def test_text_that_is_no_base64_is_refused(text):
    with pytest.raises(SampleError, match="base64") as caught:
        Image().measure([text])
    assert caught.value.reason == "schema"


def test_images_are_bounded_all_together(monkeypatch):
    monkeypatch.setattr(pixels, "MOST_PIXELS", 100)
    image = _png(np.zeros((5, 10), np.uint8))
    assert not np.isnan(Image().measure([image] * 2)).any()
    with pytest.raises(SampleError, match="pixels") as caught:
        Image().measure([image] * 3)
    assert caught.value.reason == "too_large"
