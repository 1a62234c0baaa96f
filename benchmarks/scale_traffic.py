"""What the replicas of a step send each other: closed forms by batch, views, dimensions and replicas.

Collectives are rings, as TensorFlow runs them between CPUs and NCCL for large tensors: in an all-reduce of `s` bytes
each of `R` replicas sends `2 (R - 1) / R * s`, and in an all-gather whose result has `s` bytes `(R - 1) / R * s`.
"""

import dataclasses
import math
from typing import NamedTuple

FLOAT = 4  # bytes; all that is exchanged is float32, whatever the precision of the networks
# In a step of this package, each of its gathers and all-reduces, in the order of `traffic`.
GATHERS_OF_PROJECTIONS = 2  # for the loss, and for the metrics
GRADIENT_SUMS = 2  # for the logged norm, and by Keras when they are applied
NORM_SUMS = 3 + 3  # forward: sum, sum of squares, count; and their gradients
SCALARS = 3  # loss, whether anybody wants to stop, whether all have a batch


@dataclasses.dataclass(frozen=True)
class Step:
    """A training step.

    Args:
        batch: images over all replicas.
        views: of an image.
        dim: of a projection.
        replicas: that share the step.
        parameters: of encoder and projector.
        norm_channels: of each layer of batch normalization.
    """

    batch: int
    views: int
    dim: int
    replicas: int
    parameters: int
    norm_channels: tuple[int, ...] = ()

    @property
    def rows(self) -> int:
        """Projections over all replicas."""
        return self.batch * self.views


class Sent(NamedTuple):
    """What one replica sends in a step for one purpose.

    Args:
        bytes: payload.
        reduces: number of all-reduces.
        gathers: number of all-gathers.
    """

    bytes: float
    reduces: int = 0
    gathers: int = 0


def reduce_bytes(floats: float, replicas: int) -> float:
    """Bytes that each replica sends in a ring all-reduce of so many floats."""
    return 2 * (replicas - 1) / replicas * FLOAT * floats


def gather_bytes(floats: float, replicas: int) -> float:
    """Bytes that each replica sends in a ring all-gather that gives everyone so many floats."""
    return (replicas - 1) / replicas * FLOAT * floats


def traffic(step: Step) -> dict[str, Sent]:
    """Returns what each replica sends in a step, by purpose; nothing where it is alone."""
    replicas = step.replicas
    if replicas == 1:
        return {}
    # Each gather of TensorFlow sends shapes first, which counts as a gather of its own and next to no bytes.
    projections = gather_bytes(GATHERS_OF_PROJECTIONS * step.rows * step.dim, replicas)
    # Log-sum-exp and upstream gradient of each row, weight of each image, number of images of each replica, twice.
    rows = gather_bytes(2 * step.rows + step.batch + 2 * replicas, replicas)
    norms = sum(NORM_SUMS * reduce_bytes(channels, replicas) for channels in step.norm_channels)
    return {
        "projections": Sent(projections, gathers=2 * GATHERS_OF_PROJECTIONS),
        "rows of the loss": Sent(rows, gathers=2 * 5),
        "batch normalization": Sent(norms, reduces=NORM_SUMS * len(step.norm_channels)),
        "gradients": Sent(GRADIENT_SUMS * reduce_bytes(step.parameters, replicas), reduces=GRADIENT_SUMS),
        "scalars": Sent(SCALARS * reduce_bytes(1, replicas), reduces=SCALARS),
    }


class Network(NamedTuple):
    """What communication costs, for a number of replicas.

    Args:
        reduce_seconds: of a small all-reduce.
        gather_seconds: of a small all-gather.
        bytes_per_second: that a replica sends.
    """

    reduce_seconds: float
    gather_seconds: float
    bytes_per_second: float


def waiting_seconds(step: Step, network: Network) -> float:
    """Seconds of a step in which replicas wait for the smallest message, one collective after the other."""
    sent = traffic(step).values()
    return sum(each.reduces * network.reduce_seconds + each.gathers * network.gather_seconds for each in sent)


def sending_seconds(step: Step, network: Network) -> float:
    """Seconds of a step in which each replica sends."""
    return sum(each.bytes for each in traffic(step).values()) / network.bytes_per_second


def nccl(replicas: int, per_host: int, bytes_per_second: float) -> Network:
    """Returns NCCL's own estimate for small messages: trees for all-reduces, rings for gathers, protocol LL.

    `ncclTopoTuneModel` in src/graph/tuning.cc of NVIDIA/nccl (2.9), with NVLink within a host. It leaves out the time
    to launch a kernel.
    """
    hosts = max(1, replicas // per_host)
    slower = 1.8 if hosts > 1 else 1.0
    local = min(replicas, per_host)
    tree = 4.4 + 2 * ((local - 1) * 0.52 * slower + int(math.log2(hosts)) * 5.0)
    ring = 3.6 + (replicas - hosts) * 0.47 * slower + (hosts - 1) * 2.7
    return Network(tree * 1e-6, ring * 1e-6, bytes_per_second)
