"""Headers that are remembered: valid for a file in the state in which it was opened, and lost without harm."""

import os

import numpy as np
import pytest
from PIL import Image

from aag_tf.config import ReadingConfig
from aag_tf.data.files import header_cache, headers, pictures
from aag_tf.data.files.formats.decoded import Header

NAME = "folder:pictures"


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("AAG_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(header_cache, "FEWEST", 2)
    return tmp_path / "cache" / "headers"


@pytest.fixture
def paths(tmp_path):
    """Two pictures, and a file that is none."""
    for number in range(2):
        Image.fromarray(np.full((20, 30 + number, 3), 9, np.uint8)).save(tmp_path / f"{number}.jpg")
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    return [str(tmp_path / name) for name in ("0.jpg", "1.jpg", "broken.jpg")]


@pytest.fixture
def opened(monkeypatch):
    """The files whose headers are read, in order."""
    read, seen = pictures.read_header, []

    def note(path, max_pixels):
        seen.append(os.path.basename(path))
        return read(path, max_pixels)

    monkeypatch.setattr(pictures, "read_header", note)
    return seen


def read(paths, **settings):
    broken = {}
    return headers.read_headers(NAME, paths, ReadingConfig(**settings), broken), broken


def test_files_are_opened_once(paths, opened):
    first, broken = read(paths)
    assert first == {number: Header(20, 30 + number, 3, decoder=1) for number in range(2)}
    assert sorted(opened) == ["0.jpg", "1.jpg", "broken.jpg"]
    opened.clear()
    again, still_broken = read(paths)
    assert again == first
    assert {path: str(error) for path, error in still_broken.items()}.keys() == broken.keys() == {paths[2]}
    assert opened == []


def test_a_file_that_has_changed_is_opened_again(paths, opened):
    read(paths)
    opened.clear()
    Image.fromarray(np.zeros((7, 8), np.uint8)).save(paths[1])
    Image.fromarray(np.zeros((5, 6), np.uint8)).save(paths[2])
    found, broken = read(paths)
    assert (found[1][:3], found[2][:3]) == ((7, 8, 1), (5, 6, 1))
    assert broken == {}
    assert sorted(opened) == ["1.jpg", "broken.jpg"]


def test_a_new_file_is_opened_and_the_others_are_known(paths, opened):
    read(paths[:2])
    opened.clear()
    assert set(read(paths)[1]) == {paths[2]}
    assert opened == ["broken.jpg"]


def test_another_limit_of_pixels_opens_all_again(paths, opened):
    read(paths)
    opened.clear()
    found, broken = read(paths, max_pixels=10)
    assert (found, set(broken)) == ({}, set(paths))
    assert len(opened) == 3


@pytest.mark.parametrize("damage", [b"", b"PAR1 no table PAR1"])
def test_a_damaged_cache_is_no_harm(paths, opened, place, damage):
    first, _ = read(paths)
    (file,) = place.iterdir()
    file.write_bytes(damage)
    opened.clear()
    assert read(paths)[0] == first
    assert len(opened) == 3


def test_a_place_that_cannot_be_written_is_no_harm(paths, place):
    place.parent.write_text("a file where the directory should be")
    assert len(read(paths)[0]) == 2


def test_errors_of_the_disk_are_not_remembered(paths, monkeypatch, opened):
    def fail(path, max_pixels):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(pictures, "read_header", fail)
        assert read(paths)[0] == {}
    assert len(read(paths)[0]) == 2


def test_few_files_are_neither_looked_at_nor_remembered(paths, place, monkeypatch):
    monkeypatch.setattr(header_cache, "FEWEST", 4)
    monkeypatch.setattr(headers, "stamps_of", None)
    found, broken = read(paths)
    assert (list(found), list(broken)) == ([0, 1], [paths[2]])
    assert not place.exists()


def test_other_files_of_the_data_set_stay_known_in_any_order(paths, opened):
    read(paths)
    opened.clear()
    found, broken = read(paths[::-1])
    assert ([found[1][1], found[2][1]], list(broken)) == ([31, 30], [paths[2]])
    assert found.keys() == {1, 2}
    first = read(paths[:2])[0]
    assert first == {number: Header(20, 30 + number, 3, decoder=1) for number in range(2)}
    assert opened == []
    Image.fromarray(np.zeros((7, 8), np.uint8)).save(paths[0])
    read(paths[:2])
    assert opened == ["0.jpg"]
    opened.clear()
    assert read(paths)[0][0] == Header(7, 8, 1, decoder=1)
    assert opened == []


def test_a_cache_of_another_version_is_not_used(paths, opened, monkeypatch):
    read(paths)
    opened.clear()
    monkeypatch.setattr(header_cache, "__version__", "0.0")
    read(paths)
    assert len(opened) == 3


def test_broken_files_are_told_in_the_order_of_the_files(paths, tmp_path):
    more = [str(tmp_path / name) for name in ("a.jpg", "z.jpg")]
    for path in more:
        (tmp_path / path).write_bytes(b"\xff\xd8\xff nothing")
    read(paths)  # one of them is known, the others are new
    assert list(read([more[0], *paths, more[1]])[1]) == [more[0], paths[2], more[1]]


@pytest.mark.parametrize(("cut", "behind", "ends"), [(0, b"", True), (0, b"\0" * 40, True), (30, b"", False)])
def test_the_end_of_a_file_tells_whether_it_may_be_truncated(paths, cut, behind, ends):
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    Image.fromarray(noise).save(paths[0])
    with open(paths[0], "rb") as file:
        content = file.read()
    with open(paths[0], "wb") as file:
        file.write(content[: len(content) - cut] + behind)
    assert pictures.read_header(paths[0]).ends is ends


@pytest.mark.parametrize(
    ("mode", "options", "plain"),
    [("L", {}, True), ("RGB", {"progressive": True}, True), ("CMYK", {}, False), ("RGB", {"turned": 6}, False)],
)
def test_plain_jpeg_files(tmp_path, mode, options, plain):
    exif = Image.Exif()
    exif[0x0112] = options.pop("turned", 1)
    Image.new(mode, (8, 8)).save(tmp_path / "file.jpg", exif=exif, **options)
    assert pictures.read_header(str(tmp_path / "file.jpg")).decoder == int(plain)
