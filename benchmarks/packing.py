"""What `aag-pack --side` costs in sharpness, and how fast each form is read in random order.

    python benchmarks/packing.py --json=benchmarks/results/packing.json

Quality is measured on the two photographs that scikit-learn has (427x640 pixels), as the image that training takes from
the packed picture beside the one that it takes from the original: signal to noise, and the mean step from one pixel to
the next, a measure of sharpness. Speed is measured on cuts of these photographs.
"""

import io
import itertools
import json
import platform
import tempfile
import time
from pathlib import Path

import numpy as np
from absl import app, flags
from PIL import Image
from sklearn.datasets import load_sample_image

from aag_tf.config import DataConfig, PackConfig
from aag_tf.data.files import pictures
from aag_tf.data.files.reading import Reading
from aag_tf.data.pack import source
from aag_tf.packing import forms
from aag_tf.packing.pack import pack
from aag_tf.utils.progress import no_progress

SIDE, SIZES = 256, (224, 128)
BATCH, BATCHES = 256, 8

FLAGS = flags.FLAGS
flags.DEFINE_string("json", None, "File for the rows.")
flags.DEFINE_integer("pictures", 1024, "Pictures of the packs that are read.")


def photographs():
    """Returns the two photographs."""
    return [load_sample_image(name) for name in ("china.jpg", "flower.jpg")]


def encoded(pixels, kind, **options):
    """Returns an image file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def step_of(pixels):
    """Mean difference of neighboring pixels."""
    values = pixels.astype(np.float64)
    return np.abs(np.diff(values, axis=0)).mean() + np.abs(np.diff(values, axis=1)).mean()


def quality_rows():
    """Yields bytes, signal to noise in dB and relative sharpness for each way of packing."""
    ways = itertools.product(("bilinear", "lanczos"), ("4:2:0", "4:4:4"), (75, 90, 95))
    for size, (name, subsampling, quality) in itertools.product(SIZES, list(ways)):
        forms.FILTER, forms.SUBSAMPLING = Image.Resampling[name.upper()], subsampling
        found = []
        for photograph in photographs():
            file = encoded(photograph, "PNG")
            stored = forms.smaller_jpeg(SIDE, quality, Reading())(file).image
            wanted, got = (pictures.decode(io.BytesIO(each), (size, size, 3)) for each in (file, stored))
            noise = ((wanted.astype(float) - got) ** 2).mean()
            found.append((len(stored) / 1024, 10 * np.log10(255**2 / noise), step_of(got) / step_of(wanted)))
        kib, snr, sharpness = np.mean(found, axis=0)
        yield {
            "image_size": size,
            "filter": name,
            "subsampling": subsampling,
            "quality": quality,
            "kib": round(kib, 1),
            "psnr_db": round(snr, 1),
            "sharpness": round(sharpness, 3),
        }


def speed_rows(root, count):
    """Yields images per second of each form, in random order, 224x224."""
    rng = np.random.default_rng(0)
    for number in range(count):
        photograph = photographs()[number % 2]
        top, left = rng.integers(0, 50), rng.integers(0, 100)
        (root / "files").mkdir(exist_ok=True)
        (root / "files" / f"{number:05}.jpg").write_bytes(
            encoded(photograph[top : top + 375, left : left + 500], "JPEG", quality=90)
        )
    source.KEPT_IN_MEMORY = 0
    for form in ({"form": "original"}, {"side": SIDE}, {"form": "raw"}):
        output = root / "-".join(map(str, form.values()))
        size = 224 if form.get("form") == "raw" else None
        pack(PackConfig(output=str(output), data=DataConfig(f"folder:{root / 'files'}", image_size=size), **form))
        images = source.read_pack(str(output), DataConfig(f"pack:{output}", image_size=224)).train.images
        batches = [rng.integers(0, count, BATCH) for _ in range(BATCHES)]
        images.numpy(batches[0])
        began = time.perf_counter()
        for batch in batches:
            images.numpy(batch)
        taken = sum(file.stat().st_size for file in output.iterdir())
        yield {
            "form": "-".join(map(str, form.values())),
            "images_per_second": round(BATCH * BATCHES / (time.perf_counter() - began)),
            "kib_an_image": round(taken / count / 1024, 1),
        }


def main(argv):
    """Prints the rows."""
    del argv
    rows = list(quality_rows())
    forms.FILTER, forms.SUBSAMPLING = Image.Resampling.LANCZOS, "4:4:4"
    with tempfile.TemporaryDirectory() as root, no_progress():
        rows += speed_rows(Path(root), FLAGS.pictures)
    for row in rows:
        print(json.dumps(row))
    if FLAGS.json is not None:
        Path(FLAGS.json).write_text(json.dumps({"machine": platform.processor(), "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    app.run(main)
