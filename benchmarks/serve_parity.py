"""Parity: compares the embeddings of real test images from every client of an export with the trained encoder's.

    aag-export --run_dir=runs/cifar10 --export_dir=served/cifar10 --formats=onnx,openvino,litert
    python benchmarks/serve_parity.py --run_dir=runs/cifar10 --saved_model=served/cifar10 --json=parity.json

Takes a few minutes on two CPU cores. Clients that are not installed are listed and left out. A difference is relative
to the largest absolute value in the embeddings.
"""

import numpy as np
from benchmark_tools import Row, write_json
from ways_in import Embed, open_exported, open_inference, parser_of, saved_model_cli, ways_in, without_keras

TOLERANCE = 1e-5
BATCH = 100


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--images", type=int, default=1000)
    arguments = parser.parse_args()

    exported = open_exported(arguments)
    test = exported.source.test
    assert test is not None
    images = test.images.numpy(np.arange(min(arguments.images, len(test.images))))
    expected = in_batches(exported.encoder, images)
    largest = float(np.abs(expected).max())
    print(f"{len(images)} test images of {exported.source.name}, embeddings up to {largest:.3g}")
    ways = {"a process without Keras": without_keras, "saved_model_cli": saved_model_cli}
    if arguments.kserve_python:
        ways["gRPC, KServe, Open Inference"] = open_inference(arguments.kserve_python)
    rows: list[Row] = []
    for name, way in (ways | ways_in(arguments.kserve_python)).items():
        with way(exported.saved_model) as embed:
            # The first ones start a process for each call.
            got = embed(images) if name in ways else in_batches(embed, images)
        difference = float(np.abs(got - expected).max()) / largest
        rows.append({"way": name, "images": len(images), "difference": difference, "same": difference <= TOLERANCE})
        print(f"{name:36} {difference:.1e}  {'ok' if difference <= TOLERANCE else 'DIFFERS'}", flush=True)
        write_json(arguments.json, rows)
    if not all(row["same"] for row in rows):
        raise SystemExit(1)


def in_batches(embed: Embed, images: np.ndarray) -> np.ndarray:
    return np.concatenate([embed(images[start : start + BATCH]) for start in range(0, len(images), BATCH)])


if __name__ == "__main__":
    main()
