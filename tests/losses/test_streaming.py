"""What the forms of the loss keep in memory, read from the traced graph."""

import math

import pytest
import tensorflow as tf

from aag_tf.losses import gnt_xent, streaming


def nodes(form, images, views):
    """Every node of value and gradient, those in the bodies of loops once."""

    @tf.function
    def value_and_gradient(projections):
        with tf.GradientTape() as tape:
            tape.watch(projections)
            loss = gnt_xent(projections, temperature=0.2, form=form)
        return loss, tape.gradient(loss, projections)

    traced = value_and_gradient.get_concrete_function(tf.TensorSpec([images, views, 4]))
    graph = traced.graph.as_graph_def(add_shapes=True)
    return [*graph.node, *(node for function in graph.library.function for node in function.node_def)]


def elements(form, images, views):
    """Numbers in all tensors of the graph together."""
    shapes = [shape for node in nodes(form, images, views) for shape in node.attr["_output_shapes"].list.shape]
    sizes = [[dimension.size for dimension in shape.dim] for shape in shapes]
    assert not any(shape.unknown_rank for shape in shapes)
    assert min(min(size, default=0) for size in sizes) >= 0  # -1 is unknown
    return sum(math.prod(size) for size in sizes)


def test_streaming_holds_less_than_the_similarities_and_dense_holds_them(monkeypatch):
    monkeypatch.setattr(streaming, "BLOCK_ELEMENTS", 2**15)
    images, views = 512, 2
    similarities = (images * views) ** 2  # 32 blocks
    assert elements("streaming", images, views) < similarities < elements("dense", images, views)


@pytest.mark.parametrize(("images", "form"), [(1365, "dense"), (1366, "streaming")])
def test_auto_is_dense_up_to_as_many_images_in_three_views_as_is_documented(images, form):
    operations = {name: sorted(node.op for node in nodes(name, images, 3)) for name in ("auto", "dense", "streaming")}
    assert operations["dense"] != operations["streaming"]
    assert operations["auto"] == operations[form]
