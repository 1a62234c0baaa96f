"""CPU time of an image on its way from a JPEG file to its views, beside the usual pipelines.

    python benchmarks/input.py --peers_python=<a Python with torch, torchvision, grain, array_record> --json=input.json
    python benchmarks/input.py --report=docs/measurements/input.md --json=input.json  # writes the tables of a page

Every way reads the same files in random order and gives batches of uint8 views of 224x224. Each round starts a process
for each way in turn, so that other load on the machine meets all alike; rows have medians over the rounds. `cpu_ms` is
the processor time of one image, of all threads and child processes, after a warm-up of some batches. The files are cuts
of the two photographs that scikit-learn has, as JPEG of quality 90, at 500x375 and at 3000x2000 pixels. Ways that begin
with "aag_tf, image" give images of 224x224 from which views are cut later; all others give views. `python_share` is the
share of one core's time in which a thread of the reading process held Python's lock, sampled by py-spy (which must be
installed) after the rest; only one thread can hold it, so what it is caps a process whatever its cores.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmark_tools import Row, argument_parser, markdown, replace_table, write_json
from interpreter_lock import LockSampling, find_py_spy
from provenance import cpu_flags, machine

SIDE, BATCH = 224, 64
WARM_UP, BATCHES = {"500x375": 10, "3000x2000": 3}, {"500x375": 45, "3000x2000": 8}
COLUMNS = ["pictures", "way", "cpu_ms", "least_cpu_ms", "images_per_second", "python_share"]
SAMPLED = 4  # seconds in which it is sampled who holds Python's lock
SIZES = {"500x375": 1_200, "3000x2000": 200}  # pixels: files
FORMS: dict[str, dict[str, Any]] = {
    "pack": {},
    "pack_256": {"side": 256},
    "pack_raw": {"form": "raw"},
}

Batches = Iterator[Any]


def main() -> None:
    """Makes the files, runs all ways in turn, and prints the table."""
    parser = argument_parser(__doc__)
    parser.add_argument("--peers_python", help="a Python with the packages of the peers")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--sizes", default=",".join(SIZES))
    parser.add_argument("--report", type=Path, help="page whose tables are written from the file that --json names")
    parser.add_argument("--way", help="used by the script itself")
    parser.add_argument("--data", help="used by the script itself")
    given = parser.parse_args()
    if given.way:
        print(json.dumps(measure(WAYS[given.way](Path(given.data)), Path(given.data).name)))
        return
    if given.report:
        report(given.report, json.loads(Path(given.json).read_text()))
        return
    with tempfile.TemporaryDirectory() as root:
        rows = [row for size in given.sizes.split(",") for row in table_of(Path(root) / size, given)]
    print(markdown(rows, COLUMNS))
    write_json(given.json, rows)


def table_of(data: Path, given: Any) -> list[Row]:
    """Returns a row for each way of reading pictures of one size."""
    width, height = map(int, data.name.split("x"))
    make_files(data, width, height, SIZES[data.name])
    found: dict[str, list[Row]] = {}
    for _ in range(given.rounds):
        for way in WAYS:
            python = given.peers_python if way in PEERS else sys.executable
            if python is None:
                continue
            command = [python, __file__, f"--way={way}", f"--data={data}"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                print(f"{way} failed: {done.stderr.splitlines()[-1]}", file=sys.stderr)
                continue
            found.setdefault(way, []).append(json.loads(done.stdout.splitlines()[-1]))
    return [
        {
            "pictures": data.name,
            "way": NAMES[way],
            "cpu_ms": round(statistics.median(each["cpu_ms"] for each in rows), 2),
            "least_cpu_ms": round(min(each["cpu_ms"] for each in rows), 2),
            "images_per_second": round(statistics.median(each["images_per_second"] for each in rows)),
            "python_share": share_of(rows),
            "rounds": len(rows),
            "machine": machine(),
            "cpu_flags": cpu_flags(),
        }
        for way, rows in found.items()
    ]


def report(page: Path, rows: list[Row]) -> None:
    """Writes the table of each size of pictures into a page, relative to tf.data with two views."""
    for size in dict.fromkeys(row["pictures"] for row in rows):
        of_size = [row for row in rows if row["pictures"] == size]
        usual = next(row["cpu_ms"] for row in of_size if row["way"] == NAMES["tf_data"])
        cells = [
            {name: value for name, value in row.items() if value is not None}
            | {"relative": f"{row['cpu_ms'] / usual:.2f}"}
            for row in of_size
        ]
        replace_table(page, size, markdown(cells, ["way", "cpu_ms", "relative", *COLUMNS[3:]]))


def share_of(rows: list[Row]) -> float | None:
    """Returns the median share of Python's lock; None where it was not sampled."""
    shares = [each["python_share"] for each in rows if each["python_share"] is not None]
    return round(statistics.median(shares), 3) if shares else None


