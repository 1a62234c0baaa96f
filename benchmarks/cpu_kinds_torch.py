"""The training of peers_work.py in PyTorch alone, of its networks, for cpu_kinds.py to time."""

from typing import Any

import torch
from peer_networks import SHAPES, SIDE, torch_networks
from peers_work import BATCH, LEARNING_RATE, MOMENTUM, TEMPERATURE
from peers_work import WEIGHT_DECAY as DECAY
from torch import nn
from torch.nn import functional


class PlainTorch:
    """A loop as in PyTorch's documentation, in `channels_last`; `compiled` sends the network through torch.compile."""

    def __init__(self, precision: str, encoder: str, *, compiled: bool = False) -> None:
        self.bfloat16 = precision == "bfloat16"
        whole = nn.Sequential(*torch_networks(SHAPES[encoder])).train().to(memory_format=torch.channels_last)
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
