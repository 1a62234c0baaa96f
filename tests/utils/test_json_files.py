import pytest

from aag_tf.utils.json_files import read_json_object


@pytest.mark.parametrize(
    ("content", "message"),
    [("[1]", "holds no object"), ('{"a": 1}', "has no 'b'"), ("[" * 100_000, "too deeply"), ("{", "Expecting")],
)
def test_json_of_anybody_is_an_object_or_said_not_to_be(tmp_path, content, message):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(ValueError, match=message):
        read_json_object(tmp_path / "a.json", "a", "b")
