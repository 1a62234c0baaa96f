"""Hours, cores, disks and network of large runs on many GPUs, and which of them is the first wall.

    python benchmarks/scale_model.py                                    # the tables of docs/measurements/scale.md
    python benchmarks/scale_model.py --images=5e6 --gpus=16 --batch=2048 --cores=48 --network_gbit=25

Closed forms over measured costs: `results/input.json` (or preliminary rows of `results/scale_costs.json`) for the
processor time of an image by the way it is read, `results/scale_costs.json` for the time of Python's lock, bytes and
order. What was not measured here is published: images/s of a GPU, latency of NCCL, hardware of a machine. A step is the
encoder, then communication, nothing overlapped; input is read meanwhile.
"""

import argparse
import dataclasses

from benchmark_tools import argument_parser, markdown, write_json
from scale_tables import REMEDIES, after_table, needs_table, speed_table
from scale_walls import (
    BATCHES,
    COLLECTIONS,
    GIB,
    RESULTS,
    TB,
    Collection,
    Encoder,
    Machine,
    measured_ways,
    read_rows,
    walls,
)


def main() -> None:
    """Prints the tables of the page, or one run that the flags describe."""
    given = arguments().parse_args()
    machine = Machine(
        gpus=given.gpus_a_machine,
        cores=given.cores,
        memory=given.memory_gib * GIB,
        disk=given.disk_tb * TB,
        disk_rate=given.disk_gb_s * 1e9,
        network_rate=given.network_gbit * 1e9 / 8,
        views_per_second=given.views_per_second,
    )
    encoder = dataclasses.replace(Encoder(), dim=given.dim)
    collections = list(COLLECTIONS)
    if given.images:
        collections = [Collection("yours", given.images, given.file_kb * 1e3, given.epochs)]
    runs = {given.gpus: BATCHES.get(given.gpus, 256 * given.gpus)} if given.gpus else BATCHES
    rows, preliminary = [], False
    for collection in collections:
        ways, preliminary = measured_ways(given.views, collection)
        for gpus, usual in runs.items():
            run = {"encoder": encoder, "machine": machine, "gpus": gpus, "batch": given.batch or usual}
            rows += [walls(collection, way, views=given.views, **run) for way in ways]
    note = " (processor times are preliminary: results/input.json is not there)" if preliminary else ""
    print(f"Hours, first wall, and share of the time that GPUs compute{note}:\n\n{markdown(speed_table(rows))}\n")
    print(f"Of each machine at that speed:\n\n{markdown(needs_table(rows, machine))}\n")
    limits = dict.fromkeys(row["limit"] for row in rows)
    print(markdown([{"wall": limit, "what moves it": REMEDIES[limit]} for limit in limits]) + "\n")
    costs = {row["what"]: row["value"] for row in read_rows(RESULTS / "scale_costs.json")}
    if not given.images:
        print(
            markdown(after_table(costs["order_bytes"], costs["order_seconds"], costs["packing_ms"], machine, encoder))
        )
    write_json(given.json, rows)


def arguments() -> argparse.ArgumentParser:
    """Returns the flags."""
    usual = Machine()
    parser = argument_parser(__doc__)
    parser.add_argument("--images", type=float, help="of your own data set, in place of the three of the page")
    parser.add_argument("--file_kb", type=float, default=110.0, help="mean size of its files")
    parser.add_argument("--epochs", type=float, default=100.0)
    parser.add_argument("--gpus", type=int, help="in place of 8, 64 and 512")
    parser.add_argument("--batch", type=int, help="images of a step; by default 2 048, 4 096 and 16 384")
    parser.add_argument("--views", type=int, default=3, choices=(2, 3))
    parser.add_argument("--dim", type=int, default=Encoder.dim, help="of a projection")
    parser.add_argument("--gpus_a_machine", type=int, default=usual.gpus)
    parser.add_argument("--cores", type=float, default=usual.cores, help="of a machine")
    parser.add_argument("--memory_gib", type=float, default=usual.memory / GIB)
    parser.add_argument("--disk_tb", type=float, default=usual.disk / TB)
    parser.add_argument("--disk_gb_s", type=float, default=usual.disk_rate / 1e9, help="read in random order")
    parser.add_argument("--network_gbit", type=float, default=usual.network_rate * 8 / 1e9, help="of a GPU")
    parser.add_argument("--views_per_second", type=float, default=usual.views_per_second, help="of a GPU")
    return parser


if __name__ == "__main__":
    main()
