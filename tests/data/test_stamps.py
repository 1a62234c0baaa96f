"""The state of a file is its size and its time; of an image inside an archive, its own size and the archive's time."""

import os

from aag_tf.data.files.stamps import stamp_of
from aag_tf.data.files.tar_members import TarMember


def test_a_file_and_an_image_inside_an_archive(tmp_path):
    archive = tmp_path / "shard.tar"
    archive.write_bytes(bytes(1000))
    os.utime(archive, ns=(0, 123_456_789))
    assert stamp_of(archive) == stamp_of(str(archive)) == (1000, 123_456_789)
    assert stamp_of(TarMember(str(archive), "000.png", 512, 30)) == (30, 123_456_789)


def test_a_file_that_is_missing_and_a_name_that_no_file_can_have(tmp_path):
    assert stamp_of(tmp_path / "none.png") is None
    assert stamp_of(TarMember(str(tmp_path / "none.tar"), "000.png", 0, 1)) is None
    assert stamp_of("a\0b.png") is None
