"""Which operations of a SavedModel's graph do more than compute.

All are looked at: those of the main graph and of every function, called or not. TensorFlow itself adds two parts, which
save and restore the variables. What saves and restores is allowed there, and only there: nothing else may reach it.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from aag_tf.runs.allowed_operations import ALLOWED_OPERATIONS

SAVING = frozenset(("MergeV2Checkpoints", "Save", "SaveSlices", "SaveV2", "ShardedFilename", "ShardedFilespec"))
RESTORING = frozenset(("Restore", "RestoreSlice", "RestoreV2"))
PASSING_ON = frozenset(("Identity", "PlaceholderWithDefault"))


def other_operations(meta_graph: Any) -> set[str]:
    """Returns the operations of a graph that do more than compute, and are not those that restore its variables.

    Args:
        meta_graph: a `MetaGraphDef`.
    """
    return _Graph(meta_graph).other_operations()


class _Graph:
    def __init__(self, meta_graph: Any) -> None:
        self._nodes = {node.name: node for node in meta_graph.graph_def.node}
        self._functions = {each.signature.name: each.node_def for each in meta_graph.graph_def.library.function}
        # A model without objects, of TensorFlow 1, is restored by the part that restores; others need neither part.
        self._has_objects = bool(meta_graph.object_graph_def.nodes)
        self._named = list(_named_functions(meta_graph))
        saver = meta_graph.saver_def
        self._file_name = _node(saver.filename_tensor_name)
        run = self._needed_for(_outputs(meta_graph))
        self._restoring = self._needed_for([saver.restore_op_name]) - run
        self._saving = self._needed_for([saver.save_tensor_name]) - self._needed_for([saver.restore_op_name]) - run

    def other_operations(self) -> set[str]:
        found = {node.op for node in self._nodes.values() if not self._may_be(node)}
        saving, restoring, rest = self._functions_called()
        for name, nodes in self._functions.items():
            extra = SAVING if name in saving - restoring - rest else frozenset[str]()
            if self._has_objects and name in restoring - rest:
                extra |= RESTORING
            found |= {node.op for node in nodes} - ALLOWED_OPERATIONS - extra
        return found

    def _may_be(self, node: Any) -> bool:
        """Whether a node of the main graph computes, or belongs to the part that saves or restores."""
        if node.name in self._saving and node.op in SAVING:
            return True
        if node.name in self._restoring and node.op in RESTORING:
            return self._has_objects or self._reads_variables(node)
        return node.op in ALLOWED_OPERATIONS

    def _reads_variables(self, node: Any) -> bool:
        """Whether a node that restores reads the file that TensorFlow names, that of the variables, and no other."""
        name = _node(node.input[0]) if node.input else ""
        while name != self._file_name:
            source = self._nodes.get(name)
            if source is None or source.op not in PASSING_ON or not source.input:
                return False
            name = _node(source.input[0])
        return True

    def _functions_called(self) -> tuple[set[str], set[str], set[str]]:
        """Functions that are called by the part that saves, by the part that restores, and by the rest."""
        called: dict[str, list[str]] = {"saving": [], "restoring": [], "rest": self._named}
        for name, node in self._nodes.items():
            part = "saving" if name in self._saving else "restoring" if name in self._restoring else "rest"
            called[part].extend(_calls(node))
        saving, restoring, rest = (self._with_all_they_call(names) for names in called.values())
        return saving, restoring, rest

    def _with_all_they_call(self, names: Iterable[str]) -> set[str]:
        found: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name in self._functions and name not in found:
                found.add(name)
                waiting.extend(called for node in self._functions[name] for called in _calls(node))
        return found

    def _needed_for(self, outputs: Iterable[str]) -> set[str]:
        """Names of the nodes that run for the sake of some outputs."""
        found: set[str] = set()
        waiting = [_node(output) for output in outputs]
        while waiting:
            name = waiting.pop()
            if name in self._nodes and name not in found:
                found.add(name)
                waiting.extend(map(_node, self._nodes[name].input))
        return found


def _named_functions(meta_graph: Any) -> Iterator[str]:
    """Functions that objects have, and gradients, which are called by name."""
    objects, library = meta_graph.object_graph_def, meta_graph.graph_def.library
    yield from objects.concrete_functions
    for each in objects.nodes:
        yield each.bare_concrete_function.concrete_function_name
        yield from each.function.concrete_functions
    yield from (each.gradient_func for each in (*library.gradient, *library.registered_gradients))


def _outputs(meta_graph: Any) -> Iterator[str]:
    """What may be run: outputs of signatures, and what the collections name, among that the initialization."""
    for signature in meta_graph.signature_def.values():
        for output in signature.outputs.values():
            yield output.name
            sparse = output.coo_sparse
            yield from (sparse.values_tensor_name, sparse.indices_tensor_name, sparse.dense_shape_tensor_name)
            yield from (component.name for component in output.composite_tensor.components)
    for collection in meta_graph.collection_def.values():
        yield from collection.node_list.value


def _node(tensor: str) -> str:
    """Name of the node of a tensor, `name:0`, or of a control input, `^name`."""
    return tensor.removeprefix("^").partition(":")[0]


def _calls(node: Any) -> Iterator[str]:
    """Names of the functions that a node calls."""
    for value in node.attr.values():
        yield value.func.name
        yield from (function.name for function in value.list.func)
