"""The directory of predictions: names its files, and decides what may be written, continued or deleted.

predictions.json         which images, which classifier, which settings; and, at the end, how many of each label
input.jsonl              the list of files, where the input is a folder or a list
parquet/part-00000-of-00012.parquet, ...
predictions.csv          the same rows as text, written last
uncertain.html           the pictures whose two most probable classes are closest
damaged/                 files that were not as they were written, and have been written anew
"""

import os

from typing_extensions import override

from aag_tf.export.embedding.output_directory import LIST_FILE, OutputDirectory
from aag_tf.export.embedding.stored_output import StoredDirectory
from aag_tf.export.prediction.manifest import PREDICTIONS, Manifest
from aag_tf.preflight.predict import MANIFEST_FILE, check_output

CSV_FILE = "predictions.csv"
PAGE_FILE = "uncertain.html"


class Output(OutputDirectory[Manifest]):
    """The files of one collection's predictions.

    Args:
        path: as for `OutputDirectory`.
    """

    json_format = PREDICTIONS
    manifest_type = Manifest
    manifest_name = MANIFEST_FILE
    own_files = (LIST_FILE, CSV_FILE, PAGE_FILE, MANIFEST_FILE)
    may_be_damaged = (CSV_FILE, PAGE_FILE)

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__(path)
        self.csv = self.path / CSV_FILE
        self.page = self.path / PAGE_FILE

    @override
    def check(self, *, resume: bool = False, overwrite: bool = False) -> None:
        check_output(self.name, resume=resume, overwrite=overwrite)


class StoredOutput(StoredDirectory[Manifest], Output):
    """Predictions on a store, to write."""
