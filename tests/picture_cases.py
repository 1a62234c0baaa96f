"""A file of every kind in `docs/reference/picture_files.md`, and what must come of it."""

import io
import struct
import zlib
from typing import NamedTuple

import numpy as np
from PIL import Image
from raw_tiff import ASCII, page, tiff

SIDE = 16
Y, X = np.mgrid[:SIDE, :SIDE]
GRAY = np.clip(8 * X + 8 * Y, 0, 255).astype(np.uint8)  # smooth, so that codecs with losses keep it
COLOR = np.stack([GRAY, GRAY.T[::-1], np.full_like(GRAY, 90)], axis=-1)
DEEP = (GRAY.astype(np.uint16) * 16) + np.uint16(1)  # 12 bits, 1 to 3841
DEEP_COLOR = np.stack([DEEP, DEEP[::-1], DEEP[:, ::-1]], axis=-1)
BANDS = np.stack([DEEP, DEEP[::-1], DEEP[:, ::-1], DEEP.T, DEEP // 2], axis=-1)
NEAR_INFRARED = np.full((SIDE, SIDE, 1), 30, np.uint8)
ALPHA = np.where(X < 8, 255, 0).astype(np.uint8)[..., np.newaxis]


class Case(NamedTuple):
    """A file and its images.

    Args:
        content: the file.
        images: uint8 or deep [pages, h, w, c]; deep ones are compared in their own range.
        tolerance: levels that a codec with losses may differ by.
        settings: of `ReadingConfig`.
        extra: package that reads it.
    """

    content: bytes
    images: np.ndarray
    tolerance: int = 0
    settings: dict | None = None
    extra: str | None = None


def encode(pixels, kind, **options):
    picture = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def one(pixels):
    return pixels.reshape(1, SIDE, SIDE, -1)


def over_white(pixels, alpha):
    return np.round(pixels * (alpha / 255) + 255 * (1 - alpha / 255)).astype(np.uint8)


def png16(pixels):
    """A PNG of 16 bits a color, which Pillow does not write: [h, w, 2 to 4], opacity last."""
    height, width, channels = pixels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)  # each begins with its filter: none
    head = struct.pack(">IIBBBBB", width, height, 16, {2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    file = b"\x89PNG\r\n\x1a\n"
    for kind, data in chunks:
        file += struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return file


def moving(kind, **options):
    frames = [Image.fromarray(np.ascontiguousarray(frame)) for frame in FRAMES]
    return encode(frames[0], kind, save_all=True, append_images=frames[1:], **options)


def stack(description=None):
    pages = [page(np.ascontiguousarray(BANDS[..., band])) for band in range(5)]
    if description:
        pages[0][1][270] = (ASCII, description)
    return tiff(*pages)


def dicom(values, interpretation="MONOCHROME2", window=None, slope=1.0, intercept=0.0):
    """An uncompressed DICOM file of signed 16-bit frames [n, h, w]."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
    data.Rows, data.Columns = values.shape[1:]
    data.NumberOfFrames, data.SamplesPerPixel, data.PhotometricInterpretation = len(values), 1, interpretation
    data.BitsAllocated = data.BitsStored = 16
    data.HighBit, data.PixelRepresentation = 15, 1
    data.RescaleSlope, data.RescaleIntercept = slope, intercept
    if window is not None:
        data.WindowCenter, data.WindowWidth = window
    data.PixelData = values.astype("<i2").tobytes()
    buffer = io.BytesIO()
    data.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


FRAMES = np.stack([COLOR, COLOR[::-1], COLOR[:, ::-1]])
EACH = {"pages": "each"}


def read_cases():
    """`{row of the table: Case}` of files that are read."""
    ink = Image.fromarray(COLOR).convert("CMYK")
    marked = tiff(page(np.concatenate([COLOR, NEAR_INFRARED], 2), extra=[1]))
    heights = np.stack([DEEP, DEEP.T]).astype(np.int16)
    return {
        "JPEG": Case(encode(COLOR, "JPEG", quality=95), one(COLOR), 24),
        "JPEG of CMYK": Case(encode(ink, "JPEG", quality=95), one(COLOR), 24),
        "PNG": Case(encode(COLOR, "PNG"), one(COLOR)),
        "PNG with transparency": Case(encode(np.dstack([COLOR, ALPHA]), "PNG"), one(over_white(COLOR, ALPHA))),
        "PNG of 16-bit gray": Case(encode(DEEP, "PNG"), one(DEEP)),
        "PNG of 16-bit color": Case(png16(DEEP_COLOR), one(DEEP_COLOR)),
        "animated PNG": Case(moving("PNG"), FRAMES, settings=EACH),
        "GIF": Case(encode(Image.fromarray(COLOR).quantize(256), "GIF"), one(COLOR), 8),
        "animated GIF": Case(moving("GIF"), FRAMES, 40, EACH),
        "WebP": Case(encode(COLOR, "WEBP", lossless=True), one(COLOR)),
        "animated WebP": Case(moving("WEBP", lossless=True), FRAMES, settings=EACH),
        "BMP": Case(encode(COLOR, "BMP"), one(COLOR)),
        "PBM, PGM, PPM": Case(encode(GRAY, "PPM"), one(GRAY)),
        "AVIF": Case(encode(COLOR, "AVIF", quality=100), one(COLOR), 24),
        "JPEG 2000": Case(encode(COLOR, "JPEG2000"), one(COLOR)),
        "MPO": Case(moving("MPO", quality=95), FRAMES, 24, EACH),
        "TIFF of gray, RGB or palette": Case(encode(COLOR, "TIFF", compression="tiff_lzw"), one(COLOR)),
        "TIFF of 12-bit, 16-bit, signed, 32-bit or floating-point gray": Case(
            tiff(page(DEEP.astype(np.float32) / 4)), one(DEEP / np.float32(4))
        ),
        "TIFF of RGB and transparency": Case(
            tiff(page(np.concatenate([COLOR, ALPHA], 2), extra=[2])), one(over_white(COLOR, ALPHA)), 1
        ),
        "TIFF of RGB and a band that is not marked": Case(
            tiff(page(np.concatenate([COLOR, NEAR_INFRARED], 2))), one(np.concatenate([COLOR, NEAR_INFRARED], 2))
        ),
        "TIFF of RGB and a band marked as transparency that is nowhere opaque": Case(
            marked, one(COLOR), extra="tifffile"
        ),
        "TIFF of many bands (extra `tiff`)": Case(tiff(page(BANDS, planar=True)), one(BANDS), extra="tifffile"),
        "TIFF of several pages": Case(stack(), np.moveaxis(BANDS, 2, 0)[..., np.newaxis], settings=EACH),
        "TIFF whose pages are channels (ImageJ, OME)": Case(
            stack(b"ImageJ=1.54\nimages=5\nchannels=5\n\0"), one(BANDS)
        ),
        "NumPy array `.npy`": Case(npy(np.moveaxis(BANDS[:, :, :4], 2, 0)), one(BANDS[:, :, :4])),
        "DICOM (extra `dicom`)": Case(
            dicom(heights, slope=2.0, intercept=-1024.0),
            (2.0 * heights - 1024)[..., np.newaxis],
            settings=EACH,
            extra="pydicom",
        ),
    }


REFUSED = {
    "HEIC": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    "JPEG XL": b"\xff\x0a" + bytes(40),
    "SVG": b'<?xml version="1.0"?>\n<!-- drawn -->\n<svg xmlns="http://www.w3.org/2000/svg"/>',
    "PDF": b"%PDF-1.7\n%\xe2\xe3",
    "Photoshop (PSD)": b"8BPS\0\1" + bytes(40),
    "camera raw (CR2)": b"II*\0\x10\0\0\0CR\x02\0" + bytes(40),
    "camera raw (CR3)": b"\0\0\0\x18ftypcrx \0\0\0\1crx isom",
    "camera raw (RAF)": b"FUJIFILMCCD-RAW 0201",
    "OpenEXR": b"\x76\x2f\x31\x01" + bytes(40),
    "FITS": b"SIMPLE  =                    T",
    "HDF5": b"\x89HDF\r\n\x1a\n" + bytes(40),
    "video (MP4)": b"\0\0\0\x18ftypisom\0\0\2\0isommp42",
    "text file": b"a,b,c\n1,2,3\n",
    "web page (HTML)": b"<!DOCTYPE html>\n<title>404 Not Found</title>",
    "empty file": b"",
    "gzip archive": b"\x1f\x8b\x08" + bytes(40),
    "pointer of Git LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
}
