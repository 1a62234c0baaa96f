"""Training, views that are cut from files, and an export see the same picture in a file, or all refuse it."""

import io
import struct
from collections import Counter

import numpy as np
import pytest
from benchmark_scripts import script
from PIL import Image

from aag_tf.data.files import pictures
from aag_tf.data.files.reasons import reason

photographs = script("flavors_photograph")
jpegs, pngs = script("flavors_jpeg"), script("flavors_png")
mutated = script("mutated_flavors")
differential = script("differential_pictures")

FILES = script("picture_flavors").flavors()
SHAPE = (*photographs.SHAPE, 3)
COUNT = 2_000
REFUSED = {  # what neither reader makes a picture of
    "JPEG lossless",
    "JPEG lossless gray",
    "JPEG of 12 bits",
    "GIF without a palette",
}


@pytest.fixture(scope="module")
def readers():
    return differential.Readers(SHAPE)


@pytest.fixture(scope="module")
def read(readers):
    """Reads a file by both, which must agree: the picture, or `None`."""

    def read(data):
        trained, served = readers.training(data), readers.service([data]).get(0)
        assert (trained is None) == (served is None)
        if trained is not None:
            np.testing.assert_array_equal(trained, served)
        return trained

    return read


@pytest.mark.parametrize("channels", [1, 3])
def test_every_flavor_is_the_same_picture(readers, channels):
    if channels == 1:
        readers = differential.Readers((*photographs.SHAPE, 1))
    outcomes = list(readers.compare(mutated.Broken(name, "whole", data) for name, data in FILES.items()))
    assert len(outcomes) > 160
    assert {each.file.name for each in outcomes if each.outcome != "same"} == REFUSED & FILES.keys()
    assert {each.outcome for each in outcomes} == {"same", "refused"}
    assert sum(each.in_views for each in outcomes) > 15 * channels


def test_of_two_thousand_damaged_files_none_is_read_by_one_reader_alone(readers):
    counts = Counter(each.outcome for each in readers.compare(mutated.mutated_flavors(COUNT)))
    assert sum(counts.values()) == COUNT
    assert set(counts) == {"same", "refused"}, counts
    assert min(counts.values()) > COUNT / 4


def test_the_same_seed_gives_the_same_files():
    assert list(mutated.mutated_flavors(20, 3)) == list(mutated.mutated_flavors(20, 3))
    assert list(mutated.mutated_flavors(300, 3))[-1] != list(mutated.mutated_flavors(300, 4))[-1]


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("interlaced", [False, True])
def test_the_gray_that_a_png_file_names_as_transparent_is_white(read, bits, interlaced):
    # Of 16 bits, levels that 8 bits do not tell apart.
    values = np.arange(24 * 32, dtype=np.uint16).reshape(24, 32, 1) * (80 if bits == 16 else 1) & (2**bits - 1)
    key = int(values[3, 4, 0])
    file = pngs.png(
        values,
        bits,
        pngs.GRAY,
        interlaced=interlaced,
        before=[pngs.Chunk(b"tRNS", struct.pack(">H", key))],
    )
    levels = np.round(values / (2**bits - 1) * 255).astype(np.uint8)
    expected = np.where(values == key, 255, levels).repeat(3, axis=2)
    assert (expected[values[..., 0] == key] == 255).all()
    np.testing.assert_array_equal(read(file), expected)


