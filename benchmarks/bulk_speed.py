"""Images per second of aag-embed, end to end from files, and of the bare encoder on pixels in memory.

    python benchmarks/bulk_speed.py --saved_model=served/tiny --saved_model=served/resnet18 --images=cifar10_files

The bare encoder is called on the same batches in the same process, with nothing else running. `aag-embed` lists the
files, reads, decodes, embeds and writes Parquet and NumPy. Both alternate `--repeats` times; the fastest of each
counts. `decode` is reading and decoding alone, with the same threads: if it is not much faster than the encoder, it
limits the speed.
"""

import itertools
import shutil
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf
from benchmark_tools import Row, argument_parser, table, timed, write_json

from aag_tf.config import EmbedConfig
from aag_tf.export.embedding import embed
from aag_tf.export.embedding.inputs import list_input, open_input, source_of
from aag_tf.export.embedding.reading import read_batches
from aag_tf.runs.exported import SavedEncoder, load_saved_model

BATCH = 256


def write_list(images: str, limit: int, folder: str) -> Path:
    """Writes a list of image files below a folder, evenly spaced over its sub-folders."""
    found = sorted(path for path in Path(images).rglob("*") if path.suffix in (".png", ".jpg"))
    chosen = found[:: max(1, len(found) // limit)][:limit]
    listed = Path(folder, "paths.txt")
    listed.write_text("".join(f"{path.absolute()}\n" for path in chosen))
    return listed


def call_all(model: SavedEncoder, pixels: list[np.ndarray]) -> None:
    for batch in pixels:
        model(tf.constant(batch)).numpy()


def measure(saved_model: str, images: str, limit: int, repeats: int) -> Row:
    model = load_saved_model(saved_model)
    with tempfile.TemporaryDirectory() as folder:
        listed = write_list(images, limit, folder)
        config = EmbedConfig(saved_model, str(listed), str(Path(folder, "out")), batch_size=BATCH)
        source = open_input(list_input(source_of(config), Path(folder)), Path(folder))
        seconds: dict[str, list[float]] = {"decode": [], "bare": [], "end_to_end": []}
        for _ in range(repeats):
            batches = read_batches(source.items(0, len(source)), model.image_shape, itertools.repeat(BATCH))
            pixels, decoding = timed(lambda batches=batches: [batch.pixels for batch in batches])
            seconds["decode"].append(decoding)
            call_all(model, pixels[:1])
            seconds["bare"].append(timed(lambda pixels=pixels: call_all(model, pixels))[1])
            seconds["end_to_end"].append(embed(config).seconds)
            shutil.rmtree(config.output)
        rates = {name: round(len(source) / min(times)) for name, times in seconds.items()}
    facts = {
        "encoder": model.metadata.record.config.encoder.encoder,
        "image": list(model.image_shape),
        "images": len(source),
    }
    return facts | rates | {"ratio": round(rates["end_to_end"] / rates["bare"], 3)}


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--saved_model", action="append", required=True, help="an exported encoder; may be repeated")
    parser.add_argument("--images", required=True, help="a folder of PNG and JPEG files")
    parser.add_argument("--limit", type=int, default=5000, help="files to embed")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    rows = [measure(model, arguments.images, arguments.limit, arguments.repeats) for model in arguments.saved_model]
    header = ["encoder", "images", "decode alone, img/s", "bare encoder, img/s", "aag-embed, img/s", "ratio"]
    names = ("encoder", "images", "decode", "bare", "end_to_end")
    print(table(header, [(*(row[name] for name in names), f"{row['ratio']:.1%}") for row in rows]))
    write_json(arguments.json, rows)


if __name__ == "__main__":
    main()
