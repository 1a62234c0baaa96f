"""Embed images with an Apache Beam pipeline, where one machine is not enough: on Dataflow, Flink or Spark.

  python -m aag_tf.export.beam --saved_model=served/mine --input=my_images --output=embedded/beam/part
  python -m aag_tf.export.beam --saved_model=/models/mine/1 --input=gs://bucket/images --output=gs://bucket/out/part \\
      --runner=DataflowRunner --project=... --region=... --temp_location=gs://bucket/tmp

Makes: OUTPUT-*.parquet with the columns of aag-embed (path, embedding, ok, error), in no particular order. Options that
are not listed here go to Beam. Workers need `pip install 'aag-tf[beam]'` and the encoder at the same path.
"""

import argparse
import os
import posixpath
import sys
from collections.abc import Sequence
from typing import Any

from aag_tf.config import EMBEDDING_DTYPES
from aag_tf.data.layouts.links import Links
from aag_tf.runs import exported
from aag_tf.runs.export_directory import version_directory
from aag_tf.utils import terminal
from aag_tf.utils.errors import AagError, EmbeddingError
from aag_tf.utils.paths import user_path
from aag_tf.utils.text import printable


def main(argv: Sequence[str] | None = None) -> int:
    """Builds and runs the pipeline; returns 0, or the exit code of an error that is printed in one sentence."""
    options, for_beam = _parser().parse_known_args(argv)
    try:
        _run(options, for_beam)
    except AagError as error:
        terminal.write(f"aag_tf.export.beam: {error}")
        return error.exit_code
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--saved_model", required=True, help="the encoder: a directory that aag-export wrote")
    parser.add_argument(
        "--trust_model", action="store_true", help="load the encoder even if it can do more than compute"
    )
    parser.add_argument("--input", required=True, help="a folder on any file system of Beam, or list:FILE of paths")
    parser.add_argument("--output", required=True, help="path that the names of the Parquet files begin with")
    parser.add_argument("--batch_size", type=int, default=256, help="largest number of images embedded at once")
    parser.add_argument("--normalize", action="store_true", help="scale every embedding to length 1")
    parser.add_argument("--follow_symlinks", action="store_true", help="follow links that lead out of a local folder")
    parser.add_argument("--dtype", choices=EMBEDDING_DTYPES, default="float32", help="numbers of the embeddings")
    return parser


def _run(options: argparse.Namespace, for_beam: Sequence[str]) -> None:
    try:
        import apache_beam as beam
        from apache_beam.options.pipeline_options import PipelineOptions
    except ImportError as error:
        raise EmbeddingError("Apache Beam is not installed: pip install 'aag-tf[beam]'.") from error
    from aag_tf.export.embedding import shards
    from aag_tf.export.embedding.pipeline import EmbedImages
    from aag_tf.runs.model_loading import check_computes_only

    directory = version_directory(options.saved_model).absolute()
    metadata = exported.read_metadata(directory)
    if not options.trust_model:
        check_computes_only(directory)  # here, and not first on the workers
    embed = EmbedImages(
        str(directory),
        metadata.record.image_shape,
        reading=metadata.record.reading,
        batch_size=options.batch_size,
        normalize=options.normalize,
        dtype=options.dtype,
        trust_model=options.trust_model,
    )
    with beam.Pipeline(options=PipelineOptions(list(for_beam))) as pipeline:
        rows = _named_files(pipeline, options.input, Links(options.follow_symlinks)) | "Embed images" >> embed
        columns = shards.schema(options.dtype)
        output = options.output if "://" in options.output else str(user_path(options.output))
        _ = rows | "Write" >> beam.io.WriteToParquet(output, columns, file_name_suffix=".parquet")


def _named_files(pipeline: Any, source: str, links: Links) -> Any:
    """Returns (name, path) of every image file, named as `aag-embed` names it.

    Raises:
        EmbeddingError: it is neither a folder nor a list, or Beam would take its name for a pattern.
    """
    import apache_beam as beam
    from apache_beam.io import fileio

    from aag_tf.data.layouts.walking import walk_pictures

    scheme, _, rest = source.partition(":")
    if scheme in ("tfds", "tfrecord"):
        raise EmbeddingError(f"--input={source} is for aag-embed; give a folder, or list:FILE of paths.")
    if scheme == "list":
        path = rest if "://" in rest else str(user_path(rest).absolute())
        lines = pipeline | "Read list" >> beam.io.ReadFromText(path)
        return lines | "Skip empty lines" >> beam.Filter(bool) | "Name" >> beam.Map(lambda path: (path, path))
    root = (rest if scheme == "folder" else source).rstrip("/")
    if "://" not in root:
        # Not by Beam, which follows no links and takes brackets for a pattern.
        folder = user_path(root).absolute()
        if not folder.is_dir():
            raise EmbeddingError(f"--input={source} is not a folder; name one, or list:FILE for a list of paths.")
        # As bytes, since Beam sends text as UTF-8, and a file name may be other bytes.
        found = [(printable(name), os.fsencode(folder / name)) for name in walk_pictures(folder, links)]
        if not found:
            raise EmbeddingError(f"{folder} holds no images, so there is nothing to embed; name another --input.")
        return pipeline | "Name" >> beam.Create(found) | "Spread" >> beam.Reshuffle()
    if set(root) & set("[*?"):
        raise EmbeddingError(
            f"--input={source}: Beam takes [, * and ? for patterns; rename the folder, or give a list."
        )
    nothing_found = fileio.EmptyMatchTreatment.DISALLOW
    files = pipeline | "Find" >> fileio.MatchFiles(posixpath.join(root, "**"), empty_match_treatment=nothing_found)
    named = files | "Name" >> beam.Map(lambda file: (posixpath.relpath(file.path, root), file.path))
    return named | "Only images" >> beam.Filter(lambda pair: _is_image(pair[0])) | "Spread" >> beam.Reshuffle()


def _is_image(name: str) -> bool:
    from aag_tf.data.files.pictures import is_picture
    from aag_tf.data.layouts.walking import is_visible

    *folders, file = name.split("/")
    return is_picture(file) and all(map(is_visible, folders))


if __name__ == "__main__":
    from aag_tf.export import beam as module  # by its name, so that workers find its functions

    sys.exit(module.main())
