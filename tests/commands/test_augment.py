"""`aag-augment`: a sheet of the right columns, from the run's own branches, that destroys nothing."""

import numpy as np
import pytest
from PIL import Image

from aag_tf.augment import contact_sheet
from aag_tf.commands import augment as command
from aag_tf.config import AugmentConfig, ContactSheetConfig
from aag_tf.data import ArrayImages
from aag_tf.utils.errors import ConfigError, DataError

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 1), np.uint8)


def columns(images=IMAGES, **settings):
    augment = AugmentConfig(**settings.pop("augment", {}))
    config = ContactSheetConfig(augment=augment, **settings)
    return contact_sheet.draw_columns(config, ArrayImages(images), range(len(images)))


def test_the_command_writes_a_picture(tmp_path, capsys):
    out = tmp_path / "views.png"
    assert command.main(["aag-augment", f"--out={out}", "--images=3", "--strengths=0.5,1"]) == 0
    assert str(out) in capsys.readouterr().out
    sheet = np.asarray(Image.open(out))
    # Digits of 8 pixels are magnified 12 times; 3 rows, 5 columns, gaps of 2 pixels, and a strip of headings.
    assert sheet.shape[1:] == ((5 * 10 + 2) * 12, 3)
    assert sheet.shape[0] > (3 * 10 + 2) * 12
    assert [path.name for path in tmp_path.iterdir()] == ["views.png"]


def test_columns_are_named_and_strengths_share_their_numbers():
    views, headings = columns(strengths="0,1,1.0", augment={"aux": "cutout", "aux_views": 2, "flip": False})
    assert headings == ["original", "main", "main", *["cutout 0"] * 2, *["cutout 1"] * 4]
    assert views.shape == (3, 8, 8, 8, 1)
    np.testing.assert_array_equal(views[:, 4:6], views[:, 6:8])
    assert np.abs(views[:, 2:4] - views[:, 4:6]).mean() > 1  # at strength 0 and at 1
    assert np.abs(views[:, 0] - views[:, 1]).mean() > 1  # two main views are two


@pytest.mark.parametrize(("aux", "names"), [("none", []), ("main", ["main"])])
def test_without_an_auxiliary_branch_there_are_no_strengths(aux, names):
    views, headings = columns(augment={"aux": aux})
    assert headings == ["original", "main", "main", *names]
    assert views.shape[1] == 2 + len(names)


def test_strengths_by_default_surround_that_of_the_branch():
    assert ContactSheetConfig().strength_values == (0.5, 1.0, 2.0)
    assert ContactSheetConfig(augment=AugmentConfig(aux_strength=1.5)).strength_values == (0.75, 1.5, 2.0)
    assert ContactSheetConfig(augment=AugmentConfig(aux_strength=0.0)).strength_values == (0.0,)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"out": "views.jpg"}, "--out=views.jpg is no PNG file"),
        ({"images": 0}, "--images=0 is out of range"),
        ({"strengths": "1,3"}, "--strengths=3 is out of range; it must be 0 to 2"),
        ({"strengths": ""}, "--strengths is empty"),
        ({"strengths": "1,1,1,1,1,1,1"}, "too many"),
    ],
)
def test_settings_that_are_refused(settings, sentence):
    with pytest.raises(ConfigError, match=sentence):
        ContactSheetConfig(**settings)


def test_a_file_that_exists_is_kept_unless_it_may_be_replaced(tmp_path):
    out = tmp_path / "views.png"
    out.write_text("precious")
    with pytest.raises(ConfigError, match="add --overwrite"):
        contact_sheet.write_contact_sheet(ContactSheetConfig(out=str(out)))
    assert out.read_text() == "precious"
    contact_sheet.write_contact_sheet(
        ContactSheetConfig(out=str(out), images=1, overwrite=True, augment=AugmentConfig(aux="none"))
    )
    assert out.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ConfigError, match="directory that does not exist"):
        contact_sheet.write_contact_sheet(ContactSheetConfig(out=str(tmp_path / "nowhere" / "views.png")))


def test_a_data_set_that_is_not_there_leaves_nothing(tmp_path):
    from aag_tf.config import DataConfig

    config = ContactSheetConfig(out=str(tmp_path / "views.png"), data=DataConfig(dataset="folder:/nowhere/at/all"))
    with pytest.raises(DataError):
        contact_sheet.write_contact_sheet(config)
    assert not list(tmp_path.iterdir())


def test_several_strengths_give_no_warning_of_tensorflow(caplog):
    columns()
    assert [record.getMessage() for record in caplog.records if record.name == "tensorflow"] == []
