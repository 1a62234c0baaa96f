"""The model of large runs: how fast each is, what limits it, and what it needs, in closed forms over measured costs."""

import dataclasses
import json
from pathlib import Path
from typing import NamedTuple

from benchmark_tools import Row
from scale_traffic import Step, nccl, sending_seconds, traffic, waiting_seconds

RESULTS = Path(__file__).parent / "results"
GIB, TB = 2.0**30, 1e12
HOUR = 3600.0


@dataclasses.dataclass(frozen=True)
class Machine:
    """A machine with GPUs; by default those of an NVIDIA DGX H100 but for its GPUs (docs.nvidia.com, DGX BasePOD).

    Args:
        gpus: of a machine.
        cores: of its CPUs.
        memory: bytes.
        disk: bytes of its own disks: eight of 3.84 TB.
        disk_rate: bytes/s that they read in random order; a quarter of eight drives' data sheets (assumed).
        network_rate: bytes/s that a GPU sends to another machine: 400 Gbit/s.
        views_per_second: encoder views that a GPU trains on: 2 470, ResNet-50 v1.5 at 224 px, A100, mixed precision
            (NVIDIA/DeepLearningExamples, PyTorch, README of resnet50v1.5).
    """

    gpus: int = 8
    cores: float = 112
    memory: float = 2 * 2.0**40
    disk: float = 8 * 3.84 * TB
    disk_rate: float = 8 * 1.7e9
    network_rate: float = 400e9 / 8
    views_per_second: float = 2470.0


def resnet50_norms() -> list[int]:
    """Channels of each layer of batch normalization in ResNet-50."""
    norms = [64]
    for width, blocks in ((64, 3), (128, 4), (256, 6), (512, 3)):
        norms += [width, width, 4 * width] * blocks + [4 * width]
    return norms


@dataclasses.dataclass(frozen=True)
class Encoder:
    """ResNet-50 and the default projector.

    Args:
        parameters: of both.
        norm_channels: of each layer of batch normalization.
        dim: of a projection.
        features: of an embedding.
    """

    parameters: int = 23_508_032 + 2048 * 512 + 2 * 512 + 512 * 128
    norm_channels: tuple[int, ...] = (*resnet50_norms(), 512)
    dim: int = 128
    features: int = 2048


class Way(NamedTuple):
    """A way to read images: its costs for one image.

    Args:
        name: of the way.
        cpu_ms: processor time.
        python_ms: time in which a thread holds Python's lock.
        bytes: that are read.
    """

    name: str
    cpu_ms: float
    python_ms: float
    bytes: float


class Collection(NamedTuple):
    """Images to train on.

    Args:
        name: of the data set.
        images: number of them.
        file_bytes: mean size of a file.
        epochs: passes over them.
    """

    name: str
    images: float
    file_bytes: float
    epochs: float


# Sizes of the archives as published by image-net.org: 138 GB and 1.31 TB.
COLLECTIONS = (
    Collection("ImageNet-1k", 1_281_167, 138e9 / 1_281_167, 100),
    Collection("ImageNet-21k", 14_197_122, 1.31e12 / 14_197_122, 30),
    Collection("a billion", 1e9, 110e3, 1),
)
BATCHES = {8: 2048, 64: 4096, 512: 16_384}  # images of a step by GPUs


def walls(
    collection: Collection, way: Way, *, encoder: Encoder, machine: Machine, gpus: int, batch: int, views: int
) -> Row:
    """Returns how fast a run is, what limits it, and what it needs.

    Args:
        collection: images.
        way: to read them.
        encoder: the network.
        machine: of which there are as many as the GPUs take.
        gpus: of all machines.
        batch: images of a step.
        views: of an image.
    """
    hosts = max(1, gpus // machine.gpus)
    step = Step(batch, views, encoder.dim, gpus, encoder.parameters, encoder.norm_channels)
    network = nccl(gpus, machine.gpus, machine.network_rate)
    on_host = batch / hosts
    work = {
        "GPU": batch * views / gpus / machine.views_per_second,
        "network, waiting": waiting_seconds(step, network),
        "network, sending": sending_seconds(step, network),
    }
    reading = {
        "input CPU": on_host * way.cpu_ms / 1000 / machine.cores,
        "Python": on_host * way.python_ms / 1000,
        "disk": on_host * way.bytes / machine.disk_rate,
    }
    slowest = max(reading, key=lambda name: reading[name])
    seconds = max(sum(work.values()), reading[slowest])
    limit = slowest if reading[slowest] > sum(work.values()) else max(work, key=lambda name: work[name])
    rate = batch / seconds
    return {
        "images": collection.name,
        "gpus": gpus,
        "batch": batch,
        "way": way.name,
        "limit": limit,
        "images_per_second": round(rate),
        "hours_an_epoch": collection.images / rate / HOUR,
        "hours": collection.images * collection.epochs / rate / HOUR,
        "gpu_share": work["GPU"] / seconds,
        "cores_needed": rate / hosts * way.cpu_ms / 1000,
        "python_share": rate / hosts * way.python_ms / 1000,
        "disk_mb_per_second": rate / hosts * way.bytes / 1e6,
        "disk_tb": collection.images * way.bytes / TB,
        "fits": collection.images * way.bytes <= machine.disk,
        "sent_mb_a_step": sum(each.bytes for each in traffic(step).values()) / 1e6,
        "gather_mb_a_step": traffic(step)["projections"].bytes / 1e6 if gpus > 1 else 0.0,
        "work_ms": {name: 1000 * each for name, each in work.items()},
        "reading_ms": {name: 1000 * each for name, each in reading.items()},
    }


def memory_bytes(images: float, order_bytes: float) -> float:
    """Bytes of memory on each machine that grow with the images: order of an epoch, labels, rows of the splits."""
    return images * (order_bytes + 8 + 8)


def index_bytes(images: float, features: int) -> float:
    """Bytes of an HNSW index: half precision, and 256 bytes of neighbors an image."""
    return images * (2 * features + 256)


def measured_ways(views: int, collection: Collection, results: Path = RESULTS) -> tuple[list[Way], bool]:
    """Returns the ways with their measured costs, and whether they are preliminary.

    Args:
        views: of an image, 2 or 3.
        collection: whose files are read.
        results: folder of the measured rows.
    """
    costs = {(row["what"], row["of"]): row["value"] for row in read_rows(results / "scale_costs.json")}
    input_rows = results / "input.json"
    preliminary = not input_rows.exists()
    cpu = {name: value for (what, name), value in costs.items() if what == "cpu_ms"}
    if not preliminary:
        cpu |= {row["way"]: row["cpu_ms"] for row in read_rows(input_rows) if row["pictures"] == "500x375"}
    names = {
        "files": f"aag_tf, {views} views from the file",
        "pack_256": f"aag_tf, {views} views from a pack of 256 px",
        "pack_raw": "aag_tf, image from a raw pack",
    }
    titles = {"files": "files", "pack_256": "a pack of 256 px", "pack_raw": "a raw pack"}
    sizes = {name: costs["image_bytes", name] for name in names} | {"files": collection.file_bytes}
    ways = [Way(titles[key], cpu[name], costs["python_ms", name], sizes[key]) for key, name in names.items()]
    return ways, preliminary


def read_rows(path: Path) -> list[Row]:
    """Reads a file of rows that `--json` wrote."""
    rows: list[Row] = json.loads(path.read_text(encoding="utf-8"))
    return rows
