"""Every row of `docs/reference/picture_files.md`, from the file to the images that training sees."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from picture_cases import DEEP, REFUSED, SIDE, dicom, read_cases

from aag_tf.config import DataConfig, ReadingConfig
from aag_tf.data import open_source
from aag_tf.data.files.formats import sniffing
from aag_tf.data.files.formats.table import MODULES
from aag_tf.data.files.pictures import is_picture
from aag_tf.data.files.reading import Reading
from aag_tf.utils.errors import DataError

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "picture_files.md"
CASES = read_cases()


def rows(title):
    body = PAGE.read_text().split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]
    found = re.findall(r"^\| (.+?) \| (.+?) \|$", body, re.MULTILINE)
    return dict(found[2:])  # without the head


def read(folder, **settings):
    config = DataConfig(dataset=f"folder:{folder}", validation_fraction=0.0, reading=ReadingConfig(**settings))
    source = open_source(config)
    return source.train.images.numpy(range(len(source.train))), source


def test_every_row_of_the_tables_is_a_case():
    assert set(rows("Files that are read")) == set(CASES)
    assert set(rows("Files that are not read")) == set(REFUSED)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("suffix", [".png", ""])
def test_files_are_read_whatever_their_name(tmp_path, name, suffix):
    case = CASES[name]
    if case.extra is not None:
        pytest.importorskip(case.extra)
    for number in range(2):
        (tmp_path / f"{number}{suffix}").write_bytes(case.content)
    found, source = read(tmp_path, **(case.settings or {}))
    expected = np.concatenate([case.images, case.images]).astype(np.float64)
    if case.images.dtype == np.uint8:
        assert source.reading.value_range is None
    else:
        low, high = source.reading.value_range
        assert (low, high) == (case.images.min(), case.images.max())
        expected = np.round((expected - low) / (high - low) * 255)
    assert found.shape == expected.shape
    assert found.dtype == np.uint8
    assert np.abs(found - expected).max() <= case.tolerance


@pytest.mark.parametrize("name", REFUSED)
def test_other_files_are_refused_by_the_name_of_their_format(tmp_path, name):
    for number in range(2):
        (tmp_path / f"{number}.jpg").write_bytes(REFUSED[name])
    advice = rows("Files that are not read")[name]
    with pytest.raises(DataError) as refusal:
        read(tmp_path)
    article, what = ("an" if name[0] in "aeio" else "a"), (name if name[0].islower() else f"{name} file")
    assert str(refusal.value) == (
        f"none of the 2 image files of folder:{tmp_path} can be read; for example {tmp_path}/0.jpg: {article} {what}, "
        f"which is not read: {advice}."
    )


@pytest.mark.parametrize(
    ("name", "keep", "message"),
    [
        ("PNG", 20, "a PNG file without a header"),
        ("WebP", 20, "a WebP file that is truncated"),
        ("AVIF", -60, "an AVIF file that is damaged (Failed to decode frame 0: Truncated data)"),
        ("JPEG", -60, "a JPEG file that is truncated or damaged"),
        ("GIF", 12, "a GIF file that is truncated"),
        ("TIFF of several pages", 300, "a TIFF that is truncated"),
    ],
)
def test_damaged_files_are_told_by_the_name_of_their_format(tmp_path, name, keep, message):
    (tmp_path / "0.png").write_bytes(CASES["PNG"].content)
    (tmp_path / "1.png").write_bytes(CASES["PNG"].content)
    (tmp_path / "2.png").write_bytes(CASES[name].content[:keep])
    source = read(tmp_path)[1]
    assert source.skipped == {str(tmp_path / "2.png"): message}


def test_every_known_format_has_a_module_or_advice():
    for _, start, kind in sniffing.STARTS:
        assert (kind.name in MODULES) == (not kind.advice), start
    assert sniffing.identify(b"\x01\x02\x03") is None


def test_files_without_a_suffix_are_found_by_what_they_hold(tmp_path, caplog):
    for number in range(3):
        (tmp_path / f"{number:032x}").write_bytes(CASES["JPEG"].content)
    (tmp_path / "README").write_text("words")
    assert len(read(tmp_path)[0]) == 3
    assert "1 without suffix" in caplog.text


@pytest.mark.parametrize(
    ("kind", "window", "expected"),
    [
        ("MONOCHROME2", (100.5, 201.0), [0, 128, 255]),
        ("MONOCHROME1", (100.5, 201.0), [255, 128, 0]),
        ("MONOCHROME2", None, [0, 36, 255]),
    ],
)
def test_windows_of_dicom_are_the_range_of_the_data_set(tmp_path, kind, window, expected):
    pytest.importorskip("pydicom")
    values = np.zeros((1, 2, 3), np.int16)
    values[:] = [-100, 100, 1300]
    for number in range(2):
        (tmp_path / f"{number}.dcm").write_bytes(dicom(values, kind, window))
    found, source = read(tmp_path)
    assert source.reading.value_range == ((0.0, 200.0) if window else (-100.0, 1300.0))
    assert found[0, 0, :, 0].tolist() == expected


def test_dicom_that_is_deflated_or_compressed_otherwise_is_refused(tmp_path):
    pytest.importorskip("pydicom")
    content = dicom(DEEP[np.newaxis].astype(np.int16))
    plain = b"1.2.840.10008.1.2.1\0"
    for name, syntax, message in (
        ("a", b"1.2.840.10008.1.2.1.99", "deflated as a whole; save it uncompressed"),
        ("b", b"1.2.840.10008.1.2.4.80", "compressed as JPEG-LS Lossless Image Compression, which is not read"),
    ):
        at = content.index(plain) - 2
        length = len(syntax).to_bytes(2, "little")
        start = content[:at] + length + syntax + content[at + 2 + len(plain) :]
        group = start.index(b"\x02\0\0\0UL") + 8
        size = int.from_bytes(start[group : group + 4], "little") + len(syntax) - len(plain)
        folder = tmp_path / name
        folder.mkdir()
        (folder / "a.dcm").write_bytes(start[:group] + size.to_bytes(4, "little") + start[group + 4 :])
        with pytest.raises(DataError, match=message):
            read(folder)


def test_readings_of_8_bit_files_have_no_range(tmp_path):
    for number in range(2):
        (tmp_path / f"{number}.png").write_bytes(CASES["PNG"].content)
    assert read(tmp_path)[1].reading == Reading()
    assert read(tmp_path)[1].image_shape == (SIDE, SIDE, 3)


def test_files_elsewhere_are_told_by_their_suffix_alone(tmp_path, monkeypatch):
    (tmp_path / "cover").write_bytes(CASES["JPEG"].content)
    monkeypatch.chdir(tmp_path)
    assert not is_picture("cover")
    assert is_picture("cover", str(tmp_path))
    assert is_picture("far.AVIF")


def test_without_its_extra_dicom_is_one_sentence(tmp_path, monkeypatch):
    pytest.importorskip("pydicom")
    (tmp_path / "a.dcm").write_bytes(CASES["DICOM (extra `dicom`)"].content)
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(DataError, match=r"a\.dcm: a DICOM file needs `pip install 'aag-tf\[dicom\]'`\.$"):
        read(tmp_path)
