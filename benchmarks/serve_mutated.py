"""Sends thousands of broken and unusual image files through `embed_bytes` or `classify_bytes` and checks every row.

    python benchmarks/serve_mutated.py --saved_model=served/cifar10 --count=10000 --json=mutated.json

The export is an encoder or a classifier, made with the usual `--max_pixels`; of a classifier a row is probabilities and
embedding, and the label must be that of the largest probability.

Takes minutes on two CPU cores. The files are sent in batches together with good images of known embedding. A separate
process does the work, so that a crash, a hang or a memory leak is detected. Kinds that must be embedded or refused are
checked for it; an embedded file must give the same row when it is sent alone. Each file is also read by Python, as
training reads it: what Python refuses must be refused, and what it reads must give the row of these pixels; where
scaling rounds a pixel differently (by one level of 255), the row of the pixels that the export itself reads.
"""

import argparse
import dataclasses
import io
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import psutil
from benchmark_tools import Row, argument_parser, write_json

BATCH = 64
EVERY = 8  # every eighth file of a batch is a good one with a known embedding
HANG = 120.0  # seconds that the worker may take to exit


class Export(NamedTuple):
    """An export, asked for rows of numbers.

    Attributes:
        of_files: files to float32 rows [n, numbers] and bool [n], whether each was decoded.
        of_pixels: uint8 images [n, height, width, channels] to float32 rows [n, numbers].
        shape: of an image.
        reading: how files are read.
    """

    of_files: Callable[[list[bytes]], tuple[Any, Any]]
    of_pixels: Callable[[Any], Any]
    shape: tuple[int, int, int]
    reading: Any

    def read(self, content: bytes) -> Any:
        """Returns the image of a file as training reads it, uint8; `None` if it is refused."""
        from aag_tf.data.files import pictures

        try:
            pictures.read_header(io.BytesIO(content), self.reading.max_pixels)
            return pictures.decode(io.BytesIO(content), self.shape, self.reading)
        except Exception:  # decoders raise many classes
            return None

    def unlike(self, contents: list[bytes], rows: Any, valid: Any) -> tuple[int, int]:
        """Returns how many rows are not those of Python's pixels, and how many files scaling rounded differently."""
        import numpy as np
        import tensorflow as tf

        from aag_tf.export.decoding import decode_batch

        images = [self.read(content) for content in contents]
        wrong = sum((image is not None) != bool(decoded) for image, decoded in zip(images, valid, strict=True))
        both = [row for row, image in enumerate(images) if image is not None and valid[row]]
        if not both:
            return wrong, 0
        taken = np.stack([images[row] for row in both])
        others = [row for row, far in zip(both, self._far(rows[both], self.of_pixels(taken)), strict=True) if far]
        if not others:
            return wrong, 0
        served = decode_batch(tf.constant([contents[row] for row in others]), self.shape, *self._limits)[1].numpy()
        near = np.abs(served.astype(int) - [images[row] for row in others]).max(axis=(1, 2, 3)) == 1
        near &= ~self._far(rows[others], self.of_pixels(served))
        return wrong + int((~near).sum()), int(near.sum())

    @property
    def _limits(self) -> tuple[int, Any]:
        return self.reading.max_pixels, self.reading

    @staticmethod
    def _far(found: Any, right: Any) -> Any:
        import numpy as np

        return ~(np.abs(found - right).max(axis=1) <= 1e-5 * max(1.0, float(np.abs(right).max())))


def opened(saved_model: str) -> Export:
    """Loads an encoder or a classifier."""
    import numpy as np
    import tensorflow as tf

    from aag_tf.config import ExportConfig
    from aag_tf.runs.exported import SavedEncoder
    from aag_tf.runs.exported_classifier import Classes, load_export

    export = load_export(saved_model)
    reading = dataclasses.replace(export.metadata.record.reading, max_pixels=ExportConfig.max_pixels)

    def embed(contents: list[bytes]) -> tuple[Any, Any]:
        embedding, valid = export.embed_bytes(tf.constant(contents))
        return embedding.numpy(), valid.numpy()

    def numbers(answer: Classes) -> Any:
        best = [export.class_names[place] for place in answer.probabilities.argmax(axis=1)]
        rows = np.concatenate([answer.probabilities, answer.embeddings], axis=1)
        labels = zip(answer.labels, best, answer.valid, strict=True)
        rows[[label != (name if valid else "") for label, name, valid in labels]] = np.nan  # counted as wrong
        return rows

    def classify(contents: list[bytes]) -> tuple[Any, Any]:
        answer = export.classify_bytes(contents)
        return numbers(answer), answer.valid

    if isinstance(export, SavedEncoder):
        return Export(embed, lambda images: export(tf.constant(images)).numpy(), export.image_shape, reading)
    return Export(classify, lambda images: numbers(export(images)), export.image_shape, reading)


