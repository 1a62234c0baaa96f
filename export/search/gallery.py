"""The result of a search as one web page that loads nothing: pictures with what was found about each."""

import base64
import html
import io
import string
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from aag_tf.data import ShownBands, choose_bands
from aag_tf.data.files import pictures
from aag_tf.data.files.reading import Reading
from aag_tf.data.files.reasons import reason
from aag_tf.export.embedding import Collection
from aag_tf.export.embedding.items import Item
from aag_tf.runs import exported
from aag_tf.runs.export_directory import version_directory
from aag_tf.utils.atomic import write_atomically
from aag_tf.utils.errors import AagError
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


class Section(NamedTuple):
    """Pictures that belong together.

    Args:
        found: the pictures.
        query: the picture that they were found for; `None` for none.
        heading: text above them; empty for none.
    """

    found: Sequence[Entry]
    query: Entry | None = None
    heading: str = ""


class Look(NamedTuple):
    """How pictures are shown.

    Args:
        reading: range of deep values.
        bands: those of many that are shown; `None` for the first ones.
    """

    reading: Reading = Reading()
    bands: ShownBands | None = None

    @property
    def caption(self) -> str:
        """What the page says about it, to be appended to a sentence; mostly nothing."""
        return f"; {self.bands.caption}" if self.bands is not None and self.bands.caption else ""


AS_IT_IS = Look()


def look_of(collection: Collection, moved: str | None) -> Look:
    """Returns how the pictures of a collection are shown: as the encoder's training read them, where it is there.

    Args:
        collection: of the pictures.
        moved: where the encoder lies now; `None` for where it was.
    """
    embedded_by = collection.manifest.model
    channels = embedded_by.image_shape[2]
    try:
        record = exported.read_metadata(version_directory(moved or embedded_by.path)).record
    except AagError:  # a search by row needs no encoder
        return Look(bands=choose_bands(channels))
    return Look(record.reading, choose_bands(channels, record.config.data.reading.shown_bands))


def write_gallery(path: str, title: str, subtitle: str, sections: Iterable[Section], *, look: Look = AS_IT_IS) -> Path:
    """Writes the page; a picture that can no longer be read is replaced by the reason."""
    file = file_to_write(path)
    write_atomically(file, gallery_page(title, subtitle, sections, look=look))
    publish(file)
    return file


def gallery_page(
    title: str, subtitle: str, sections: Iterable[Section], *, look: Look = AS_IT_IS, generator: str = "aag-search"
) -> bytes:
    """Returns the page as UTF-8; a picture that can no longer be read is replaced by the reason."""
    page = string.Template(PAGE.read_text(encoding="utf-8")).substitute(
        generator=generator,
        title=html.escape(title),
        subtitle=html.escape(subtitle),
        sections="\n".join(_section(section, look) for section in sections),
    )
    return page.encode("utf-8", "backslashreplace")


def _section(section: Section, look: Look) -> str:
    parts = [f"<h2>{html.escape(section.heading)}</h2>"] if section.heading else []
    if section.query is not None:
        parts.append(_figure(section.query, look, ' class="query"'))
    found = "\n".join(_figure(entry, look) for entry in section.found)
    return "\n".join([*parts, f'<div class="found">\n{found}\n</div>'])


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
