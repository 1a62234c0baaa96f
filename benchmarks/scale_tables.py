"""The tables that `scale_model.py` prints."""

from benchmark_tools import Row
from scale_walls import COLLECTIONS, GIB, HOUR, TB, Encoder, Machine, index_bytes, memory_bytes

# What moves each wall.
REMEDIES = {
    "GPU": "more GPUs",
    "input CPU": "`aag-pack --side=256` or `--form=raw`, `--aux=none`, more cores",
    "Python": "files in place of a pack, or a pack of pixels; a process for fewer GPUs (`TF_CONFIG`)",
    "disk": "`aag-pack --side=256`; local disks in place of shared ones",
    "network, waiting": "more images of a batch on each GPU; an encoder without batch normalization",
    "network, sending": "more images of a batch on each GPU; a faster network",
}


def speed_table(rows: list[Row]) -> list[Row]:
    """One row for each data set and number of GPUs: hours and the first wall by the way that images are read."""
    table: dict[tuple[str, int], Row] = {}
    for row in rows:
        cells = table.setdefault(
            (row["images"], row["gpus"]), {"images": row["images"], "GPUs": row["gpus"], "batch": f"{row['batch']:,}"}
        )
        full = "" if row["fits"] else "; fits on no machine's disks"
        cells[row["way"]] = f"{shown(row['hours'])} h, {row['limit']} ({row['gpu_share']:.0%}){full}"
    return list(table.values())


def needs_table(rows: list[Row], machine: Machine) -> list[Row]:
    """What each machine needs at that speed, by the way that images are read."""
    return [
        {
            "images": row["images"],
            "GPUs": row["gpus"],
            "way": row["way"],
            "images/s": f"{row['images_per_second']:,}",
            f"cores (of {machine.cores:g})": shown(row["cores_needed"]),
            "Python's lock": f"{row['python_share']:.0%}",
            "reads MB/s": shown(row["disk_mb_per_second"]),
            f"disk TB (of {machine.disk / TB:.3g})": shown(row["disk_tb"]),
            "sends MB a step": shown(row["sent_mb_a_step"]),
            "of these gathers": shown(row["gather_mb_a_step"]),
        }
        for row in rows
    ]


def after_table(
    order_bytes: float, order_seconds: float, packing_ms: float, machine: Machine, encoder: Encoder
) -> list[Row]:
    """What does not depend on the number of GPUs: memory, packing, and an index for search."""
    return [
        {
            "images": each.name,
            f"memory GiB (of {machine.memory / GIB:.0f})": shown(memory_bytes(each.images, order_bytes) / GIB),
            "shuffling an epoch": f"{shown(each.images * order_seconds)} s",
            f"packing on {machine.cores:g} cores": f"{shown(each.images * packing_ms / 1000 / machine.cores / HOUR)} h",
            "embeddings": f"{shown(each.images * encoder.features * 4 / TB)} TB",
            "index": f"{shown(index_bytes(each.images, encoder.features) / GIB)} GiB",
        }
        for each in COLLECTIONS
    ]


def shown(value: float) -> str:
    """A number with two significant digits, and no decimals from ten on."""
    return f"{value:,.0f}" if value >= 9.95 else f"{value:.1f}" if value >= 0.995 else f"{value:.2g}"
