"""What stands beside a fine-tuned classifier: its classes, its temperature, how its images are read, how good it is.

Imports no TensorFlow.
"""

import dataclasses
import math
from pathlib import Path
from typing import Any, Self

from aag_tf.data.files.reading import Reading
from aag_tf.data.files.shapes import is_possible
from aag_tf.utils.errors import ExportError
from aag_tf.utils.json_fields import read_fields
from aag_tf.utils.json_files import JsonFormat
from aag_tf.utils.versions import versions

CLASSIFIER = JsonFormat("aag_tf.classifier", 1, "aag-finetune", "fine-tune again with aag-finetune", ExportError)
MODEL_NAME = "classifier.keras"
RECORD_NAME = "classifier.json"
EMBEDDING_LAYER = "embedding"  # the layer of the model whose output is the embedding


@dataclasses.dataclass(frozen=True, kw_only=True)
class Figure:
    """A number that says how good a classifier is, for its model card.

    Args:
        value: the number.
        low, high: its interval, `None` without one.
        percent: whether it is a share, which people read in percent.
    """

    value: float
    low: float | None = None
    high: float | None = None
    percent: bool = True


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClassifierRecord:
    """The content of `classifier.json`.

    Args:
        class_names: of the logits, in their order.
        temperature: the probabilities are `softmax(logits / temperature)`.
        image_shape: (height, width, channels) of its images.
        reading: how images were read.
        encoder: what it was fine-tuned from: `source`, `kind`, `sha256` and more.
        dataset: of its labeled images; empty where it is not known.
        figures: how good it is on held-out images, by titles for people.
        versions: of the software that made it.

    Raises:
        ValueError: there are fewer than two classes or two of one name, the temperature is not a number above 0, or the
            image shape is no shape of images.
    """

    class_names: list[str]
    temperature: float
    image_shape: tuple[int, int, int]
    reading: Reading = dataclasses.field(default_factory=Reading)
    encoder: dict[str, Any] = dataclasses.field(default_factory=dict)
    dataset: str = ""
    figures: dict[str, Figure] = dataclasses.field(default_factory=dict)
    versions: dict[str, str] = dataclasses.field(default_factory=versions)

    def __post_init__(self) -> None:
        if len(self.class_names) < 2 or len(set(self.class_names)) < len(self.class_names):
            raise ValueError("its 'class_names' are not two or more different names")
        if not (math.isfinite(self.temperature) and self.temperature > 0):
            raise ValueError(f"its 'temperature' is {self.temperature}")
        if not is_possible(self.image_shape):
            raise ValueError(f"its 'image_shape' is {list(self.image_shape)}")

    def to_json(self) -> dict[str, Any]:
        """Returns the JSON object of `classifier.json`."""
        return CLASSIFIER.header | self.to_facts()

    def to_facts(self) -> dict[str, Any]:
        """The record as JSON, without the version of a file that holds it."""
        return dataclasses.asdict(self) | {"image_shape": list(self.image_shape)}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        """Reads the JSON object of `classifier.json`, or of a file that holds these facts too.

        Raises:
            ValueError: an entry is missing or wrong; the message names it.
        """
        return read_fields(cls, content)


def read_classifier_record(directory: Path) -> ClassifierRecord:
    """Reads the `classifier.json` of a directory.

    Raises:
        ExportError: it is missing or damaged, or another program or format version wrote it.
    """
    return CLASSIFIER.read(directory / RECORD_NAME, ClassifierRecord.from_json)
