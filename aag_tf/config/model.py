"""Which networks."""

import dataclasses

from aag_tf.config.setting import check_settings, setting

AUTO = "auto"
OWN = "own"  # recorded in place of a name, where an encoder, a branch or images were passed in Python


@dataclasses.dataclass(frozen=True)
class EncoderConfig:
    """Encoder: the network that is kept, and whose output is the embedding."""

    encoder: str = setting(
        "tiny",
        "The network: tiny (for CPU cores), resnet18, resnet34, resnet50, or any model of keras.applications by its "
        "name, such as EfficientNetV2B0.",
        if_empty="try tiny, resnet18, resnet34 or resnet50",
    )
    width: float = setting(
        1.0,
        "Multiplies every channel count of tiny and the ResNets (none falls below 8 channels); the cost grows with its "
        "square. Double it when longer training no longer helps.",
        low=0.125,
        high=8.0,
    )
    stem: str = setting(
        "auto",
        "First layers of tiny and the ResNets: small (3x3, no pooling), imagenet (7x7, stride 2, pooling) or auto "
        "(small where no side is above 64 pixels, or one is below 32).",
        choices=("auto", "small", "imagenet"),
    )
    embedding_grid: int = setting(
        1,
        "Side of the grid of averages that the last feature map is pooled to. 1: one average of the whole map (global "
        "average pooling). 2: one of each quarter, four times as many numbers an image for hardly more time; small "
        "encoders gain much by it.",
        low=1,
        high=8,
    )
    input_range: str = setting(
        AUTO,
        "Values that the encoder's first layer scales pixels to: -1..1, or those that Keras's ImageNet weights of "
        "--encoder expect (imagenet). auto: those of the weights that it starts from, else -1..1.",
        choices=(AUTO, "-1..1", "imagenet"),
    )

    def __post_init__(self) -> None:
        check_settings(self)


@dataclasses.dataclass(frozen=True)
class ProjectorConfig:
    """Projector: the layers between embedding and loss, which are thrown away after training."""

    projector_depth: int = setting(
        2, "Layers of the projector; 0 for none. 2 or 3 is usual; 0 costs accuracy.", low=0, high=6
    )
    projector_width: int = setting(512, "Units of the projector's hidden layers.", low=1)
    projector_dim: int = setting(
        128,
        "Size of the projection that the loss compares. The embedding keeps the encoder's own size.",
        low=2,
    )
    projector_batch_norm: bool = setting(
        True, "Batch normalization in the projector's hidden layers, over the global batch."
    )

    def __post_init__(self) -> None:
        check_settings(self)