def make_files(data: Path, width: int, height: int, count: int) -> None:
    """Writes `files/*.jpg`, and packs of them, below a directory."""
    import numpy as np
    from PIL import Image
    from sklearn.datasets import load_sample_images

    from aag_tf.config import DataConfig, PackConfig
    from aag_tf.packing.pack import pack
    from aag_tf.utils.progress import no_progress

    photographs, generator = load_sample_images().images, np.random.default_rng(0)
    (data / "files").mkdir(parents=True)
    for number in range(count):
        photograph = Image.fromarray(photographs[number % 2])
        part = photograph.width * generator.uniform(0.7, 1.0)
        left = generator.uniform(0, photograph.width - part)
        top = generator.uniform(0, max(photograph.height - part * height / width, 0))
        box = (left, top, left + part, min(top + part * height / width, photograph.height))
        picture = photograph.resize((width, height), Image.Resampling.BICUBIC, box=box)
        picture.save(data / "files" / f"{number:05}.jpg", quality=90)
    with no_progress():
        for name, form in FORMS.items():
            size = SIDE if form.get("form") == "raw" else None
            source = DataConfig(f"folder:{data / 'files'}", image_size=size)
            pack(PackConfig(output=str(data / name), data=source, **form))


def measure(batches: Batches, size: str) -> Row:
    """Reads batches; processor time and clock of those behind the warm-up, and then the share of Python's lock."""
    for _ in range(WARM_UP[size]):
        next(batches)
    cpu, began = cpu_seconds(), time.perf_counter()
    for _ in range(BATCHES[size]):
        next(batches)
    images = BATCHES[size] * BATCH
    taken = time.perf_counter() - began
    row = {"cpu_ms": 1000 * (cpu_seconds() - cpu) / images, "images_per_second": images / taken}
    return row | {"python_share": python_share(batches)}


def python_share(batches: Batches) -> float | None:
    """Returns the share of the time in which Python's lock is held while batches are read; None without py-spy."""
    py_spy = find_py_spy()
    if py_spy is None:
        return None
    sampling = LockSampling(py_spy, SAMPLED)
    while sampling.goes_on():
        next(batches)
    return sampling.share()


def cpu_seconds() -> float:
    """Processor time of this process and of its living children."""
    ticks = 0
    for pid in [os.getpid(), *children(os.getpid())]:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def children(pid: int) -> list[int]:
    """Returns the processes that a process has started and that still run."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (task / "children").read_text().split()]
    return [each for child in found for each in (child, *children(child))]


def images_in_turn(name: str) -> Callable[[Path], Batches]:
    """Images of 224x224, as for training with `--crop_from=image` on more than fit into memory."""

    def read(data: Path) -> Batches:
        from aag_tf.config import DataConfig
        from aag_tf.data import open_source, training_batches
        from aag_tf.data.images import memory
        from aag_tf.data.pack import source

        memory.MEMORY_LIMIT = source.KEPT_IN_MEMORY = 0
        place = f"folder:{data / name}" if name == "files" else f"pack:{data / name}"
        images = open_source(DataConfig(place, image_size=SIDE, validation_fraction=0)).train.images
        steps = 10**5
        return iter(training_batches(images, global_batch_size=BATCH, seed=0, start_step=0, num_steps=steps))

    return read


def views_from_source(name: str, views: int) -> Callable[[Path], Batches]:
    """Views that are cut from the pictures, as for training with `--crop_from=source`."""

    def read(data: Path) -> Batches:
        from aag_tf.augment import AuxiliaryBranch, MainBranch, ViewMaker
        from aag_tf.config import DataConfig
        from aag_tf.data import open_source, training_batches

        branch = {"crop_min_area": 0.08, "size": (SIDE, SIDE)}
        auxiliary = AuxiliaryBranch("default", **branch) if views == 3 else None
        maker = ViewMaker(MainBranch(**branch), auxiliary)
        place = f"folder:{data / name}" if name == "files" else f"pack:{data / name}"
        images = open_source(DataConfig(place, image_size=SIDE, validation_fraction=0), "source").train.images
        assert images.has_sources
        batches = training_batches(
            images, global_batch_size=BATCH, seed=0, start_step=0, num_steps=10**5, cutting=maker.cutting(0)
        )
        return iter(batches)

    return read


def usual_tf_data(data: Path) -> Batches:
    """SimCLR's own way: for each view a random box of the file is decoded and scaled, bilinear without antialiasing."""
    import tensorflow as tf

    def view(contents: tf.Tensor) -> tf.Tensor:
        shape = tf.image.extract_jpeg_shape(contents)
        box = tf.image.sample_distorted_bounding_box(
            shape,
            tf.zeros([0, 0, 4]),
            area_range=(0.08, 1.0),
            aspect_ratio_range=(3 / 4, 4 / 3),
            max_attempts=10,
            use_image_if_no_bounding_boxes=True,
        )
        window = tf.concat([box.begin[:2], box.size[:2]], axis=0)
        picture = tf.image.decode_and_crop_jpeg(contents, window, channels=3)
        return tf.cast(tf.image.resize(picture, [SIDE, SIDE]), tf.uint8)

    def views(path: tf.Tensor) -> tf.Tensor:
        contents = tf.io.read_file(path)
        return tf.stack([view(contents), view(contents)])

    paths = sorted(map(str, (data / "files").iterdir()))
    dataset = tf.data.Dataset.from_tensor_slices(paths).shuffle(len(paths)).repeat()
    return iter(dataset.map(views, num_parallel_calls=tf.data.AUTOTUNE).batch(BATCH).prefetch(tf.data.AUTOTUNE))


