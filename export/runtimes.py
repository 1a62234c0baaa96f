"""The encoder for other programs: Keras alone, and ONNX Runtime, OpenVINO and LiteRT, each behind an extra of its own.

Only what `serving_default` does is converted: images to embeddings. Picture files are decoded by TensorFlow alone.
"""

import dataclasses
import importlib
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from aag_tf.encoders.plain import plain_encoder
from aag_tf.runs.exported import INPUT, OUTPUT, SIGNATURE
from aag_tf.utils.errors import ExportError
from aag_tf.utils.literal import literal

Embed = Callable[[np.ndarray], np.ndarray]

ONNX_OPSET = 17


@dataclasses.dataclass(frozen=True)
class Runtime:
    """A program other than TensorFlow that computes embeddings.

    Args:
        packages: modules of an extra that must be importable; `pip install 'aag-tf[<name>]'` installs them.
        file: of the converted encoder, relative to the version directory.
        convert: makes the file from the SavedModel of a directory or from the encoder in it.
        load: loads the file as a function from uint8 images [b, h, w, c], b at least 1, to float32 [b, dim].
    """

    packages: tuple[str, ...]
    file: str
    convert: Callable[[Path, keras.Model, Path], None]
    load: Callable[[Path], Embed]


def convert(name: str, directory: Path, encoder: keras.Model) -> Path:
    """Converts the encoder of a version directory for a runtime; the result goes into the same directory.

    Args:
        name: key of `RUNTIMES`.
        directory: with the SavedModel.
        encoder: the network in it.

    Returns:
        The file that the runtime loads.

    Raises:
        ExportError: the runtime's packages are missing, or its converter fails.
    """
    runtime = RUNTIMES[name]
    check_installed(name)
    file = directory / runtime.file
    file.parent.mkdir()
    try:
        with literal(directory) as readable:
            runtime.convert(readable, encoder, readable / runtime.file)
    except Exception as error:  # converters raise classes of their own
        first_line = (str(error).splitlines() or [""])[0]
        raise ExportError(
            f"this encoder cannot be converted for {name} ({type(error).__name__}: {first_line}); leave {name} out of "
            "--formats."
        ) from error
    return file


def load_runtime(name: str, file: str | Path) -> Embed:
    """Loads a converted encoder on the CPU: uint8 images [b, h, w, c], b at least 1, to float32 [b, dim].

    Raises:
        ExportError: the runtime's packages are missing.
    """
    check_installed(name)
    path = Path(file)
    with literal(path.parent) as readable:
        return RUNTIMES[name].load(readable / path.name)


def check_installed(name: str) -> None:
    """Imports the packages of a runtime.

    Raises:
        ExportError: one is missing; the message says what to install.
    """
    for package in RUNTIMES[name].packages:
        try:
            importlib.import_module(package)
        except ImportError as error:
            raise ExportError(
                f"--formats={name} needs the package {package} ({error}); install it with pip install 'aag-tf[{name}]'."
            ) from error


def _to_keras(_: Path, encoder: keras.Model, file: Path) -> None:
    plain = plain_encoder(encoder)
    plain.save(file)
    plain.save_weights(file.with_suffix(".weights.h5"))


def _keras(file: Path) -> Embed:
    model = keras.models.load_model(file, compile=False, safe_mode=True)

    def embed(images: np.ndarray) -> np.ndarray:
        with tf.device("/CPU:0"):
            return keras.ops.convert_to_numpy(model(images, training=False))

    return embed


def _to_onnx(directory: Path, _: keras.Model, file: Path) -> None:
    import tf2onnx

    loaded = tf.saved_model.load(directory)  # it owns the variables, so it must outlive the conversion
    signature = loaded.signatures[SIGNATURE]
    (images,) = signature.structured_input_signature[1].values()
    serve = tf.function(lambda images: signature(**{INPUT: images}), input_signature=[images], autograph=False)
    tf2onnx.convert.from_function(serve, input_signature=[images], opset=ONNX_OPSET, output_path=str(file))


def _onnx(file: Path) -> Embed:
    import onnxruntime

    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    (images,) = session.get_inputs()
    return lambda batch: session.run([OUTPUT], {images.name: batch})[0]


def _to_openvino(directory: Path, _: keras.Model, file: Path) -> None:
    import openvino

    # The default would compress to float16.
    openvino.save_model(openvino.convert_model(directory), file, compress_to_fp16=False)


def _openvino(file: Path) -> Embed:
    import openvino

    # On some CPUs the default is bfloat16.
    compiled = openvino.Core().compile_model(file, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    output = compiled.output(OUTPUT)
    return lambda batch: compiled(batch)[output]


def _to_litert(directory: Path, _: keras.Model, file: Path) -> None:
    converter = tf.lite.TFLiteConverter.from_saved_model(str(directory), signature_keys=[SIGNATURE])
    file.write_bytes(converter.convert())


def _litert(file: Path) -> Embed:
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(model_path=str(file)).get_signature_runner(SIGNATURE)
    return lambda batch: runner(**{INPUT: batch})[OUTPUT]


RUNTIMES: dict[str, Runtime] = {
    "keras": Runtime((), "keras/encoder.keras", _to_keras, _keras),
    "onnx": Runtime(("tf2onnx", "onnxruntime"), "onnx/model.onnx", _to_onnx, _onnx),
    "openvino": Runtime(("openvino",), "openvino/model.xml", _to_openvino, _openvino),
    "litert": Runtime(("ai_edge_litert",), "litert/model.tflite", _to_litert, _litert),
}
