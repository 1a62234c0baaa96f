"""The encoder in other runtimes: ONNX Runtime, OpenVINO and LiteRT, each behind an extra of its own.

What is converted is `serving_default`: uint8 images in, embeddings out. Picture files are decoded by TensorFlow alone.
"""

import dataclasses
import importlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from aag_tf.runs.exported import INPUT, OUTPUT, SIGNATURE
from aag_tf.utils.errors import ExportError

Embed = Callable[[np.ndarray], np.ndarray]

ONNX_OPSET = 17


@dataclasses.dataclass(frozen=True)
class Runtime:
    """One other way to run an encoder.

    Args:
        packages: modules that must be importable, which `pip install 'aag-tf[<name>]'` brings.
        file: where a version directory keeps the converted encoder.
        convert: SavedModel directory and file to write.
        load: file to a function of uint8 images [b, h, w, c], b at least 1, that gives float32 [b, dim].
    """

    packages: tuple[str, ...]
    file: str
    convert: Callable[[Path, Path], None]
    load: Callable[[Path], Embed]


def convert(name: str, directory: Path) -> Path:
    """Converts the SavedModel in `directory` for a runtime, and puts the result into it.

    Returns:
        The file that the runtime loads.

    Raises:
        ExportError: the runtime's packages are missing, or it does not take this encoder.
    """
    runtime = RUNTIMES[name]
    check_installed(name)
    file = directory / runtime.file
    file.parent.mkdir()
    try:
        runtime.convert(directory, file)
    except Exception as error:  # converters raise whatever they stumble over
        first_line = (str(error).splitlines() or [""])[0]
        raise ExportError(
            f"this encoder cannot be converted for {name} ({type(error).__name__}: {first_line}); leave {name} out of "
            "--formats."
        ) from error
    return file


def load_runtime(name: str, file: str | Path) -> Embed:
    """A converted encoder as a function: uint8 images [b, h, w, c], b at least 1, to float32 [b, dim], on the CPU.

    Raises:
        ExportError: the runtime's packages are missing.
    """
    check_installed(name)
    return RUNTIMES[name].load(Path(file))


def check_installed(name: str) -> None:
    """Refuses a runtime whose packages cannot be imported.

    Raises:
        ExportError: naming what to install.
    """
    for package in RUNTIMES[name].packages:
        try:
            importlib.import_module(package)
        except ImportError as error:
            raise ExportError(
                f"--formats={name} needs the package {package} ({error}); install it with pip install 'aag-tf[{name}]'."
            ) from error


def _to_onnx(directory: Path, file: Path) -> None:
    import tf2onnx

    loaded = tf.saved_model.load(directory)  # owns the variables, hence kept
    signature = loaded.signatures[SIGNATURE]
    (images,) = signature.structured_input_signature[1].values()
    serve = tf.function(lambda images: signature(**{INPUT: images}), input_signature=[images])
    tf2onnx.convert.from_function(serve, input_signature=[images], opset=ONNX_OPSET, output_path=str(file))


def _onnx(file: Path) -> Embed:
    import onnxruntime

    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    (images,) = session.get_inputs()
    return lambda batch: session.run([OUTPUT], {images.name: batch})[0]


def _to_openvino(directory: Path, file: Path) -> None:
    import openvino

    # Not compressed to float16, which it would be by default.
    openvino.save_model(openvino.convert_model(directory), file, compress_to_fp16=False)


def _openvino(file: Path) -> Embed:
    import openvino

    # Some CPUs would compute in bfloat16 without being asked.
    compiled = openvino.Core().compile_model(file, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    output = compiled.output(OUTPUT)
    return lambda batch: compiled(batch)[output]


def _to_litert(directory: Path, file: Path) -> None:
    converter = tf.lite.TFLiteConverter.from_saved_model(str(directory), signature_keys=[SIGNATURE])
    file.write_bytes(converter.convert())


def _litert(file: Path) -> Embed:
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(model_path=str(file)).get_signature_runner(SIGNATURE)
    return lambda batch: runner(**{INPUT: batch})[OUTPUT]


RUNTIMES: dict[str, Runtime] = {
    "onnx": Runtime(("tf2onnx", "onnxruntime"), "onnx/model.onnx", _to_onnx, _onnx),
    "openvino": Runtime(("openvino",), "openvino/model.xml", _to_openvino, _openvino),
    "litert": Runtime(("ai_edge_litert",), "litert/model.tflite", _to_litert, _litert),
}
