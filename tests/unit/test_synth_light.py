"""Lights, colour temperatures and the tone curve of the synthetic sets."""

import pytest

np = pytest.importorskip("numpy")

from msrnet_cli.synth import light  # noqa: E402


def test_tone_curve_rises_and_keeps_greys_grey():
    ramp = np.geomspace(1e-4, 50, 200, dtype=np.float32)
    shown = light.tone(np.repeat(ramp[:, None, None], 3, 2))
    assert (np.diff(shown[:, 0, 1]) >= 0).all()
    assert np.ptp(shown, axis=2).max() < 2e-3
    assert light.tone(np.zeros((1, 1, 3), np.float32)).max() < 1e-4


def test_very_bright_colours_bleach():
    red = np.array([[[40.0, 1.0, 0.5]]], np.float32)
    assert light.tone(red).min() > 0.5


def test_exposure_scales_against_the_light():
    rng = np.random.default_rng(0)
    views = [rng.random((16, 16, 3), dtype=np.float32) for _ in range(4)]
    brighter = [v * 8 for v in views]
    ratio = light.exposure(views, 1.0) / light.exposure(brighter, 1.0)
    assert ratio == pytest.approx(8.0, rel=1e-4)


def test_exposure_of_a_black_scene_is_finite():
    assert np.isfinite(light.exposure([np.zeros((4, 4, 3), np.float32)], 1.0))


def test_ambient_light_comes_from_all_around_and_more_from_above():
    albedo = np.full((1, 3, 3), 0.5, np.float32)
    normal = np.zeros((1, 3, 3), np.float32)
    normal[0, :, 2] = (1, 0, -1)  # up, level, down
    up, level, down = light.ambient(albedo, normal, 0.04, (0.5, 1.0, 1.5))[0]
    np.testing.assert_allclose(up, [0.01, 0.02, 0.03], rtol=1e-6)
    np.testing.assert_allclose(level, 0.65 * up, rtol=1e-6)
    np.testing.assert_allclose(down, 0.3 * up, rtol=1e-6)
