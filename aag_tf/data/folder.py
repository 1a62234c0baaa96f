"""`folder:<path>`: a tree of image files.

- Splits: if the only sub-folders are `train` and any of `validation` (or `val`, `valid`) and `test`, in any case,
  they are the splits. Otherwise every image is train (a class may be called "train").
- Labels: the class of an image is the first sub-folder below the split's folder, and classes are sorted by name. A
  split is labeled if each of its images lies in a sub-folder and there are two of these or more; a single one is
  enough for validation and test if train has a class of that name.
- Hidden files and folders, `__MACOSX` and files without an image suffix are ignored.
"""

import numpy as np

from aag_tf.config import DataConfig
from aag_tf.data.derived_images import SelectedImages
from aag_tf.data.folder_layout import find_pictures, folder_path, label_files, split_folders
from aag_tf.data.picture_reading import read_pictures
from aag_tf.data.splits import Source, Split
from aag_tf.utils.errors import DataError
from aag_tf.utils.log import logger


def read_folder(path: str, config: DataConfig) -> Source:
    """Reads a tree of image files by the rules in the module's docstring.

    Broken files are skipped and named in a logged warning.

    Raises:
        DataError: the folder is missing, or one of its splits has no readable image.
    """
    root = folder_path(path)
    found = [file for split, folder in split_folders(root) for file in find_pictures(folder, split)]
    read = read_pictures(f"folder:{path}", [file.path for file in found], config)
    files = [found[number] for number in read.usable]
    class_names, labels = label_files(files)
    splits: dict[str, Split] = {}
    for part in dict.fromkeys(file.split for file in found):
        rows = np.array([row for row, file in enumerate(files) if file.split == part], np.int64)
        if len(rows) == 0:
            raise DataError(f"none of the image files in the {part} part of {path} can be read; repair or remove them.")
        known = class_names is not None and labels[rows].min() >= 0
        if not known and any(files[row].folder is not None for row in rows):
            logger.warning("%s images of folder:%s are unlabeled: not all lie in two or more sub-folders.", part, path)
        splits[part] = Split(SelectedImages(read.images, rows), labels[rows] if known else None)
    return Source(
        f"folder:{path}",
        splits["train"],
        splits.get("validation"),
        splits.get("test"),
        class_names,
        skipped=read.skipped,
        reading=read.reading,
    )
