"""What the names in a tree of image files say about splits and classes, before any file is opened.

`understand` guesses as a person would, and refuses where two readings are likely. Whatever it finds is a value of
`--splits`, so that a run records it, and a user who wants another layout writes that instead.
`docs/reference/layouts.md` has the layouts that are known.
"""

from aag_tf.config.layout import HERE, Part
from aag_tf.data.layouts.folder_tree import Folder
from aag_tf.data.layouts.layout import Layout, are_few, train_on
from aag_tf.data.layouts.refusals import flag_for, listed, refuse_shared, refuse_training_on_test
from aag_tf.data.layouts.split_folders import by_split_folders, roles_of
from aag_tf.data.layouts.split_names import ASIDE, TEST, TRAIN, VALIDATION, split_name
from aag_tf.utils.errors import DataError
from aag_tf.utils.text import printable

PICTURES = {"images", "image", "imgs", "img", "jpegimages", "photos", "pictures", "rgb", "input", "inputs"}
# Pictures of this kind are annotations of the others.
MASKS = {"masks", "mask", "labels", "label", "annotations", "annotation", "groundtruth", "ground_truth", "gt"}
MASKS |= {"segmentation", "segmentations", "segmentationclass", "segmentationobject", "trimaps", "depth", "output"}


def understand(tree: Folder, name: str, *, classes: bool = True, one_class: bool = False) -> Layout:
    """Finds splits and classes by the names of folders.

    Args:
        tree: folders that have images.
        name: of the data set, for messages.
        classes: whether sub-folders are to name classes.
        one_class: whether a single sub-folder names a class too, and is not just around the images.

    Raises:
        DataError: there are several readings, or no images to train on; the message says what settles it.
    """
    tree, notes = _without_masks(tree, name)
    top = _unwrapped(tree, name, one_class=one_class)
    layout = by_split_folders(top, name, one_class=one_class) or _class_first(top, name) or _all_train(top)
    if classes:
        for part in layout.parts or (Part(TRAIN, HERE),):
            refuse_shared(tree, part.pattern, name, layout.parts)
    refuse_training_on_test(tree, name, layout.parts)
    return layout._replace(notes=(*notes, *layout.notes))


def _class_first(top: Folder, name: str) -> Layout | None:
    """Understands splits below each class: `cat/train`, `cat/test`."""
    found = {own: roles_of(folder.folders) for own, folder in top.folders.items()}
    split = {own: roles for own, roles in found.items() if roles and None not in roles.values()}
    roles = {role for each in split.values() for role in each.values()}
    if TRAIN not in roles or len(roles) < 2 or len(top.folders) < 2:
        return None
    deeper = any(len(folder.folders) > 1 for own in split for folder in top.folders[own].folders.values())
    loose = sum(top.folders[own].images for own in split)
    if len(split) < len(found) or deeper or ASIDE in roles or not are_few(loose, top.below):
        kinds = "are data sets of their own" if deeper else "have splits, and not all in the same way"
        raise DataError(
            f"sub-folders of {name} ({listed(split)}) {kinds}; name the one that you mean, as "
            f"{flag_for(name, top.folders[next(iter(split))].path)}, or the folders of each split with "
            "--splits=train=DIR,test=DIR."
        )
    start = f"{top.path}/*" if top.path else "*"
    parts = {Part(role, f"{start}/{own}"): None for each in split.values() for own, role in each.items() if role}
    ordered = tuple(sorted(parts, key=lambda part: (TRAIN, VALIDATION, TEST).index(part.role)))
    return Layout(ordered, "splits below each class")


def _all_train(top: Folder) -> Layout:
    return Layout(train_on(top), "no sub-folder is named like a split")


def _without_masks(tree: Folder, name: str) -> tuple[Folder, list[str]]:
    """Drops folders of masks and the like that lie beside a folder of images."""
    notes: list[str] = []

    def kept(folder: Folder) -> Folder:
        pictures = [own for own in folder.folders if own.lower() in PICTURES]
        masks = [own for own in folder.folders if own.lower() in MASKS]
        if len(pictures) == 1 and masks and len(folder.folders) == 1 + len(masks):
            if not notes:
                first = folder.folders[pictures[0]].path
                notes.append(
                    f"{listed(masks)} beside {first} in {name} hold annotations of the images and are left out; "
                    "--splits=none takes them for a class."
                )
            for own in masks:
                folder = folder.without(own)
        folders = {own: kept(below) for own, below in folder.folders.items()}
        return Folder(folder.path, folder.images, folders)

    return kept(tree), notes


def _unwrapped(folder: Folder, name: str, *, one_class: bool) -> Folder:
    """Looks through folders that only wrap the data set."""
    while len(folder.folders) == 1 and (folder.images == 0 or are_few(folder.images, folder.below)):
        ((own, below),) = folder.folders.items()
        if (one_class or folder.images) and len(below.folders) < 2:
            break
        found = split_name(own)
        if found is not None and found.role in (VALIDATION, TEST):
            raise DataError(
                f"{name} has only `{printable(own)}` and no images to train on; to take these images as they are, name "
                f"the folder itself: {flag_for(name, below.path)}."
            )
        folder = below
    return folder
