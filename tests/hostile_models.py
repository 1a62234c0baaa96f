"""SavedModels that map images to vectors and do something else besides, each built as an attacker would build it."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

SHAPE = (8, 8, 1)
DIM = 5
SECRET = b"a secret"


class Places:
    """The files of an attack.

    Args:
        folder: where they are.
    """

    def __init__(self, folder: Path) -> None:
        self.secret, self.written, self.model = folder / "secret.txt", folder / "written", folder / "model"
        self.folder = folder
        self.secret.write_bytes(SECRET)

    def _others(self) -> list[Path]:
        return [each for each in self.folder.iterdir() if each.name not in ("secret.txt", "model")]

    def touched(self) -> bool:
        """Whether the attack wrote anything."""
        return bool(self._others())

    def clear(self) -> None:
        """Deletes what was written while the attack was built."""
        for each in self._others():
            shutil.rmtree(each) if each.is_dir() else each.unlink()


def vectors(images: tf.Tensor, *, besides: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
    """A vector for each image: its first pixels, and the number `besides` at its end."""
    count = tf.shape(images)[0]
    last = tf.zeros([count, 1]) if besides is None else tf.fill([count, 1], tf.cast(besides, tf.float32))
    return {"embedding": tf.concat([tf.cast(images[:, 0, : DIM - 1, 0], tf.float32), last], axis=1)}


def save(places: Places, besides: Callable[[], Any], *, module: tf.Module | None = None) -> None:
    """Saves a model whose signature also does `besides`, which may return a number."""

    def embed(images: tf.Tensor) -> dict[str, tf.Tensor]:
        done = besides()
        needed = [] if done is None else [done]
        with tf.control_dependencies(needed):
            number = done if isinstance(done, tf.Tensor) and done.dtype.is_numeric and done.shape.rank == 0 else None
            return vectors(images, besides=number)

    module = tf.Module() if module is None else module
    signature = tf.function(embed, input_signature=[tf.TensorSpec([None, *SHAPE], tf.uint8, name="images")])
    module.embed = signature
    tf.saved_model.save(module, str(places.model), signatures={"serving_default": signature})


def write(places: Places) -> Any:
    return tf.io.write_file(str(places.written), "x")


def in_a_loop(act: Callable[[], Any]) -> Any:
    def body(step: tf.Tensor) -> list[tf.Tensor]:
        with tf.control_dependencies([act()]):
            return [step + 1]

    return tf.while_loop(lambda step: step < 1, body, [tf.constant(0)])[0]


def in_a_data_set(act: Callable[[], Any]) -> tf.Tensor:
    def step(number: tf.Tensor) -> tf.Tensor:
        with tf.control_dependencies([act()]):
            return tf.identity(number)

    return tf.data.Dataset.range(1).map(step).reduce(np.int64(0), lambda state, value: state + value)


def counted(dataset: tf.data.Dataset) -> tf.Tensor:
    return dataset.reduce(np.int64(0), lambda state, value: state + 1)


def hidden_in_a_string(places: Places) -> tf.Tensor:
    """A data set that another graph makes, which is a constant text of this one."""
    with tf.init_scope():
        hidden = tf.data.Dataset.range(1).cache(str(places.written))
        graph = tf.raw_ops.DatasetToGraphV2(input_dataset=hidden._variant_tensor).numpy()
    # Not a constant to TensorFlow, which would try to make the data set while it optimizes.
    variant = tf.raw_ops.DatasetFromGraph(graph_def=tf.where(tf.random.uniform([]) < 2, graph, b""))
    return counted(tf.data.experimental.from_variant(variant, tf.TensorSpec([], tf.int64)))


def python_function() -> tf.Tensor:
    return tf.numpy_function(lambda: np.float32(1), [], tf.float32, stateful=False)


class WritesAtLoad(tf.saved_model.experimental.TrackableResource):
    """Writes a file when it is initialized, which TensorFlow does as it loads the model."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = str(path)

    def _create_resource(self) -> tf.Tensor:
        return tf.raw_ops.MutableHashTableV2(key_dtype=tf.string, value_dtype=tf.int64)

    def _initialize(self) -> None:
        tf.io.write_file(self.path, "x")


def at_load(places: Places) -> None:
    module = tf.Module()
    module.resource = WritesAtLoad(places.written)
    save(places, lambda: None, module=module)


def table_from_a_file(places: Places) -> None:
    module = tf.Module()
    reader = tf.lookup.TextFileInitializer(
        str(places.secret), tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER
    )
    module.table = tf.lookup.StaticHashTable(reader, -1)
    save(places, lambda: module.table.lookup(tf.constant(SECRET.decode())), module=module)


def of_tensorflow_1(places: Places, act: Callable[[], tf.Operation] | None = None, where: str = "") -> None:
    """A model without objects; what `act` makes runs when it is loaded: in its `init` or with its `restore`."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        images = tf.compat.v1.placeholder(tf.uint8, [None, *SHAPE], name="images")
        weight = tf.compat.v1.get_variable("weight", [], initializer=tf.compat.v1.ones_initializer())
        outputs = vectors(images, besides=weight)
        done = None if act is None else act()
        session.run(tf.compat.v1.global_variables_initializer())
        first = done if where == "init" else None
        tf.compat.v1.saved_model.simple_save(session, str(places.model), {"images": images}, outputs, first)

    def add_to_restoring(meta_graph: Any) -> None:
        name = meta_graph.saver_def.restore_op_name
        restoring = next(node for node in meta_graph.graph_def.node if node.name == name)
        restoring.input.append(f"^{done.name}")

    if where == "restore":
        edit(places.model, add_to_restoring)


def restored_from_another_file(places: Places) -> None:
    """A model of TensorFlow 1 whose variables come from a file elsewhere."""
    of_tensorflow_1(places)

    def name_another_file(meta_graph: Any) -> None:
        nodes = meta_graph.graph_def.node
        other = nodes.add(name="other", op="Const")
        other.attr["dtype"].type = tf.string.as_datatype_enum
        other.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(str(places.secret)))
        for node in nodes:
            if node.op == "RestoreV2":
                node.input[0] = "other"

    edit(places.model, name_another_file)


def saved_by_a_signature(places: Places) -> None:
    """Says that the part of the graph which saves variables is the signature itself."""

    def act() -> tf.Operation:
        return tf.raw_ops.SaveV2(
            prefix=str(places.written), tensor_names=["a"], shape_and_slices=[""], tensors=[tf.constant(1.0)]
        )

    save(places, act)

    def claim(meta_graph: Any) -> None:
        meta_graph.saver_def.save_tensor_name = meta_graph.signature_def["serving_default"].outputs["embedding"].name

    edit(places.model, claim)


def edit(model: Path, change: Callable[[Any], None]) -> None:
    """Changes the graph of a SavedModel by hand."""
    file = model / "saved_model.pb"
    content = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    change(content.meta_graphs[0])
    file.write_bytes(content.SerializeToString())
