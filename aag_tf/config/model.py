"""Which networks."""

import dataclasses

from aag_tf.config.checks import require, require_choice, require_range

OWN = "own"  # in place of a name, where an encoder or a branch was handed over
STEMS = ("auto", "small", "imagenet")


@dataclasses.dataclass(frozen=True)
class EncoderConfig:
    """The network whose output is the embedding."""

    encoder: str = "tiny"
    width: float = 1.0
    stem: str = "auto"
    embedding_grid: int = 1

    def __post_init__(self) -> None:
        require(bool(self.encoder), "--encoder is empty; try tiny, resnet18, resnet34 or resnet50.")
        require_range("width", self.width, 0.125, 8.0)
        require_choice("stem", self.stem, STEMS)
        require_range("embedding_grid", self.embedding_grid, 1, 8)


@dataclasses.dataclass(frozen=True)
class ProjectorConfig:
    """The multi-layer perceptron between embedding and loss; it is thrown away after training."""

    projector_depth: int = 2
    projector_width: int = 512
    projector_dim: int = 128
    projector_batch_norm: bool = True

    def __post_init__(self) -> None:
        require_range("projector_depth", self.projector_depth, 0, 6)
        require_range("projector_width", self.projector_width, 1)
        require_range("projector_dim", self.projector_dim, 2)
