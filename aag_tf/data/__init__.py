"""Data sets with train, validation and test splits, and batches of them that can start at any step."""

from aag_tf.data.adapting import adapted
from aag_tf.data.derived_images import JoinedImages, SelectedImages, TransformedImages
from aag_tf.data.file_images import FileImages, report_lost_files
from aag_tf.data.fingerprint import fingerprint, same_pictures, same_pixels
from aag_tf.data.images import ArrayImages, Images
from aag_tf.data.order import epoch_order
from aag_tf.data.pipeline import batches_in_epoch, evaluation_batches, training_batches
from aag_tf.data.sources import open_monitored, open_source
from aag_tf.data.splits import Source, Split

__all__ = [
    "ArrayImages",
    "FileImages",
    "Images",
    "JoinedImages",
    "SelectedImages",
    "Source",
    "Split",
    "TransformedImages",
    "adapted",
    "batches_in_epoch",
    "epoch_order",
    "evaluation_batches",
    "fingerprint",
    "open_monitored",
    "open_source",
    "report_lost_files",
    "same_pictures",
    "same_pixels",
    "training_batches",
]