@pytest.mark.parametrize("bits", [8, 16])
def test_the_color_that_a_png_file_names_as_transparent_is_white(read, bits):
    values = np.arange(24 * 32 * 3, dtype=np.uint16).reshape(24, 32, 3) % 200 * (1 if bits == 8 else 257)
    key = struct.pack(">3H", *map(int, values[3, 4]))
    file = pngs.png(values, bits, pngs.RGB, before=[pngs.Chunk(b"tRNS", key)])
    is_key = (values == values[3, 4]).all(axis=2, keepdims=True)
    levels = (values if bits == 8 else values // 257).astype(np.uint8)
    np.testing.assert_array_equal(read(file), np.where(is_key, 255, levels))
    # Colors that have only some of its bits are others.
    assert 0 < is_key.sum() < 24 * 32


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_a_damaged_table_of_transparency_costs_nothing_in_any_reader(readers, bits):
    name = f"PNG palette of {bits} bits"
    file = bytearray(FILES[f"{name} with a key"])
    file[file.index(b"tRNS") + 4 + min(2, 2**bits)] ^= 1  # its checksum
    (outcome,) = readers.compare([mutated.Broken(name, "damaged", bytes(file))])
    assert outcome.outcome == "same"
    assert outcome.in_views is (bits == 8)
    np.testing.assert_array_equal(readers.training(bytes(file)), readers.training(FILES[name]))


def test_a_damaged_name_of_a_transparent_gray_costs_nothing(read):
    values = np.arange(24 * 32, dtype=np.uint16).reshape(24, 32, 1) % 2
    file = pngs.png(values, 1, pngs.GRAY, before=[pngs.Chunk(b"tRNS", b"\0\1")])
    at = file.index(b"tRNS") + 6  # its checksum
    broken = file[:at] + bytes([file[at] ^ 1]) + file[at + 1 :]
    np.testing.assert_array_equal(read(broken), (values * 255).astype(np.uint8).repeat(3, axis=2))
    assert (read(file) == 255)[values[..., 0] == 1].all()


def test_a_png_file_without_its_end_is_refused(read):
    file = FILES["PNG color of 8 bits"]
    whole = read(file)
    assert read(file[:-12]) is None
    assert read(file[:-4]) is None
    np.testing.assert_array_equal(read(file + b"more"), whole)


def test_a_png_file_with_an_unknown_chunk_that_matters_is_refused(read):
    values = np.zeros((24, 32, 3), np.uint16)
    assert read(pngs.png(values, 8, pngs.RGB, before=[pngs.Chunk(b"NEWs", b"1")])) is None
    assert read(pngs.png(values, 8, pngs.RGB, before=[pngs.Chunk(b"neWs", b"1")])) is not None


@pytest.mark.parametrize(
    "name",
    ["with a large text", "with a large text behind", "with a large profile", "with many chunks", "with a gamma of 1"],
)
def test_chunks_beside_the_picture_change_nothing(read, name):
    np.testing.assert_array_equal(read(FILES[f"PNG {name}"]), read(FILES["PNG color of 8 bits"]))


def test_ink_without_the_marker_of_adobe_is_inverted_as_with_it(read):
    marked, plain = FILES["JPEG of ink"], FILES["JPEG of ink without Adobe's marker"]
    assert b"Adobe" in marked
    assert b"Adobe" not in plain
    np.testing.assert_array_equal(read(plain), read(marked))
    # Close to the photograph, not to its negative.
    assert np.abs(read(plain).astype(int) - np.asarray(photographs.photograph())).mean() < 12


def test_ink_becomes_color_by_whole_numbers(read):
    ink = np.random.default_rng(0).integers(0, 256, 4)
    solid = Image.new("CMYK", (32, 24), tuple(map(int, ink)))
    file = photographs.encode(solid, "JPEG", quality=100, subsampling=0)
    stored = 255 - np.asarray(Image.open(io.BytesIO(file)))[0, 0].astype(int)  # Pillow inverts it
    np.testing.assert_array_equal(read(file)[0, 0], stored[:3] * stored[3] // 255)


@pytest.mark.parametrize("more", [1, 100, 2**31])
def test_a_webp_file_that_claims_more_than_it_has_is_refused(read, more):
    file = bytearray(FILES["WebP plain"])
    assert read(bytes(file)) is not None
    file[4:8] = struct.pack("<I", len(file) - 8 + more)
    assert read(bytes(file)) is None


def test_bytes_behind_a_webp_file_are_none_of_its_chunks(read):
    # EXIF that turns the picture by 180 degrees, once inside and once behind the container.
    chunk = b"EXIF" + struct.pack("<I", 26) + photographs.rotated(3).tobytes()[6:].ljust(26, b"\0")
    inside, plain = bytearray(FILES["WebP plain"] + chunk), FILES["WebP plain"]
    inside[4:8] = struct.pack("<I", len(inside) - 8)
    np.testing.assert_array_equal(read(plain + chunk), read(plain))
    np.testing.assert_array_equal(read(bytes(inside)), read(plain)[::-1, ::-1])


def test_the_first_frame_of_a_webp_animation_lies_on_its_canvas(read):
    part = photographs.photograph(10, 12)
    moving = photographs.encode(part, "WEBP", lossless=True, save_all=True, append_images=[part.rotate(180)])
    file = bytearray(moving)
    file[24:30] = (32 - 1).to_bytes(3, "little") + (24 - 1).to_bytes(3, "little")
    at = file.index(b"ANMF") + 8
    file[at : at + 6] = (4).to_bytes(3, "little") + (3).to_bytes(3, "little")  # halves
    expected = np.full(SHAPE, 255, np.uint8)
    expected[6:16, 8:20] = np.asarray(part)
    np.testing.assert_array_equal(read(bytes(file)), expected)
    file[at : at + 3] = (11).to_bytes(3, "little")  # beyond the canvas
    assert read(bytes(file)) is None


def test_only_exif_of_the_picture_itself_turns_it(read):
    plain, turned = FILES["JPEG plain"], FILES["JPEG of orientation 3"]
    upside_down = read(turned)
    np.testing.assert_array_equal(read(plain + turned), read(plain))  # another picture behind it
    spoofed = jpegs.with_segment(turned, 0xFE, b"Exif\0\0 of a comment")
    np.testing.assert_array_equal(read(spoofed), upside_down)
    padded = turned.replace(b"\xff\xe1", b"\xff\xff\xff\xe1", 1)
    np.testing.assert_array_equal(read(padded), upside_down)
    xmp = b'http://ns.adobe.com/xap/1.0/\0<x:xmpmeta tiff:Orientation="3"/>'
    np.testing.assert_array_equal(read(jpegs.with_segment(plain, 0xE1, xmp)), read(plain))


def test_exif_behind_the_pixels_of_a_png_file_turns_it(read):
    values = np.asarray(photographs.photograph()).astype(np.uint16)
    exif = pngs.Chunk(b"eXIf", photographs.rotated(3).tobytes()[6:])
    words = pngs.Chunk(b"tEXt", b"Comment\0eXIf" + photographs.rotated(2).tobytes()[6:])
    upside_down = values.astype(np.uint8)[::-1, ::-1]
    for chunks in ({"before": [words, exif]}, {"before": [words], "behind": [exif]}):
        np.testing.assert_array_equal(read(pngs.png(values, 8, pngs.RGB, **chunks, pieces=9)), upside_down)
    np.testing.assert_array_equal(read(pngs.png(values, 8, pngs.RGB, behind=[words])), values.astype(np.uint8))


def test_why_files_are_refused_is_said():
    said = {}
    for name in REFUSED & FILES.keys():
        with pytest.raises(Exception, match=r".") as error:
            pictures.decode(io.BytesIO(FILES[name]), SHAPE)
        said[name] = reason(error.value)
    assert said.pop("GIF without a palette") == "a GIF file without colors"
    assert set(said.values()) <= {"a JPEG file that is truncated or damaged"}


def test_a_picture_of_a_thousand_empty_chunks_is_read(read):
    values = np.asarray(photographs.photograph()).astype(np.uint16)
    many = [pngs.Chunk(b"neWs")] * 1_000
    file = pngs.png(
        values, 8, pngs.RGB, before=many, behind=[pngs.Chunk(b"eXIf", photographs.rotated(3).tobytes()[6:])]
    )
    np.testing.assert_array_equal(read(file), values.astype(np.uint8)[::-1, ::-1])
