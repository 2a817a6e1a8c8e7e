"""What stands in the synthetic scenes; no renderer needed."""

import pytest

np = pytest.importorskip("numpy")

from msrnet_cli.lights import DIRECTIONS, azimuth  # noqa: E402
from msrnet_cli.synth import patterns, scenes, shapes, surfaces  # noqa: E402
from msrnet_cli.synth.render import light_place  # noqa: E402

TEXTURE = 64


@pytest.fixture(scope="module", params=list(scenes.THEMES))
def scene(request):
    return scenes.draw(7, texture=TEXTURE, theme=request.param)


def test_splits_and_seeds_never_share_a_scene_number():
    most = scenes.SETS_PER_SPLIT - 1
    numbers = {
        scenes.scene_number(split, seed, index)
        for split in scenes.SPLITS
        for seed in (0, 1, most)
        for index in (0, 1, 99_999)
    }
    assert len(numbers) == 3 * 3 * 3
    last = scenes.scene_number("train", most, 2**20 - 1)
    assert last < scenes.scene_number("validation", 0, 0)


def test_a_number_always_draws_the_same_scene():
    one, two = (scenes.draw(11, texture=TEXTURE) for _ in range(2))
    assert one.camera == two.camera
    assert one.rig == two.rig
    assert one.meshes.keys() == two.meshes.keys()
    for kind in one.meshes:
        np.testing.assert_array_equal(one.meshes[kind].points, two.meshes[kind].points)
    for kind in one.surfaces:
        np.testing.assert_array_equal(
            one.surfaces[kind].albedo, two.surfaces[kind].albedo
        )


def test_no_two_numbers_or_attempts_share_a_layout():
    drawn = [scenes.draw(n, a, TEXTURE, "clutter") for n in range(3) for a in range(2)]
    assert len({s.camera for s in drawn}) == len(drawn)
    assert len({s.rig for s in drawn}) == len(drawn)


def test_meshes_are_sound(scene):
    assert len(scene.meshes) > 3
    for kind, mesh in scene.meshes.items():
        assert np.isfinite(mesh.points).all(), kind
        assert np.isfinite(mesh.normals).all(), kind
        assert np.isfinite(mesh.uv).all(), kind
        assert mesh.faces.max() < len(mesh.points), kind
        lengths = np.linalg.norm(mesh.normals, axis=1)
        assert np.median(lengths) == pytest.approx(1.0, abs=1e-3), kind


def test_every_mesh_is_covered(scene):
    assert set(scene.meshes) == set(scene.surfaces) | set(scene.glows)


def test_surfaces_are_physical(scene):
    assert len(scene.surfaces) > 3
    for kind, skin in scene.surfaces.items():
        assert skin.albedo.shape == (TEXTURE, TEXTURE, 3), kind
        assert 0 < skin.albedo.min() <= skin.albedo.max() < 1, kind
        assert 0 < skin.rough.min() <= skin.rough.max() <= 1, kind
        assert skin.metres > 0, kind


def test_camera_looks_away_from_south(scene):
    assert scene.camera.eye[1] < scene.camera.look[1]
    assert 30 < scene.camera.fov < 100


def test_a_mirror_twice_is_no_mirror(scene):
    twice = scenes.in_mirror(scenes.in_mirror(scene))
    assert twice.camera == scene.camera
    for kind, mesh in scene.meshes.items():
        np.testing.assert_array_equal(mesh.points, twice.meshes[kind].points)
        np.testing.assert_array_equal(mesh.faces, twice.meshes[kind].faces)


@pytest.mark.parametrize("name", list(patterns.MAKERS))
def test_patterns_repeat_without_a_seam(name):
    made = patterns.pattern(name, 0, TEXTURE)
    tone = made.tone
    assert tone.shape == (TEXTURE, TEXTURE)
    assert 0 <= tone.min() < tone.max() <= 1
    for axis in (0, 1):
        inside = np.abs(np.diff(tone, axis=axis)).mean()
        edges = np.take(tone, [0, -1], axis=axis)
        across = np.abs(np.diff(edges, axis=axis)).mean()
        # Joints of bricks and boards may lie on the edge, so a wide margin.
        assert across < 4 * inside + 0.25, name


def test_every_recipe_draws():
    rng = np.random.default_rng(0)
    assert len(surfaces.RECIPES) > 30
    for kind in surfaces.RECIPES:
        assert surfaces.surface(kind, rng, 32).albedo.shape == (32, 32, 3)


def test_boxes_face_outward():
    box = shapes.box((1, 2, 3))
    corner = box.points[box.faces]
    across = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    outward = corner.mean(1) - box.points.mean(0)
    assert ((across * outward).sum(1) >= -1e-9).all()
    np.testing.assert_allclose(np.ptp(box.points, axis=0), [1, 2, 3], atol=1e-6)


def test_turning_the_axis_keeps_lengths():
    for axis in "xyz":
        matrix = shapes.turned(axis, 0.7)
        np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-6)
        assert np.linalg.det(matrix) == pytest.approx(1.0, abs=1e-5)


def test_lights_hang_in_a_circle_clockwise_from_behind_the_scene():
    drawn = scenes.draw(7, texture=TEXTURE)
    places = {d: np.array(light_place(drawn, azimuth(d))) for d in DIRECTIONS}
    away = {d: place - np.array(drawn.rig.focus) for d, place in places.items()}
    for one in away.values():
        assert np.linalg.norm(one) == pytest.approx(drawn.rig.radius)
        assert one[2] == pytest.approx(away["N"][2])
    assert away["N"][1] > 0 > away["S"][1]
    assert away["E"][0] > 0 > away["W"][0]
    assert away["N"][0] == pytest.approx(0, abs=1e-9)
    halfway = np.array(light_place(drawn, 22.5))
    np.testing.assert_allclose(
        np.linalg.norm(halfway - places["N"]), np.linalg.norm(halfway - places["NE"])
    )
    np.testing.assert_allclose(
        light_place(drawn, 247.5 - 360), light_place(drawn, 247.5)
    )
