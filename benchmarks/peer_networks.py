"""The networks of this package built by hand, of Keras's own layers and of PyTorch's: what its peers train."""

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import keras
    from torch import nn

SIDE = 32
PROJECTOR_WIDTH, PROJECTOR_DIM = 512, 128


class Shape(NamedTuple):
    """A residual network for images of 32 px.

    Args:
        channels: of the first layer.
        stem_stride: of the first layer.
        blocks: channels and stride of each block.
        grid: side of the grid of averages that form the embedding; 1 is global average pooling.
    """

    channels: int
    stem_stride: int
    blocks: tuple[tuple[int, int], ...]
    grid: int = 1


SHAPES = {
    "tiny": Shape(32, 2, ((32, 1), (64, 2), (128, 2))),
    "resnet18": Shape(64, 1, ((64, 1), (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1))),
}


def keras_networks(shape: Shape) -> "tuple[keras.Model, keras.Model]":
    """Returns encoder, of images in [0, 255], and projector, whose output is float32."""
    import keras

    layers = keras.layers

    def batch_norm(gamma: str = "ones") -> Any:
        return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, gamma_initializer=gamma)

    def normalized(x: Any, width: int, kernel: int, stride: int, gamma: str = "ones") -> Any:
        convolution = layers.Conv2D(
            width, kernel, stride, padding="same", use_bias=False, kernel_initializer="he_normal"
        )
        return batch_norm(gamma)(convolution(x))

    def block(x: Any, width: int, stride: int) -> Any:
        y = layers.ReLU()(normalized(x, width, 3, stride))
        y = normalized(y, width, 3, 1, gamma="zeros")
        shortcut = x if (x.shape[-1], stride) == (width, 1) else normalized(x, width, 1, stride)
        return layers.ReLU()(layers.Add()([y, shortcut]))

    inputs = keras.Input((SIDE, SIDE, 3))
    x = layers.ReLU()(normalized(layers.Rescaling(1 / 127.5, -1)(inputs), shape.channels, 3, shape.stem_stride))
    for width, stride in shape.blocks:
        x = block(x, width, stride)
    if shape.grid == 1:
        encoder = keras.Model(inputs, layers.GlobalAveragePooling2D()(x))
    else:
        encoder = keras.Model(inputs, layers.Flatten()(layers.AveragePooling2D(x.shape[1] // shape.grid)(x)))

    inputs = keras.Input(encoder.output_shape[1:])
    x = layers.Dense(PROJECTOR_WIDTH, use_bias=False, kernel_initializer="he_normal")(inputs)
    x = layers.ReLU()(batch_norm()(x))
    return encoder, keras.Model(inputs, layers.Dense(PROJECTOR_DIM, use_bias=False, dtype="float32")(x))


def torch_networks(shape: Shape) -> "tuple[nn.Module, nn.Module]":
    """Returns encoder, of normalized images, and projector."""
    from torch import nn
    from torch.nn import functional

    def normalized(inputs: int, width: int, kernel: int, stride: int) -> nn.Sequential:
        convolution = nn.Conv2d(inputs, width, kernel, stride, padding=kernel // 2, bias=False)
        nn.init.kaiming_normal_(convolution.weight)
        return nn.Sequential(convolution, nn.BatchNorm2d(width))

    class Block(nn.Module):
        def __init__(self, inputs: int, width: int, stride: int) -> None:
            super().__init__()
            last = normalized(width, width, 3, 1)
            nn.init.zeros_(last[1].weight)
            self.body = nn.Sequential(normalized(inputs, width, 3, stride), nn.ReLU(), last)
            same = (inputs, stride) == (width, 1)
            self.shortcut = nn.Identity() if same else normalized(inputs, width, 1, stride)

        def forward(self, x: Any) -> Any:
            return functional.relu(self.body(x) + self.shortcut(x))

    layers: list[nn.Module] = [normalized(3, shape.channels, 3, shape.stem_stride), nn.ReLU()]
    inputs = shape.channels
    for width, stride in shape.blocks:
        layers.append(Block(inputs, width, stride))
        inputs = width
    encoder = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(shape.grid), nn.Flatten())
    hidden = nn.Linear(inputs * shape.grid**2, PROJECTOR_WIDTH, bias=False)
    nn.init.kaiming_normal_(hidden.weight)
    last = nn.Linear(PROJECTOR_WIDTH, PROJECTOR_DIM, bias=False)
    return encoder, nn.Sequential(hidden, nn.BatchNorm1d(PROJECTOR_WIDTH), nn.ReLU(), last)
