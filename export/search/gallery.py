"""The result of a search as one web page that loads nothing: the query, and the images with their similarities."""

import base64
import html
import io
import string
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from aag_tf.data import ShownBands, pictures
from aag_tf.data.reading import Reading
from aag_tf.data.reasons import reason
from aag_tf.export.embedding.items import Item
from aag_tf.utils.atomic import write_atomically
from aag_tf.utils.stores import file_to_write, publish

SIDE = 160  # pixels of a thumbnail, as in the page's style; twenty make a page of a few hundred kilobytes

# Paths are untrusted: they are escaped, and the page may neither run scripts nor load anything.
PAGE = Path(__file__).with_name("gallery.html")


class Entry(NamedTuple):
    """A picture of the page.

    Args:
        name: its path.
        note: text in bold.
        item: the picture; `None` if it is gone.
    """

    name: str
    note: str
    item: Item | None


class Look(NamedTuple):
    """How pictures are shown.

    Args:
        reading: range of deep values.
        bands: those of many that are shown; `None` for the first ones.
    """

    reading: Reading = Reading()
    bands: ShownBands | None = None


AS_IT_IS = Look()


def write_gallery(
    path: str, title: str, subtitle: str, query: Entry, found: Sequence[Entry], *, look: Look = AS_IT_IS
) -> Path:
    """Writes the page; a picture that can no longer be read is replaced by the reason."""
    page = string.Template(PAGE.read_text(encoding="utf-8")).substitute(
        title=html.escape(title),
        subtitle=html.escape(subtitle),
        query=_figure(query, look, ' class="query"'),
        found="\n".join(_figure(entry, look) for entry in found),
    )
    file = file_to_write(path)
    write_atomically(file, page.encode("utf-8", "backslashreplace"))
    publish(file)
    return file


def _figure(entry: Entry, look: Look, attributes: str = "") -> str:
    name = html.escape(entry.name)
    note = html.escape(entry.note)
    return f"<figure{attributes}>{_image(entry, look)}<figcaption><b>{note}</b><br>{name}</figcaption></figure>"


def _image(entry: Entry, look: Look) -> str:
    if entry.item is None:
        return '<div class="missing">the picture is gone</div>'
    try:
        with entry.item.open() as file:
            bands = None if look.bands is None else look.bands.rgb
            picture = pictures.thumbnail(file, SIDE, look.reading, entry.item.page, bands)
        encoded = io.BytesIO()
        picture.save(encoded, "PNG", icc_profile=None)  # the color profile of the file is of another mode, or broken
    except Exception as error:  # decoders raise many classes for broken files
        return f'<div class="missing">{html.escape(reason(error))}</div>'
    small = ' class="small"' if max(picture.size) <= SIDE // 2 else ""
    data = base64.b64encode(encoded.getvalue()).decode()
    return f'<img{small} alt="" src="data:image/png;base64,{data}">'
