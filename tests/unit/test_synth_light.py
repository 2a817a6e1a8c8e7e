"""Lights, colour temperatures and the tone curve of the synthetic sets."""

import pytest

np = pytest.importorskip("numpy")

from msrnet_cli.errors import UsageError  # noqa: E402
from msrnet_cli.synth import light  # noqa: E402


def test_all_names_forty_lights_once():
    lights = light.read_lights(("all", "6500_N"))
    assert len(lights) == len(set(lights)) == 40


def test_lights_keep_the_order_they_were_given_in():
    assert [str(v) for v in light.read_lights(("4500_W", "6500_N"))] == [
        "4500_W",
        "6500_N",
    ]


@pytest.mark.parametrize("name", ["6500", "6500_X", "6000_N", "_N", "6500-N", ""])
def test_unknown_lights_are_refused_with_the_choices(name):
    with pytest.raises(UsageError, match="6500_N"):
        light.read_light(name)


def test_no_light_at_all_is_refused():
    with pytest.raises(UsageError):
        light.read_lights(())


def test_6500_kelvin_changes_nothing():
    np.testing.assert_allclose(light.gains(6500), 1.0, atol=1e-6)


def test_lower_temperatures_are_redder_at_the_same_luminance():
    gains = np.stack([light.gains(t) for t in light.TEMPERATURES])
    assert (np.diff(gains[:, 0]) < 0).all()
    assert (np.diff(gains[:, 2]) > 0).all()
    np.testing.assert_allclose(light.luminance(gains), 1.0, atol=1e-5)


def test_gains_follow_the_planckian_locus():
    # x, y of blackbodies from the published locus (CIE 1931), to linear sRGB.
    chromaticity = {2500: (0.4770, 0.4137), 4500: (0.3608, 0.3636)}
    matrix = np.array(
        [[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.204, 1.057]]
    )
    white = matrix @ [0.3135 / 0.3237, 1.0, (1 - 0.3135 - 0.3237) / 0.3237]
    for kelvin, (x, y) in chromaticity.items():
        rgb = matrix @ [x / y, 1.0, (1 - x - y) / y] / white
        ratio = light.gains(kelvin)
        np.testing.assert_allclose(ratio[0] / ratio[1], rgb[0] / rgb[1], rtol=0.04)
        np.testing.assert_allclose(ratio[2] / ratio[1], rgb[2] / rgb[1], atol=0.03)


def test_tone_curve_rises_and_keeps_greys_grey():
    ramp = np.geomspace(1e-4, 50, 200, dtype=np.float32)
    shown = light.tone(np.repeat(ramp[:, None, None], 3, 2))
    assert (np.diff(shown[:, 0, 1]) >= 0).all()
    assert np.ptp(shown, axis=2).max() < 2e-3
    assert light.tone(np.zeros((1, 1, 3), np.float32)).max() < 1e-4


def test_very_bright_colours_bleach():
    red = np.array([[[40.0, 1.0, 0.5]]], np.float32)
    assert light.tone(red).min() > 0.5


def test_directions_run_clockwise_from_behind_the_scene():
    angles = [light.azimuth(d) for d in ("N", "E", "S", "W")]
    np.testing.assert_allclose(np.degrees(angles), [0, 90, 180, 270])


def test_exposure_scales_against_the_light():
    rng = np.random.default_rng(0)
    views = [rng.random((16, 16, 3), dtype=np.float32) for _ in range(4)]
    brighter = [v * 8 for v in views]
    ratio = light.exposure(views, 1.0) / light.exposure(brighter, 1.0)
    assert ratio == pytest.approx(8.0, rel=1e-4)


def test_exposure_of_a_black_scene_is_finite():
    assert np.isfinite(light.exposure([np.zeros((4, 4, 3), np.float32)], 1.0))
