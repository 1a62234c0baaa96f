"""Labels of records and tables: numbers stay as they are, names are numbered in their order."""

from aag_tf.utils.errors import DataError

IMAGE_NAMES = ("image/encoded", "image", "img", "jpg", "jpeg", "png", "picture", "image_bytes")
LABEL_NAMES = ("image/class/label", "label", "labels", "class", "fine_label", "cls", "target")
NO_LABELS = "none"
MOST_CLASSES = 1_000_000


class Labels:
    """Collects the values of a label, then numbers them.

    Args:
        names: of the feature or column; the first that is there counts.
        class_names: of the numbers, where they are known before.
    """

    def __init__(self, names: tuple[str, ...], class_names: list[str] | None = None) -> None:
        self.names, self.class_names = names, class_names
        self._seen: set[str] = set()
        self._numbers: dict[str, int] = {}

    def see(self, value: int | str | None) -> None:
        """Notes a value.

        Raises:
            DataError: there are more names than there can be classes.
        """
        if isinstance(value, str):
            self._seen.add(value)
        if len(self._seen) > MOST_CLASSES:
            raise DataError(
                f"the label {' or '.join(self.names)} has over {MOST_CLASSES:,} values; name another with "
                "--label_feature, or give --label_feature=none."
            )

    def finish(self) -> None:
        """Numbers the names that were seen."""
        if self._seen:
            self.class_names = sorted(self._seen)
            self._numbers = {name: number for number, name in enumerate(self.class_names)}

    def number(self, value: int | str) -> int | None:
        """Returns the number of a value; `None` for one that is no class."""
        number = self._numbers.get(value) if isinstance(value, str) else value
        return number if number is not None and number >= 0 else None
