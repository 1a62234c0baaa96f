"""The answer as a web page of its own: the query, and the images found with their similarities; nothing is loaded."""

import base64
import html
import io
import os
import string
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from aag_tf.data import pictures
from aag_tf.export.embedding.items import Item, reason
from aag_tf.utils.atomic import write_atomically
from aag_tf.utils.errors import EmbeddingError
from aag_tf.utils.paths import user_path

SIDE = 160  # pixels of a thumbnail, as in the page's style: twenty make a page of a few hundred kilobytes
MARK = '<meta name="generator" content="aag-search">'  # what tells our pages from others, which are not replaced

# Paths come from strangers: they are escaped, and the page may neither run scripts nor load anything.
PAGE = Path(__file__).with_name("gallery.html")


class Entry(NamedTuple):
    """A picture of the page.

    Args:
        name: its path.
        note: what to say of it in bold.
        item: the picture; `None` where it is gone.
    """

    name: str
    note: str
    item: Item | None


def check_gallery(path: str) -> None:
    """Refuses a file that is not an earlier gallery, before any work is done.

    Raises:
        EmbeddingError: it is something else, or it cannot be written.
    """
    file = user_path(path)
    try:
        if file.exists() and MARK not in file.read_text(encoding="utf-8", errors="replace")[:1000]:
            raise EmbeddingError(f"--gallery={path} is a file that aag-search did not write; name another.")
    except OSError as error:
        raise EmbeddingError(f"--gallery={path} cannot be read ({error.strerror}); name another file.") from error
    if not os.access(file.absolute().parent, os.W_OK):
        raise EmbeddingError(f"--gallery={path} cannot be written; name a file in a directory that you may write to.")


def write_gallery(path: str, title: str, subtitle: str, query: Entry, found: Sequence[Entry]) -> Path:
    """Writes the page; pictures that cannot be read any more say so in their place."""
    page = string.Template(PAGE.read_text(encoding="utf-8")).substitute(
        title=html.escape(title),
        subtitle=html.escape(subtitle),
        query=_figure(query, ' class="query"'),
        found="\n".join(_figure(entry) for entry in found),
    )
    file = user_path(path)
    write_atomically(file, page.encode("utf-8", "backslashreplace"))
    return file


def _figure(entry: Entry, attributes: str = "") -> str:
    name = html.escape(entry.name)
    note = html.escape(entry.note)
    return f"<figure{attributes}>{_image(entry)}<figcaption><b>{note}</b><br>{name}</figcaption></figure>"


def _image(entry: Entry) -> str:
    if entry.item is None:
        return '<div class="missing">the picture is gone</div>'
    try:
        with entry.item.open() as file:
            picture = pictures.thumbnail(file, SIDE)
        encoded = io.BytesIO()
        picture.save(encoded, "PNG", icc_profile=None)  # the file's own is of another mode, and may be anything
    except Exception as error:  # decoders fed with broken files raise whatever they stumble over
        return f'<div class="missing">{html.escape(reason(error))}</div>'
    small = ' class="small"' if max(picture.size) <= SIDE // 2 else ""
    data = base64.b64encode(encoded.getvalue()).decode()
    return f'<img{small} alt="" src="data:image/png;base64,{data}">'
