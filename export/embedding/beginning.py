"""Begins an output, or goes on with one that was begun."""

import contextlib
from collections.abc import Callable, Iterator

from aag_tf.config import InputConfig
from aag_tf.export.embedding.inputs import list_input, require_images
from aag_tf.export.embedding.manifest import Listing
from aag_tf.export.embedding.output_directory import AnyManifest, OutputDirectory
from aag_tf.utils.errors import AagError


@contextlib.contextmanager
def begun(
    output: OutputDirectory[AnyManifest],
    config: InputConfig,
    source: Listing,
    wanted: AnyManifest,
    require_same: Callable[[AnyManifest, AnyManifest], None],
) -> Iterator[AnyManifest]:
    """Locks a directory and gives the manifest of its listed input: that of an earlier run, or a new one.

    Args:
        output: the directory.
        config: whether an earlier run is continued or replaced.
        source: the images, not listed yet.
        wanted: the manifest of this run, whose input is not listed yet.
        require_same: raises `EmbeddingError` where this run may not continue another.

    Raises:
        EmbeddingError: the output may not be used or cannot be written, or as `require_same`.
        DataError: there are no images, or they cannot be listed.
    """
    with output.writing():
        with output.converting_os_errors():
            # Again under the lock, since another process may have written to the output until now.
            output.check(resume=config.resume, overwrite=config.overwrite)
            if config.overwrite:
                require_images(source)
                output.clear()
            output.fetch()
            output.remove_leftovers()
            manifest = _begin(output, wanted, require_same)
        yield manifest


def _begin(
    output: OutputDirectory[AnyManifest],
    wanted: AnyManifest,
    require_same: Callable[[AnyManifest, AnyManifest], None],
) -> AnyManifest:
    if output.manifest.exists():
        manifest = output.read_manifest()
        require_same(wanted, manifest)
        if manifest.is_listed:
            return manifest
    output.write_manifest(wanted)  # before the list, so that a run that is killed meanwhile can be resumed
    try:
        manifest = wanted.listing(list_input(wanted.input, output.path))
    except AagError:
        output.clear()  # so that the next run needs no --overwrite
        raise
    output.write_manifest(manifest)
    return manifest
