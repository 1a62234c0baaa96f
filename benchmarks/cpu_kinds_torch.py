"""The training of peers_work.py in PyTorch alone, of its networks, for cpu_kinds.py to time."""

from typing import Any

import torch
from peers_work import BATCH, LEARNING_RATE, MOMENTUM, PROJECTOR_DIM, PROJECTOR_WIDTH, SHAPES, SIDE, TEMPERATURE
from peers_work import WEIGHT_DECAY as DECAY
from torch import nn
from torch.nn import functional


def _normalized(inputs: int, width: int, kernel: int, stride: int) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, width, kernel, stride, padding=kernel // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(width))


class _Block(nn.Module):
    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(_normalized(inputs, width, 3, stride), nn.ReLU(), _normalized(width, width, 3, 1))
        same = (inputs, stride) == (width, 1)
        self.shortcut = nn.Identity() if same else _normalized(inputs, width, 1, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.relu(self.body(x) + self.shortcut(x))


def network(encoder: str) -> nn.Module:
    """A ResNet for small images with the projector."""
    shape = SHAPES[encoder]
    layers: list[nn.Module] = [_normalized(3, shape.channels, 3, shape.stem_stride), nn.ReLU()]
    width = shape.channels
    for channels, stride in shape.blocks:
        layers.append(_Block(width, channels, stride))
        width = channels
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, PROJECTOR_WIDTH, bias=False)]
    layers += [nn.BatchNorm1d(PROJECTOR_WIDTH), nn.ReLU(), nn.Linear(PROJECTOR_WIDTH, PROJECTOR_DIM, bias=False)]
    return nn.Sequential(*layers)


class PlainTorch:
    """A loop as in PyTorch's documentation, in `channels_last`; `compiled` sends the network through torch.compile."""

    def __init__(self, precision: str, encoder: str, *, compiled: bool = False) -> None:
        self.bfloat16 = precision == "bfloat16"
        whole = network(encoder).train().to(memory_format=torch.channels_last)
        self.optimizer = torch.optim.SGD(whole.parameters(), LEARNING_RATE, MOMENTUM, weight_decay=DECAY)
        self.model: Any = torch.compile(whole) if compiled else whole

    def step(self) -> Any:
        """Returns a function that trains on one batch of views in memory."""
        views = torch.rand(2 * BATCH, 3, SIDE, SIDE).contiguous(memory_format=torch.channels_last)
        labels = torch.arange(2 * BATCH).roll(BATCH)
        itself = torch.eye(2 * BATCH, dtype=torch.bool)

        def train() -> float:
            with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
                projections = self.model(views)
            z = functional.normalize(projections.float())
            loss = functional.cross_entropy((z @ z.T / TEMPERATURE).masked_fill(itself, -1e9), labels)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            return float(loss.detach())

        return train
