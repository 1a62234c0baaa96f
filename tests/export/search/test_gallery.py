"""The page: pictures inside it, nothing loaded, nothing executed, and no file of somebody else replaced."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin
from small_pictures import save_picture

from aag_tf.export.embedding.items import Item
from aag_tf.export.search.gallery import Entry, Section, write_gallery
from aag_tf.preflight.search import check_gallery
from aag_tf.utils.errors import EmbeddingError

NASTY = '<script>alert("1")</script>&\'$title'


def item(path):
    return Item(path.name, lambda: path.open("rb"))


def test_shows_the_pictures_themselves_and_escapes_what_strangers_wrote(tmp_path):
    pixels = save_picture(tmp_path / "a.png", 3)
    save_picture(tmp_path / "large.png", 4, side=400)
    (tmp_path / "broken.png").write_bytes(b"<b>")
    found = [Entry(NASTY, "0.9000", item(tmp_path / name)) for name in ("a.png", "large.png", "broken.png")]
    path = write_gallery(str(tmp_path / "g.html"), NASTY, NASTY, [Section(found, Entry("q", "query", None), NASTY)])
    page = path.read_text()
    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#x27;$title") == 7
    assert "the picture is gone" in page
    assert "which is not read" in page
    assert "default-src 'none'" in page
    assert not re.search(r"(src|href)=\"(?!data:image/png;base64,)", page)
    images = [Image.open(io.BytesIO(base64.b64decode(data))) for data in re.findall(r"base64,([^\"]+)\"", page)]
    assert [image.size for image in images] == [(8, 8), (160, 160)]
    np.testing.assert_array_equal(np.asarray(images[0].convert("L")), pixels[..., 0])


def test_only_an_earlier_gallery_is_replaced(tmp_path):
    gallery = tmp_path / "g.html"
    check_gallery(str(gallery))
    write_gallery(str(gallery), "first", "", [])
    check_gallery(str(gallery))
    gallery.write_text("<html>my home page</html>")
    with pytest.raises(EmbeddingError, match="aag-search did not write"):
        check_gallery(str(gallery))
    with pytest.raises(EmbeddingError, match="cannot be written"):
        check_gallery(str(tmp_path / "missing" / "g.html"))


def test_a_color_profile_that_is_none_costs_no_picture(tmp_path):
    directory = TiffImagePlugin.ImageFileDirectory_v2()
    directory[34675] = "no profile at all"
    directory.tagtype[34675] = 2  # text
    Image.new("L", (8, 8), 7).save(tmp_path / "a.tiff", tiffinfo=directory)
    found = [Entry("a", "", item(tmp_path / "a.tiff"))]
    page = write_gallery(str(tmp_path / "g.html"), "", "", [Section(found)]).read_text()
    assert page.count("data:image/png") == 1
