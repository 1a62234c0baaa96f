"""The orientation of a picture by its EXIF data; `aag_tf.export.decoding.orientation` does the same in a graph."""

from typing import Literal

LONGEST_EXIF = 65_536  # bytes; a JPEG segment holds no more
ENTRY = 12  # bytes of an entry of an image file directory
ORIENTATION = 0x0112
SHORT = 3  # type of a number of two bytes


def orientation(tiff: bytes) -> int:
    """Reads the orientation, 1 to 8, from EXIF data that begin with a TIFF header; 1 if missing or damaged.

    A read outside the data gives zero, not an error: damaged metadata must not cost the picture.
    """
    data = tiff[:LONGEST_EXIF]
    order: Literal["little", "big"] = "little" if data[:1] == b"I" else "big"

    def short(at: int) -> int:
        return int.from_bytes(data[at : at + 2].ljust(2, b"\0"), order)

    # Directories lie within LONGEST_EXIF, so that the two upper bytes of the offset are zero.
    directory = short(4 if order == "little" else 6)
    entries = (directory + 2 + ENTRY * number for number in range(min(short(directory), LONGEST_EXIF // ENTRY)))
    found = [
        short(entry + 8)
        for entry in entries
        if entry + ENTRY <= len(data) and (short(entry), short(entry + 2)) == (ORIENTATION, SHORT)
    ]
    return max(found) if found and 1 <= max(found) <= 8 else 1
