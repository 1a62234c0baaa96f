"""Which images."""

import dataclasses

from aag_tf.config.checks import require, require_range


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """Which images, at which size, and how the train split is divided."""

    dataset: str = "digits"
    data_dir: str | None = None
    download: bool = False
    image_size: int | None = None
    validation_fraction: float = 0.1

    def __post_init__(self) -> None:
        require(bool(self.dataset), "--dataset is empty; try digits, tfds:cifar10, folder:<path> or npz:<path>.")
        if self.image_size is not None:
            require_range("image_size", self.image_size, 4, 1024)
        require_range("validation_fraction", self.validation_fraction, 0.0, 0.9)
