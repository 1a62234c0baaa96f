"""Names of encoders, which are listed here since Keras takes seconds to import."""

import difflib
from collections.abc import Iterable

from aag_tf.config.model import OWN
from aag_tf.utils.errors import ConfigError

# Those of `aag_tf.encoders.resnet.RESNETS` and of `keras.applications`; a test compares them with both.
OWN_NETWORKS = ("tiny", "resnet18", "resnet34", "resnet50")
APPLICATIONS = (
    *("ConvNeXtBase", "ConvNeXtLarge", "ConvNeXtSmall", "ConvNeXtTiny", "ConvNeXtXLarge"),
    *("DenseNet121", "DenseNet169", "DenseNet201"),
    *(f"EfficientNetB{size}" for size in range(8)),
    *(f"EfficientNetV2{size}" for size in ("B0", "B1", "B2", "B3", "L", "M", "S")),
    *("InceptionResNetV2", "InceptionV3"),
    *("MobileNet", "MobileNetV2", "MobileNetV3Large", "MobileNetV3Small"),
    *("NASNetLarge", "NASNetMobile"),
    *("ResNet101", "ResNet101V2", "ResNet152", "ResNet152V2", "ResNet50", "ResNet50V2"),
    *("VGG16", "VGG19", "Xception"),
)


def check_encoder(name: str, own: Iterable[str] = OWN_NETWORKS, applications: Iterable[str] = APPLICATIONS) -> None:
    """Checks that an encoder is known.

    Args:
        name: value of `--encoder`.
        own: names of networks of this package.
        applications: names of models of Keras, of which upper and lower case do not matter.

    Raises:
        ConfigError: there is no such encoder, or it is one that only `train(encoder=...)` takes.
    """
    if name == OWN:
        raise ConfigError(
            f"--encoder={OWN} is what a run records if a custom encoder was given to train(); pass that model again."
        )
    own, applications = list(own), list(applications)
    if name in own or name.lower() in {application.lower() for application in applications}:
        return
    near = difflib.get_close_matches(name, [*own, *applications], n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"choose {', '.join(own)} or a keras.applications name."
    raise ConfigError(f"--encoder={name} is not known; {hint}")
