"""`uncertain.html`: the pictures whose two most probable classes are closest, on a page that loads nothing."""

from pathlib import Path

from aag_tf.data import choose_bands
from aag_tf.data.files.reading import Reading
from aag_tf.export.embedding.inputs import items_of_rows
from aag_tf.export.embedding.items import Item
from aag_tf.export.prediction.manifest import Manifest
from aag_tf.export.prediction.output import Output
from aag_tf.export.prediction.reading_back import Predictions, Uncertain
from aag_tf.export.search.gallery import Entry, Look, Section, gallery_page
from aag_tf.utils.atomic import write_atomically
from aag_tf.utils.digests import FileFacts
from aag_tf.utils.errors import DataError


def write_page(output: Output, manifest: Manifest, predictions: Predictions, most: int, reading: Reading) -> FileFacts:
    """Writes the page; a picture that can no longer be read is replaced by the reason.

    Args:
        output: the directory.
        manifest: its manifest.
        predictions: its rows.
        most: number of images on the page.
        reading: how images are read.
    """
    found = predictions.least_certain(most)
    items = _items(manifest, output.path, found)
    entries = [Entry(image.path, _note(image), items.get(image.row)) for image in found]
    look = Look(reading, choose_bands(manifest.model.image_shape[2]))
    page = gallery_page(
        "The least certain predictions",
        f"{len(found):,} of {len(predictions):,} images of {manifest.input['source']}, by {manifest.model.path}: those "
        f"whose two most probable classes are closest, closest first{look.caption}",
        [Section(entries)],
        look=look,
        generator="aag-predict",
    )
    write_atomically(output.page, page)
    return FileFacts.of(output.page)


def _items(manifest: Manifest, directory: Path, found: list[Uncertain]) -> dict[int, Item]:
    try:
        return items_of_rows(manifest.input, directory, {image.row for image in found})
    except DataError:  # the predictions are valid all the same
        return {}


def _note(image: Uncertain) -> str:
    return (
        f"{image.label} {100 * image.probability:.0f} %, "
        f"{image.second_label} {100 * (image.probability - image.margin):.0f} %"
    )
