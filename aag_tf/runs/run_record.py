"""The record of a run: settings and facts that `--resume`, evaluation and export need to rebuild it."""

import dataclasses
import sys
from typing import Any, Self

from aag_tf import config as configs
from aag_tf.config import DataConfig, TrainConfig
from aag_tf.config.layout import EARLY
from aag_tf.data.files.reading import BEFORE_IT_WAS_RECORDED, Reading
from aag_tf.data.files.shapes import is_possible
from aag_tf.runs.arithmetic import Arithmetic
from aag_tf.utils.errors import brief
from aag_tf.utils.json_fields import read_fields
from aag_tf.utils.versions import versions

FORMAT_VERSION = 1  # records of before there was a version are read too


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunRecord:
    """Settings and facts of a run.

    Args:
        config: the settings of the run.
        image_shape: (height, width, channels) of its images.
        class_names: of the training data, where known.
        num_train_images: how many images it trains on.
        reading: how the images were read.
        fingerprint: of these images; see `aag_tf.data.fingerprint`. `None` where no machine has all of them.
        local_shards: of a run with `--local_shards`, `digest` of the files of its pack, and by machine (`workers`) the
            numbers of those that it trains on.
        custom_encoder: what the encoder is built from, where a model was passed to `train` or came with `init_from`.
        initial_weights: what the weights are that the run began with: `source`, `kind`, `sha256`, `step` where it has
            one, and whether the projector was among them; `None` for random ones.
        auxiliary: description of the auxiliary branch, where one was passed to `train`.
        arithmetic: what the process that began the run computed with; `None` where an earlier version began it.
        command: `sys.argv` of the process that began the run.
        versions: of the software that began it, `{distribution: version}`.

    Raises:
        ValueError: the image shape is no shape of images.
    """

    config: TrainConfig
    image_shape: tuple[int, int, int]
    class_names: list[str] | None = None
    num_train_images: int | None = None
    reading: Reading = BEFORE_IT_WAS_RECORDED
    fingerprint: str | None = None
    local_shards: dict[str, Any] | None = None
    custom_encoder: dict[str, Any] | None = None
    initial_weights: dict[str, Any] | None = None
    auxiliary: dict[str, Any] | None = None
    arithmetic: Arithmetic | None = None
    command: list[str] = dataclasses.field(default_factory=lambda: list(sys.argv))
    versions: dict[str, str] = dataclasses.field(default_factory=versions)

    def __post_init__(self) -> None:
        if not is_possible(self.image_shape):
            raise ValueError(f"its 'image_shape' is {list(self.image_shape)}")

    @property
    def flags(self) -> dict[str, Any]:
        """The settings by the names of their flags."""
        return configs.to_flat(self.config)

    def same_reading(self, data: DataConfig) -> DataConfig:
        """Returns the settings of a data set whose files are then read as those of the run were."""
        return dataclasses.replace(data, reading=self.reading.settings(data.reading))

    def to_json(self) -> dict[str, Any]:
        """The record as the JSON object of `run.json`."""
        return {"format_version": FORMAT_VERSION, **self.to_facts()}

    def to_facts(self) -> dict[str, Any]:
        """Settings and facts as JSON, without the version of a file that holds them."""
        facts = {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.name != "config"}
        facts |= {"image_shape": list(self.image_shape), "reading": dataclasses.asdict(self.reading)}
        facts |= {"arithmetic": self.arithmetic and dataclasses.asdict(self.arithmetic)}
        return {"flags": self.flags, **facts}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        """Reads the JSON object of `run.json`.

        Raises:
            ValueError: an entry is missing, of another type or out of range, or a later version wrote the record.
        """
        version = content.get("format_version", 0)
        if type(version) is not int or not 0 <= version <= FORMAT_VERSION:
            raise ValueError(f"it has format version {brief(version)}, and this package reads up to {FORMAT_VERSION}")
        return cls.from_facts(content)

    @classmethod
    def from_facts(cls, content: dict[str, Any]) -> Self:
        """Reads settings and facts from a JSON object, as `to_facts` or an earlier version wrote them.

        Raises:
            ValueError: an entry is missing, of another type or out of range.
        """
        flags = content.get("flags")
        if not isinstance(flags, dict):
            raise ValueError("it has no 'flags'" if flags is None else "its 'flags' is not an object")
        if "own_encoder" in content:  # the name before format version 1
            content = content | {"custom_encoder": content["own_encoder"]}
        unknown: dict[str, Any] = {"command": [], "versions": {}}
        if str(flags.get("dataset", "")).startswith("folder:"):  # as version 0.1.0 understood folders
            flags = {"splits": EARLY} | flags
            flags = {"follow_symlinks": True} | flags  # which were followed before there was this setting
        flags = {"crop_from": "image"} | flags  # all that version 0.1.0 did
        return read_fields(cls, unknown | content, config=configs.from_flat(TrainConfig, flags))
