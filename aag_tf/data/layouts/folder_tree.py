"""The folders of a data set as a tree with numbers of images, from the paths of its files alone."""

import dataclasses
from collections.abc import Iterator, Mapping


@dataclasses.dataclass
class Folder:
    """A folder that has images, itself or below it.

    Args:
        path: below the data set; empty for its own folder.
        images: number of images directly in it.
        folders: its sub-folders that have images, by name, sorted.
    """

    path: str
    images: int = 0
    folders: "dict[str, Folder]" = dataclasses.field(default_factory=dict)

    @property
    def total(self) -> int:
        """Images in it and below it."""
        return self.images + self.below

    @property
    def below(self) -> int:
        """Images in its sub-folders."""
        return sum(folder.total for folder in self.folders.values())

    def walk(self) -> Iterator["Folder"]:
        """Yields it and every folder below it."""
        yield self
        for folder in self.folders.values():
            yield from folder.walk()

    def without(self, name: str) -> "Folder":
        """Returns it without one of its sub-folders."""
        kept = {own: folder for own, folder in self.folders.items() if own != name}
        return dataclasses.replace(self, folders=kept)


def folder_tree(counts: Mapping[str, int]) -> Folder:
    """Builds the tree from the number of images directly in each folder, by its path with `/`; `""` is the root."""
    root = Folder("")
    for path in sorted(counts, key=lambda path: path.split("/")):
        folder = root
        for name in path.split("/") if path else ():
            below = f"{folder.path}/{name}" if folder.path else name
            folder = folder.folders.setdefault(name, Folder(below))
        folder.images = counts[path]
    return root