def work(saved_model: str, count: int, seed: int) -> None:
    """Sends all files; prints one JSON line per batch."""
    import numpy as np
    from mutated_images import mutated_images

    export = opened(saved_model)
    call = export.of_files
    known = next(iter(mutated_images(1, seed + 1))).data
    reference = call([known])[0][0]
    tolerance = 1e-5 * max(1.0, float(np.abs(reference).max()))
    pending = []

    def send() -> Row:
        contents, mine = [], []
        for picture in pending:
            if len(contents) % EVERY == 0:
                contents.append(known)
            mine.append(len(contents))
            contents.append(picture.data)
        start = time.perf_counter()
        rows, valid = call(contents)
        took = time.perf_counter() - start
        neighbors = [row for row in range(len(contents)) if row not in mine]
        wrong = [row for row in neighbors if not valid[row] or not np.abs(rows[row] - reference).max() <= tolerance]
        embedded = [row for row in mine if valid[row]]
        if embedded:
            again = np.concatenate([call([contents[row]])[0] for row in embedded[:EVERY]])
            scale = max(1.0, float(np.abs(again).max()))
            alike = np.abs(again - rows[embedded[:EVERY]]).max(axis=1) <= 1e-5 * scale
            wrong += [row for row, same in zip(embedded, alike, strict=False) if not same]
        outcome = ["embedded" if valid[row] else "refused" for row in mine]
        broken = [p.name for p, o in zip(pending, outcome, strict=True) if p.expected not in ("either", o)]
        not_zero = [row for row in mine if not valid[row] and rows[row].any()]
        unlike, rounded = export.unlike([contents[row] for row in mine], rows[mine], valid[mine])
        kinds = [f"{picture.kind} {o}" for picture, o in zip(pending, outcome, strict=True)]
        return {
            "kinds": kinds,
            "broken": broken,
            "wrong": len(wrong) + len(not_zero),
            "unlike": unlike,
            "rounded": rounded,
            "neighbors": len(neighbors),
            "s": took,
        }

    for picture in mutated_images(count, seed):
        pending.append(picture)
        if len(pending) == BATCH:
            print(json.dumps(send()), flush=True)
            pending.clear()
    if pending:
        print(json.dumps(send()), flush=True)


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--saved_model", required=True)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        work(arguments.saved_model, arguments.count, arguments.seed)
        return
    command = [sys.executable, __file__, "--work", f"--saved_model={arguments.saved_model}"]
    command += [f"--count={arguments.count}", f"--seed={arguments.seed}"]
    worker = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    watched = psutil.Process(worker.pid)
    kinds: Counter[str] = Counter()
    broken: list[str] = []
    counts: Counter[str] = Counter()
    memory: list[float] = []
    slowest = 0.0
    assert worker.stdout is not None
    for line in worker.stdout:
        batch = json.loads(line)
        kinds.update(batch["kinds"])
        broken += batch["broken"]
        counts.update({name: batch[name] for name in ("wrong", "unlike", "rounded", "neighbors")})
        slowest = max(slowest, batch["s"])
        memory.append(watched.memory_info().rss / 2**20)
    code = worker.wait(HANG)
    for kind in sorted({name.split()[0] for name in kinds}):
        print(f"{kind:18} embedded {kinds[kind + ' embedded']:6}  refused {kinds[kind + ' refused']:6}")
    result = {
        "files": sum(kinds.values()),
        "exit_code": code,
        "against_expectation": broken,
        "wrong_rows": counts["wrong"],
        "unlike_python": counts["unlike"],
        "rounded_by_scaling": counts["rounded"],
        "good_neighbors": counts["neighbors"],
        "slowest_batch_s": slowest,
        "memory_first_mib": memory[0] if memory else 0.0,
        "memory_highest_mib": max(memory, default=0.0),
        "kinds": dict(kinds),
    }
    print({key: value for key, value in result.items() if key != "kinds"})
    write_json(arguments.json, result)
    if code or broken or counts["wrong"] or counts["unlike"] or sum(kinds.values()) != arguments.count:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
