"""Model: the encoder that is kept, and the projector that is thrown away after training."""

from absl import flags

from aag_tf.config import STEMS, EncoderConfig, ProjectorConfig


def define(flag_values: flags.FlagValues) -> None:
    """Defines the flags of `EncoderConfig` and `ProjectorConfig`."""
    _define_encoder(flag_values)
    _define_projector(flag_values)


def _define_encoder(flag_values: flags.FlagValues) -> None:
    default = EncoderConfig()
    flags.DEFINE_string(
        "encoder",
        default.encoder,
        "The network: tiny (for CPU cores), resnet18, resnet34, resnet50, or any model of keras.applications by its "
        "name, such as EfficientNetV2B0.",
        flag_values=flag_values,
    )
    flags.DEFINE_float(
        "width",
        default.width,
        "Multiplies every channel count of tiny and the ResNets, 0.125 to 8 (none falls below 8 channels); the cost "
        "grows with its square. Double it when longer training no longer helps.",
        flag_values=flag_values,
    )
    flags.DEFINE_enum(
        "stem",
        default.stem,
        STEMS,
        "First layers of tiny and the ResNets: small (3x3, no pooling), imagenet (7x7, stride 2, pooling) or auto "
        "(small up to 64 pixels).",
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "embedding_grid",
        default.embedding_grid,
        "Side of the grid of averages that the last feature map is pooled to, 1 to 8. 1: one average of the whole map "
        "(global average pooling). 2: one of each quarter, four times as many numbers an image for hardly more time; "
        "small encoders gain much by it.",
        flag_values=flag_values,
    )


def _define_projector(flag_values: flags.FlagValues) -> None:
    default = ProjectorConfig()
    flags.DEFINE_integer(
        "projector_depth",
        default.projector_depth,
        "Layers of the projector between embedding and loss, 0 (none) to 6. 2 or 3 is usual; 0 costs accuracy.",
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "projector_width",
        default.projector_width,
        "Units of the projector's hidden layers, 1 or more.",
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "projector_dim",
        default.projector_dim,
        "Size of the projection that the loss compares, 2 or more. The embedding keeps the encoder's own size.",
        flag_values=flag_values,
    )
    flags.DEFINE_bool(
        "projector_batch_norm",
        default.projector_batch_norm,
        "Batch normalization in the projector's hidden layers, over the global batch.",
        flag_values=flag_values,
    )
