"""Good JPEG, PNG, GIF and WebP files of every flavor that their formats have, made of real photographs.

from picture_flavors import flavors

for name, data in flavors().items():
    ...

The name begins with the format. Pictures have the shape of `flavors_photograph.py`, unless the name says otherwise.
"""

from flavors_gif_webp import gifs, webps
from flavors_jpeg import jpegs
from flavors_png import pngs


def flavors() -> dict[str, bytes]:
    """`{name: file}`, the same bytes each time (with the same Pillow)."""
    return {
        f"{kind} {name}": data
        for kind, files in (("JPEG", jpegs()), ("PNG", pngs()), ("GIF", gifs()), ("WebP", webps()))
        for name, data in files.items()
    }
