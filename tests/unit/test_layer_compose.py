"""Pictures and their layers are what light, camera and mirror make of a scene."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from msrnet_cli.errors import DataError
from msrnet_cli.layers.camera import linear_from_srgb
from msrnet_cli.layers.compose import compose, expose, photograph, prepare
from msrnet_cli.layers.draw import (
    Ambient,
    Distributions,
    Draw,
    Exposure,
    Key,
    Sky,
    View,
    draw,
)
from msrnet_cli.lights import DIRECTIONS, LUMINANCE, kelvin_gains, read_light
from msrnet_cli.pairs.resample import Span, resampling
from smooth import drawn

SIZE = 24
LINEAR = Exposure(brightness=0.01, shoulder=1.0)  # sRGB, and nothing near white
DAY = Draw(
    kind="day",
    key=Key(70.0, 30.0, 4000.0),
    ambient=Ambient(0.6, 8000.0, 0.5),
    exposure=LINEAR,
)
BLUE = Sky(12000.0, 1.5, 9000.0, 2.0, 1.3, 0.6, 2.0, 0.2, seed=5)


def scene(seed=0, size=(SIZE, SIZE), horizon=0):
    """Random values, more of them dark than bright; above the horizon there is sky."""
    found = drawn(seed, size)
    found = replace(
        found,
        light=(found.light / 4) ** 3 * 2,
        glow=found.glow**6,
        normal=F.normalize(found.normal, dim=0),
    )
    found.normal[..., :horizon, :] = 0
    for values in (found.light, found.glow, found.albedo, found.depth):
        values[..., :horizon, :] = 0
    return found


def grey(size=SIZE):
    """A grey floor that no direction lights more than another, as scenes are."""
    found = scene(size=(size, size))
    light, albedo = (
        torch.full_like(found.light, 0.7),
        torch.full_like(found.albedo, 0.4),
    )
    normal = torch.zeros_like(found.normal)
    normal[2] = 1
    glow = torch.zeros_like(found.glow)
    return replace(found, light=light, albedo=albedo, normal=normal, glow=glow)


def mirrored(found):
    """The same scene, built the other way round: E is W, x points left."""
    places = [
        DIRECTIONS.index(d.translate(str.maketrans("EW", "WE"))) for d in DIRECTIONS
    ]
    normal = found.normal.flip(-1)
    return replace(
        found,
        light=found.light[places].flip(-1),
        normal=torch.stack((-normal[0], normal[1], normal[2])),
        **{name: getattr(found, name).flip(-1) for name in ("glow", "albedo", "depth")},
    )


def luminance(light):
    return (light * torch.tensor(LUMINANCE)[:, None, None]).sum(-3)


def same(a, b):
    return all(
        torch.equal(getattr(a, name), getattr(b, name))
        for name in ("picture", "layers", "normal")
    )


def close(found, expected, atol=1e-5):
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=atol)


def test_the_same_draw_makes_the_same_bits_in_any_order_and_thread():
    whole = scene(size=(40, 44), horizon=9)
    draws = [draw(3, number, 1) for number in range(40)]
    assert len({one.kind for one in draws}) == 5
    first = [compose(whole, one, SIZE) for one in draws]
    again = [compose(whole, one, SIZE) for one in reversed(draws)]
    with ThreadPoolExecutor(3) as pool:
        aside = list(pool.map(lambda one: compose(whole, one, SIZE), draws))
    assert all(map(same, first, reversed(again)))
    assert all(map(same, first, aside))


def test_everything_is_float32_and_in_range():
    for number in range(40):
        one = draw(1, number, 1)
        made = compose(scene(number, (40, 44), horizon=9), one, SIZE)
        assert made.picture.shape == made.normal.shape == (3, SIZE, SIZE)
        assert made.layers.shape == (9, 3, SIZE, SIZE)
        for values, low in ((made.picture, 0), (made.layers, 0), (made.normal, -1)):
            assert values.dtype == torch.float32
            assert low <= values.min()
            assert values.max() <= 1
            assert values.std() > 0 or one.kind == "even"


@pytest.mark.parametrize("name", ["6500_N", "4500_E", "4500_N", "2500_SW"])
def test_a_night_is_the_picture_that_the_renderer_makes(name):
    """By NumPy, as synth prints a scene."""
    np = pytest.importorskip("numpy")
    from msrnet_cli.synth import light as film

    whole = scene(4)
    wanted = read_light(name)

    def image(values):
        return np.asarray(values.permute(1, 2, 0))

    key = image(whole.light[DIRECTIONS.index(wanted.direction)])
    upward = (0.65 + 0.35 * image(whole.normal)[..., 2:3]) * whole.ambient
    still = image(whole.albedo) * upward * np.array(whole.tint, np.float32)
    still = still + image(whole.glow)
    printed = film.to_bytes(film.tone(key * film.gains(wanted.kelvin) + still))

    night = Draw(key=Key(wanted.azimuth, kelvin=wanted.kelvin))
    shown = compose(whole, night, SIZE).picture.permute(1, 2, 0) * 255
    assert printed.std() > 40
    assert (shown - torch.from_numpy(printed)).abs().max() <= 1
    keyless = film.tone(still)
    ambient = compose(whole, night, SIZE).layers[8]
    close(ambient, torch.from_numpy(keyless).permute(2, 0, 1))


def test_a_layer_is_the_picture_with_its_light_alone():
    whole = replace(scene(), ambient=0.0, glow=torch.zeros(3, SIZE, SIZE))
    exposure = Exposure(stops=-1.0, tint=(0.1, 0.0, -0.1))
    layers = compose(whole, Draw(exposure=exposure), SIZE).layers
    for place in range(8):
        key = Key(45.0 * place)
        alone = compose(whole, Draw(key=key, exposure=exposure), SIZE)
        close(alone.picture, layers[place])
    assert not layers[8].any()


@pytest.mark.parametrize("exposure", [LINEAR, replace(LINEAR, balance=0.7)])
def test_light_adds(exposure):
    """The picture is the weighted sum of its layers, in linear light."""
    made = compose(scene(), replace(DAY, exposure=exposure), SIZE)
    light, picture = map(linear_from_srgb, (made.layers, made.picture))
    weights, gains = torch.tensor(DAY.key.weights), torch.tensor(kelvin_gains(4000.0))
    key = torch.tensordot(weights, light[:8], 1) * gains[:, None, None]
    balance = ((picture - light[8]) / key).flatten(1)
    expected = balance.median(1).values[:, None].expand_as(balance)
    close(balance, expected, atol=1e-3)
    if not exposure.balance:
        close(key + light[8], picture, atol=1e-6)


def test_the_mirror_of_a_scene_lit_from_the_east_is_lit_from_the_west():
    whole = scene(size=(40, 44), horizon=9)
    for number in range(30):
        one = replace(draw(2, number, 1), mirror=False)
        view = replace(one.view, across=1 - one.view.across)
        other = replace(one, mirror=True, view=view)
        seen, built = compose(whole, other, SIZE), compose(mirrored(whole), one, SIZE)
        for name in ("picture", "layers", "normal"):
            close(getattr(seen, name), getattr(built, name))


def test_a_mirror_turns_the_picture_and_the_names_of_its_lights():
    whole, east = scene(), replace(DAY, key=Key(90.0))
    plain = compose(whole, east, SIZE)
    other = compose(whole, replace(east, mirror=True, key=Key(270.0)), SIZE)
    close(other.picture, plain.picture.flip(-1))
    for here, there in ((0, 0), (1, 7), (2, 6), (3, 5), (4, 4), (8, 8)):
        close(other.layers[there], plain.layers[here].flip(-1))
    close(other.normal[0], -plain.normal[0].flip(-1))
    close(other.normal[1:], plain.normal[1:].flip(-1))


@pytest.mark.parametrize("view", [View(0.1), View(0.1, 1.0, 0.25), View(0.6, 0, 0)])
def test_nothing_is_enlarged(view):
    """A view of fewer pixels than the picture becomes one of as many, as they are."""
    whole = scene(size=(40, 60))
    night = Draw(view=view)
    eight = prepare(whole, night, SIZE).eight
    down, across = round(view.down * 16), round(view.across * 36)
    here = whole.light[..., down : down + SIZE, across : across + SIZE]
    assert torch.equal(eight, here)


def test_a_scene_smaller_than_the_picture_is_told_with_its_name():
    with pytest.raises(DataError, match=r"Image003 has 20 px.*24 px.*larger scenes"):
        compose(scene(size=(20, 60)), Draw(), SIZE)


def test_scenes_are_reduced_in_linear_light_without_aliasing():
    whole = scene(size=(60, 50))
    lit = prepare(whole, Draw(view=View(0.9, 0.5, 1.0)), SIZE)
    rows, columns = (
        resampling([Span(start, 45, SIZE, 0)], SIZE, length)[0]
        for start, length in ((8, 60), (5, 50))
    )
    close(lit.eight, rows @ whole.light @ columns.mT)
    close(lit.normal, rows @ whole.normal @ columns.mT)


def test_a_key_is_moved_and_all_else_stays():
    whole = scene(horizon=9)
    one = replace(DAY, key=Key(90.0, 0.0, 5000.0), sky=BLUE)
    lit = prepare(whole, one, SIZE)
    camera = expose(lit, one)
    made = compose(whole, one, SIZE)
    close(photograph(lit, camera, one.key), made.picture)
    moved = linear_from_srgb(photograph(lit, camera, one.key.turned(90)))
    light, gains = linear_from_srgb(made.layers), torch.tensor(kelvin_gains(5000.0))
    close(moved, light[4] * gains[:, None, None] + light[8], atol=1e-6)
    without = photograph(lit, camera, replace(one.key, strength=0.0))
    close(without, made.layers[8])


def test_the_ambient_layer_of_an_overcast_picture_is_the_picture():
    overcast = Distributions(task=0, night=0, even=0, overcast=1)
    for number in range(10):
        made = compose(scene(horizon=9), draw(0, number, 1, overcast), SIZE)
        assert torch.equal(made.layers[8], made.picture)
        assert made.layers[0].mean() > 0.05, "so that sun can be added"


@pytest.mark.parametrize("hemisphere", [0.0, 0.4, 1.0])
def test_ambient_light_has_the_ratio_to_the_key_that_was_drawn(hemisphere):
    lit = prepare(scene(), replace(DAY, ambient=Ambient(0.6, 6500.0, hemisphere)), SIZE)
    ratio = luminance(lit.ambient).mean() / luminance(lit.eight.mean(0)).mean()
    assert ratio.item() == pytest.approx(0.6, rel=1e-4)


def test_ambient_light_is_open_sky_or_what_all_lights_reach():
    whole = scene()
    even, open_sky = (
        prepare(whole, replace(DAY, ambient=Ambient(1.0, 6500.0, share)), SIZE).ambient
        for share in (0.0, 1.0)
    )
    close(even, whole.light.mean(0))
    upward = whole.albedo * (0.65 + 0.35 * whole.normal[2:])
    close(open_sky / upward, (open_sky / upward).mean().expand(3, SIZE, SIZE), 1e-3)


@pytest.mark.parametrize(
    ("ratio", "strength"), [(0.1, 1.0), (1.0, 1.0), (3.0, None), (9.0, None)]
)
def test_layers_show_a_key_even_where_the_picture_hardly_does(ratio, strength):
    faint = replace(DAY, key=Key(0.0, 60.0), ambient=Ambient(ratio), exposure=LINEAR)
    whole = replace(scene(), glow=torch.zeros(3, SIZE, SIZE))
    lit = prepare(whole, faint, SIZE)
    camera, made = expose(lit, faint), compose(whole, faint, SIZE)
    picture, layers = map(linear_from_srgb, (made.picture, made.layers))
    brightness = luminance(layers[:8]).mean() / luminance(picture).mean()
    if strength:
        assert camera.strength == strength
    else:
        assert brightness.item() == pytest.approx(0.4, rel=1e-3)


def test_a_photograph_is_as_bright_as_was_drawn():
    for brightness in (0.02, 0.1):
        one = replace(DAY, exposure=Exposure(brightness, balance=0.5, shoulder=1.0))
        seen = luminance(linear_from_srgb(compose(scene(), one, SIZE).picture))
        metered = (seen.mean() + seen.log().mean().exp()) / 2
        assert metered.item() == pytest.approx(brightness, rel=0.02)


def test_surfaces_do_not_burn_out():
    whole = scene()
    whole.light[..., : SIZE // 4, :] *= 100  # a quarter is far brighter than all else
    one = replace(DAY, exposure=Exposure(brightness=0.28, shoulder=0.9))
    lit = prepare(whole, one, SIZE)
    surfaces = luminance(lit.surfaces(one.key)) * expose(lit, one).gain[0]
    assert (surfaces > 1.2).float().mean() < 0.06
    assert surfaces.max() > 1.2


@pytest.mark.parametrize("kind", ["day", "overcast"])
def test_white_balance_makes_a_grey_card_grey(kind):
    key = replace(DAY.key, strength=float(kind == "day"))
    shown = [
        compose(
            grey(), replace(DAY, key=key, exposure=replace(LINEAR, balance=share)), SIZE
        )
        for share in (0.0, 1.0)
    ]
    cast, neutral = (made.picture.mean((1, 2)) for made in shown)
    assert neutral.max() - neutral.min() < 1e-4
    assert cast.max() - cast.min() > 0.01
    for made in shown:
        card = made.layers[:8].mean((2, 3))
        assert (card.amax(1) - card.amin(1)).max() < 1e-4, "layers are at 6500 K"


def test_a_stop_is_twice_the_light():
    night, whole = Draw(exposure=Exposure(stops=-6, shoulder=1.0)), scene()
    brighter = replace(night, exposure=replace(night.exposure, stops=-5))
    for name in ("picture", "layers"):
        before, after = (
            linear_from_srgb(getattr(compose(whole, one, SIZE), name))
            for one in (night, brighter)
        )
        close(after, 2 * before)


def test_the_tint_of_a_camera_is_in_picture_and_layers():
    tint = (0.2, -0.1, 0.0)
    tinted = replace(DAY, exposure=replace(LINEAR, tint=tint))
    for name in ("picture", "layers"):
        with_it, without = (
            linear_from_srgb(getattr(compose(scene(), one, SIZE), name))
            for one in (tinted, DAY)
        )
        stops = (with_it / without).log2().unflatten(-3, (3,)).mean((-2, -1))
        expected = torch.tensor(tint).expand_as(stops)
        torch.testing.assert_close(stops, expected, rtol=0, atol=1e-2)


def test_sky_is_where_no_surface_is():
    whole = scene(horizon=9)
    black = prepare(whole, DAY, SIZE)
    lit = prepare(whole, replace(DAY, sky=BLUE), SIZE)
    assert torch.equal(lit.ambient, black.ambient)
    added = lit.shining - black.shining
    assert (added[:, :9] > 0).all()
    assert added[:, 9:].max() < 1e-5


def test_silhouettes_are_as_much_sky_as_their_normals_lack():
    whole = scene(horizon=9)
    whole.normal[:, 9, 5] *= 0.25
    whole.normal[:, 15, 5] *= 0.25  # no sky is near
    clear = replace(BLUE, clouds=0.0, ramp=1.0, depth=1.0, horizon=BLUE.kelvin)
    black = prepare(whole, DAY, SIZE)
    added = prepare(whole, replace(DAY, sky=clear), SIZE).shining - black.shining
    close(added[:, 9, 5] / added[:, 0, 0], torch.full((3,), 0.75), atol=1e-3)
    assert added[:, 15].max() == 0


def test_a_sky_is_as_bright_as_was_drawn_over_the_surfaces():
    clear = replace(BLUE, clouds=0.0, level=3.0, ramp=1.0)
    lit = prepare(scene(horizon=12), replace(DAY, sky=clear), SIZE)
    surfaces = luminance(lit.surfaces(DAY.key))[12:].mean()
    top = lit.shining[:, :1, :1]
    share = luminance(top) / surfaces
    assert share.item() == pytest.approx(3.0, rel=1e-3)
    assert top[2] > 1.5 * top[0], "and blue"


def test_clouds_differ_by_their_seed_and_not_by_the_size_of_the_picture():
    whole = scene(size=(96, 96), horizon=96)

    def clouds(size, seed):
        sky = replace(BLUE, seed=seed)
        seen = prepare(whole, replace(DAY, sky=sky), size).shining[None]
        return F.interpolate(seen, (12, 12), mode="bilinear", antialias=True)

    here, larger, other = clouds(48, 1), clouds(96, 1), clouds(48, 2)
    spread = here.std()
    assert (here - larger).abs().mean() < 0.1 * spread
    assert (here - other).abs().mean() > 0.3 * spread


def test_even_pictures_have_even_layers():
    even = Distributions(task=0, night=0, overcast=0, even=1)
    graded = 0
    for number in range(40):
        made = compose(scene(), draw(0, number, 1, even), SIZE)
        for shown in (made.picture[None], made.layers):
            middle = shown[..., 1:-1, 1:-1]
            around = (
                shown[..., :-2, 1:-1]
                + shown[..., 2:, 1:-1]
                + shown[..., 1:-1, :-2]
                + shown[..., 1:-1, 2:]
            )
            assert (around / 4 - middle).abs().max() < 1e-3
        graded += bool(made.picture.diff(dim=-1).abs().max() > 1e-3)
        light, picture = map(linear_from_srgb, (made.layers, made.picture))
        share = light[8] / picture
        close(share, share.mean().expand_as(share), atol=1e-3)
        assert (made.normal == torch.tensor([0.0, 0, 1])[:, None, None]).all()
    assert 20 < graded < 36