def crops_by_pillow(picture: Any) -> Any:
    """Two random crops of torchvision, uint8 [2, 224, 224, 3]."""
    import numpy as np
    from torchvision.transforms import InterpolationMode, RandomResizedCrop

    crop = RandomResizedCrop(SIDE, interpolation=InterpolationMode.BILINEAR)
    return np.stack([np.asarray(crop(picture)) for _ in range(2)])


def torch_loader(data: Path) -> Batches:
    """PyTorch's loader with a worker for each core, Pillow and torchvision."""
    import torch
    from PIL import Image

    paths = sorted((data / "files").iterdir())

    class Files(torch.utils.data.Dataset):
        def __len__(self) -> int:
            return 100 * len(paths)

        def __getitem__(self, number: int) -> torch.Tensor:
            with Image.open(paths[number % len(paths)]) as picture:
                return torch.from_numpy(crops_by_pillow(picture.convert("RGB")))

    return iter(torch.utils.data.DataLoader(Files(), BATCH, shuffle=True, num_workers=os.cpu_count() or 1))


def grain_loader(data: Path) -> Batches:
    """grain over ArrayRecord files, with threads, Pillow and torchvision."""
    import io

    import grain
    from array_record.python.array_record_data_source import ArrayRecordDataSource
    from array_record.python.array_record_module import ArrayRecordWriter
    from PIL import Image

    place = data / "grain.array_record"
    if not place.exists():
        writer = ArrayRecordWriter(str(place), "group_size:1")
        for path in sorted((data / "files").iterdir()):
            writer.write(path.read_bytes())
        writer.close()

    def views(contents: bytes) -> Any:
        return crops_by_pillow(Image.open(io.BytesIO(contents)).convert("RGB"))

    source = grain.MapDataset.source(ArrayRecordDataSource([str(place)])).shuffle(seed=0).repeat().map(views)
    return iter(source.to_iter_dataset(grain.ReadOptions(num_threads=os.cpu_count() or 1)).batch(BATCH))


WAYS: dict[str, Callable[[Path], Batches]] = {
    "image": images_in_turn("files"),
    "source_2": views_from_source("files", 2),
    "source_3": views_from_source("files", 3),
    "pack_2": views_from_source("pack", 2),
    "pack_3": views_from_source("pack", 3),
    "pack_256_2": views_from_source("pack_256", 2),
    "pack_256_3": views_from_source("pack_256", 3),
    "pack_raw": images_in_turn("pack_raw"),
    "tf_data": usual_tf_data,
    "torch": torch_loader,
    "grain": grain_loader,
}
PEERS = ("torch", "grain")
NAMES = {
    "image": "aag_tf, image from the file",
    "source_2": "aag_tf, 2 views from the file",
    "source_3": "aag_tf, 3 views from the file",
    "pack_2": "aag_tf, 2 views from a pack",
    "pack_3": "aag_tf, 3 views from a pack",
    "pack_256_2": "aag_tf, 2 views from a pack of 256 px",
    "pack_256_3": "aag_tf, 3 views from a pack of 256 px",
    "pack_raw": "aag_tf, image from a raw pack",
    "tf_data": "tf.data, 2 x decode_and_crop_jpeg",
    "torch": "PyTorch DataLoader, Pillow, 2 crops",
    "grain": "grain over ArrayRecord, Pillow, 2 crops",
}

if __name__ == "__main__":
    main()
