"""Why a picture could not be read, in words for a message that names the file itself."""

import re

from PIL import Image

from aag_tf.utils.errors import AagError
from aag_tf.utils.text import shown

OPEN_FILE = r"<_io\.[^<>]*>|<[^<>]* at 0x[0-9a-f]+>"  # as Python shows an open file, and other objects


def reason(error: Exception) -> str:
    """Returns why an image could not be read: one line without the path, the same in every run."""
    if isinstance(error, Image.UnidentifiedImageError):
        return "not a picture in a known format"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = shown(" ".join(re.sub(OPEN_FILE, "the file", str(error)).split()))
    if isinstance(error, AagError) or (isinstance(error, OSError | SyntaxError) and text):  # Pillow raises the latter
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
