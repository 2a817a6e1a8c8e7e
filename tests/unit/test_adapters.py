"""PIL images, NumPy arrays and tensors come back as the same kind."""

import numpy as np
import pytest
import torch
from PIL import Image
from PIL.ExifTags import Base

from conftest import largest_difference, photo
from msrnet_cli.errors import PictureError


def test_pil_in_pil_out(identity):
    for mode in ("RGB", "RGBA", "L", "LA"):
        image = photo(33, 21, mode=mode)
        back = identity.relight(image)
        assert largest_difference(back, image) == 0


def test_pil_orientation_is_applied(identity):
    image = photo(33, 21)
    image.getexif()[Base.Orientation] = 6
    back = identity.relight(image)
    assert back.size == (21, 33)
    assert back.getexif().get(Base.Orientation, 1) == 1


def test_pil_is_coloured(warm):
    back = warm.relight(Image.new("RGB", (20, 20), (200, 200, 200)))
    assert back.getpixel((10, 10)) == (200, 160, 100)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
@pytest.mark.parametrize("channels", [3, 4])
def test_arrays_come_back_alike(identity, dtype, channels):
    peak = 1 if dtype.startswith("float") else np.iinfo(dtype).max
    array = (np.random.default_rng(0).random((20, 30, channels)) * peak).astype(dtype)
    back = identity.relight(array)
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    assert np.allclose(back, array, atol=1e-6)


def test_batches_of_arrays_and_grey_arrays(identity):
    array = np.random.default_rng(0).integers(0, 255, (3, 20, 30, 3), dtype=np.uint8)
    assert np.array_equal(identity.relight(array), array)
    grey = identity.relight(array[0, ..., 0])
    assert np.array_equal(grey[..., 1], array[0, ..., 0])


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.float16])
def test_tensors_come_back_alike(identity, dtype):
    values = torch.rand(2, 3, 20, 30)
    batch = (values * 255).to(dtype) if dtype == torch.uint8 else values.to(dtype)
    back = identity.relight(batch)
    assert torch.equal(back, batch)
    assert torch.equal(identity.relight(batch[0]), batch[0])


def test_sequences_come_back_in_order(identity):
    pictures = [photo(20 + i, 20, seed=i) for i in range(3)]
    back = identity.relight(pictures)
    for a, b in zip(back, pictures, strict=True):
        assert largest_difference(a, b) == 0


def test_results_can_be_computed_with(identity):
    result = identity.relight(torch.rand(3, 16, 16))
    result.requires_grad_().sum().backward()
    assert result.grad is not None


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (torch.rand(1, 16, 16), "of shape .1, 16, 16.; give 3 H W or B 3 H W"),
        (torch.rand(16, 16), "of shape .16, 16.; give 3 H W or B 3 H W"),
        (torch.rand(3, 0, 16), "of shape .3, 0, 16.; give 3 H W or B 3 H W"),
        (torch.rand(3, 16, 16) * 255, "outside .0, 1.; scale and clamp"),
        (torch.rand(3, 16, 16) - 1, "outside .0, 1.; scale and clamp"),
        (torch.full((3, 16, 16), float("nan")), "outside .0, 1.; scale and clamp"),
        (torch.ones(3, 16, 16, dtype=torch.int64), "int64; give uint8 or floats"),
        (np.zeros((16, 16, 2)), "of shape .16, 16, 2.; give H W, H W 3 or 4, or B H"),
        (np.zeros((16, 16, 3)) + 2, "outside .0, 1.; scale and clamp"),
    ],
)
def test_wrong_values_and_shapes_are_refused(identity, wrong, message):
    with pytest.raises(PictureError, match=message):
        identity.relight(wrong)


def test_what_is_not_a_picture_is_a_type_error(identity):
    with pytest.raises(TypeError, match="int"):
        identity.relight(7)


def test_a_path_gives_a_pil_image(identity, tmp_path):
    path, image = tmp_path / "a.png", photo(33, 21, mode="RGBA")
    image.save(path)
    for name in (path, str(path)):
        assert largest_difference(identity(name), image) == 0
    (back,) = identity.relight([path])
    assert largest_difference(back, image) == 0


def test_a_file_that_is_missing_or_no_picture_is_a_picture_error(identity, tmp_path):
    with pytest.raises(PictureError, match="cannot be read"):
        identity(tmp_path / "missing.png")
    (tmp_path / "a.png").write_text("words")
    with pytest.raises(PictureError):
        identity(tmp_path / "a.png")


@pytest.mark.parametrize("dtype", [">u2", ">f4", "<u2"])
def test_arrays_of_any_byte_order(identity, dtype):
    array = np.random.default_rng(0).random((16, 16, 3))
    array = (array * (65535 if "u" in dtype else 1)).astype(dtype)
    back = identity.relight(array)
    assert back.dtype == array.dtype
    assert np.allclose(back, array, atol=1e-6)


def test_read_only_views_are_fine(identity):
    planes = np.random.default_rng(0).integers(0, 255, (3, 16, 20), dtype=np.uint8)
    planes.flags.writeable = False
    view = planes.transpose(1, 2, 0)
    assert np.array_equal(identity.relight(view), view)
    assert np.array_equal(identity.relight(view[::-1, ::-1]), view[::-1, ::-1])


def test_empty_and_broken_images_are_picture_errors(identity, tmp_path):
    for empty in (np.zeros((0, 5, 5, 3)), Image.new("RGB", (0, 5))):
        with pytest.raises(PictureError, match=r"\(0, 5.*; give"):
            identity.relight(empty)
    path = tmp_path / "cut.png"
    photo(64, 64).save(path)
    path.write_bytes(path.read_bytes()[:2000])
    with (
        Image.open(path) as lazy,
        pytest.raises(PictureError, match="truncated; open and"),
    ):
        identity.relight(lazy)
