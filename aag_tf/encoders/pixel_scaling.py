"""How encoders scale pixels in their first layer: to −1..1, or as the ImageNet weights of Keras were trained with."""

import math

# Of RGB in [0, 255], as torchvision and `keras.applications` (torch and caffe modes) use them.
IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_DEVIATION = (58.395, 57.12, 57.375)
CAFFE_MEAN_BGR = (103.939, 116.779, 123.68)

CAFFE = ("ResNet50", "ResNet101", "ResNet152", "VGG16", "VGG19")
TORCH = ("ConvNeXt", "DenseNet", "EfficientNetV2B")  # beginnings of names
AROUND_128 = ("EfficientNetV2S", "EfficientNetV2M", "EfficientNetV2L")
BY_ITSELF = "EfficientNetB"  # divides by 255 and normalizes in the model, whose ImageNet weights hold the statistics

Channels = tuple[float, ...]


def mean_and_deviation(name: str, input_range: str, channels: int) -> tuple[Channels, Channels]:
    """Returns what is subtracted from the pixels of each channel, and what they are divided by then.

    Args:
        name: of a model of `keras.applications`, as Keras spells it.
        input_range: `-1..1` or `imagenet`; `auto` is the first.
        channels: of the images. Channels beyond the third take the values of RGB in turn; fewer than three their
            average.
    """
    mean, deviation = _of_rgb(name) if input_range == "imagenet" else ((127.5,) * 3, (127.5,) * 3)
    if name.startswith(BY_ITSELF):
        mean, deviation = (0.0,) * 3, (1.0,) * 3
        if input_range != "imagenet":  # so that its own division by 255 gives −1..1
            mean, deviation = (127.5,) * 3, (0.5,) * 3
    return in_turn(mean, channels), in_turn(deviation, channels)


def _of_rgb(name: str) -> tuple[Channels, Channels]:
    if name in CAFFE:
        return CAFFE_MEAN_BGR[::-1], (1.0, 1.0, 1.0)
    if name.startswith(TORCH):
        return IMAGENET_MEAN, IMAGENET_DEVIATION
    middle = 128.0 if name in AROUND_128 else 127.5
    return (middle,) * 3, (middle,) * 3


def in_turn(values: Channels, channels: int) -> Channels:
    """Returns the values of three channels for another number of them: in turn, or for fewer their average."""
    if channels < len(values):
        return (math.fsum(values) / len(values),) * channels
    return tuple(values[channel % len(values)] for channel in range(channels))
