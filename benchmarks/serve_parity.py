"""Parity: the embeddings of real test images through every way into an export, against the trained encoder's.

    aag-export --run_dir=runs/cifar10 --export_dir=served/cifar10 --formats=onnx,openvino,litert
    python benchmarks/serve_parity.py --run_dir=runs/cifar10 --saved_model=served/cifar10 --json=parity.json

A few minutes on two CPU cores. `--kserve_python` names the interpreter of an environment with `aag-tf[kserve]`; ways
that are not installed are left out and said so. A difference is a share of the largest number in the embeddings.
"""

from pathlib import Path
from typing import Any

import numpy as np
from rows import argument_parser, write_json
from ways_in import bare, open_inference, saved_model_cli, ways_in, without_keras

from aag_tf.data import open_source
from aag_tf.runs.exported import load_saved_model
from aag_tf.runs.run import load_run

TOLERANCE = 1e-5
BATCH = 100


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--run_dir", required=True)
    parser.add_argument("--saved_model", required=True)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--kserve_python")
    arguments = parser.parse_args()

    run = load_run(arguments.run_dir)
    saved_model = load_saved_model(arguments.saved_model).path
    test = open_source(run.config.data).test
    assert test is not None
    images = test.images.numpy(np.arange(min(arguments.images, len(test.images))))
    expected = in_batches(bare(run.encoder, run.image_shape), images)
    largest = float(np.abs(expected).max())
    print(f"{len(images)} test images of {run.config.data.dataset}, embeddings up to {largest:.3g}")
    ways = {"a process without Keras": without_keras, "saved_model_cli": saved_model_cli}
    if arguments.kserve_python:
        ways["gRPC, KServe, Open Inference"] = open_inference(arguments.kserve_python)
    rows: list[dict[str, Any]] = []
    for name, way in (ways | ways_in(arguments.kserve_python)).items():
        with way(Path(saved_model)) as embed:
            whole = name in ways  # a process each
            got = embed(images) if whole else in_batches(embed, images)
        difference = float(np.abs(got - expected).max()) / largest
        rows.append({"way": name, "images": len(images), "difference": difference, "same": difference <= TOLERANCE})
        print(f"{name:36} {difference:.1e}  {'ok' if difference <= TOLERANCE else 'DIFFERS'}", flush=True)
        write_json(arguments.json, rows)
    if not all(row["same"] for row in rows):
        raise SystemExit(1)


def in_batches(embed: Any, images: np.ndarray) -> np.ndarray:
    return np.concatenate([embed(images[start : start + BATCH]) for start in range(0, len(images), BATCH)])


if __name__ == "__main__":
    main()
