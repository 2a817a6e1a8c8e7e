"""Meshes, and the primitives that everything is built from; numpy only.

Lengths are metres, z is up. Texture coordinates are metres too, so that a surface
has one scale on every shape; the renderer divides by the surface's own size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray

Points = NDArray[np.floating]
Triple = Sequence[float] | NDArray[np.floating]
Faces = NDArray[np.uint32]


@dataclass(frozen=True)
class Mesh:
    """Triangles.

    Attributes:
        points: Positions, (n, 3).
        normals: Unit shading normals, (n, 3).
        uv: Texture coordinates in metres, (n, 2).
        faces: Vertex numbers, counter-clockwise from outside, (m, 3).
    """

    points: Points
    normals: Points
    uv: Points
    faces: Faces


def _unit(vectors: NDArray[np.floating]) -> Points:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-9), np.float32)


def smooth(points: ArrayLike, faces: ArrayLike, uv: ArrayLike | None = None) -> Mesh:
    """A mesh with normals averaged over the faces that meet in a vertex."""
    p, f = np.asarray(points, np.float32), np.asarray(faces, np.uint32)
    corner = p[f]
    across = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    total = np.zeros_like(p)
    for k in range(3):
        np.add.at(total, f[:, k], across)
    coordinates = p[:, :2] if uv is None else np.asarray(uv, np.float32)
    return Mesh(p, _unit(total), np.ascontiguousarray(coordinates), f)


def flat(points: ArrayLike, faces: ArrayLike, uv: ArrayLike | None = None) -> Mesh:
    """A mesh with hard edges: every face has its own vertices."""
    p, f = np.asarray(points, np.float32), np.asarray(faces, np.uint32)
    corner = p[f].reshape(-1, 3)
    own = np.arange(len(corner), dtype=np.uint32).reshape(-1, 3)
    if uv is not None:
        return smooth(corner, own, np.asarray(uv, np.float32)[f].reshape(-1, 2))
    return boxed(smooth(corner, own))


def boxed(mesh: Mesh) -> Mesh:
    """The same mesh with its texture projected along each face's main axis."""
    corner = mesh.points[mesh.faces]
    across = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    axis = np.abs(across).argmax(1)
    u = np.choose(axis, [1, 0, 0])
    v = np.choose(axis, [2, 2, 1])
    rows = np.arange(len(corner))[:, None]
    spread = np.arange(3)[None]
    uv = np.stack(
        [corner[rows, spread, u[:, None]], corner[rows, spread, v[:, None]]], -1
    )
    index = mesh.faces.ravel()
    return Mesh(
        corner.reshape(-1, 3),
        mesh.normals[index],
        uv.reshape(-1, 2).astype(np.float32),
        np.arange(len(index), dtype=np.uint32).reshape(-1, 3),
    )


def joined(meshes: Sequence[Mesh]) -> Mesh:
    """Many meshes as one."""
    starts = np.cumsum([0] + [len(m.points) for m in meshes[:-1]])
    return Mesh(
        np.concatenate([m.points for m in meshes]),
        np.concatenate([m.normals for m in meshes]),
        np.concatenate([m.uv for m in meshes]),
        np.concatenate(
            [m.faces + np.uint32(s) for m, s in zip(meshes, starts, strict=True)]
        ).astype(np.uint32),
    )


def mirrored(mesh: Mesh) -> Mesh:
    """The mesh seen in a mirror that swaps left and right (x)."""
    flip = np.array([-1, 1, 1], np.float32)
    return Mesh(mesh.points * flip, mesh.normals * flip, mesh.uv, mesh.faces[:, ::-1])


def turned(axis: str, angle: float) -> Points:
    """A rotation matrix about x, y or z, (3, 3)."""
    c, s = np.cos(angle), np.sin(angle)
    i, j = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    matrix = np.eye(3, dtype=np.float32)
    matrix[i, i], matrix[i, j], matrix[j, i], matrix[j, j] = c, -s, s, c
    return matrix


def moved(
    mesh: Mesh,
    at: Triple = (0, 0, 0),
    turn: float = 0.0,
    scale: float | Triple = 1.0,
    tilt: tuple[str, float] | None = None,
) -> Mesh:
    """Scale, tilt about an axis, turn about z, then shift."""
    size = np.broadcast_to(np.asarray(scale, np.float32), 3)
    matrix = turned("z", turn)
    if tilt is not None:
        matrix = matrix @ turned(*tilt)
    points = (mesh.points * size) @ matrix.T + np.asarray(at, np.float32)
    normals = _unit(mesh.normals / size) @ matrix.T
    stretch = float(size.prod()) ** (1 / 3)
    return replace(
        mesh,
        points=points.astype(np.float32),
        normals=normals.astype(np.float32),
        uv=mesh.uv * np.float32(stretch),
    )


def shifted_texture(mesh: Mesh, rng: np.random.Generator) -> Mesh:
    """The same mesh with another part of its surface on it."""
    return replace(mesh, uv=mesh.uv + rng.uniform(0, 7, 2).astype(np.float32))


@lru_cache(maxsize=1)
def _box_topology() -> tuple[NDArray[np.float32], Faces]:
    """Corner signs and faces of a chamfered box; vertex = corner * 3 + face axis."""
    signs = np.array(list(product((-1, 1), repeat=3)), np.float32)
    number = {tuple(s): i for i, s in enumerate(signs.astype(int).tolist())}
    quads: list[list[int]] = []
    for a in range(3):
        b, c = (a + 1) % 3, (a + 2) % 3
        for s in (-1, 1):
            ring = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
            quads.append([_corner(number, a, s, b, c, r) * 3 + a for r in ring])
        for sa, sb in product((-1, 1), repeat=2):
            low = _corner(number, a, sa, b, c, (sb, -1))
            high = _corner(number, a, sa, b, c, (sb, 1))
            quads.append([low * 3 + a, high * 3 + a, high * 3 + b, low * 3 + b])
    faces = [[q[0], q[1], q[2]] for q in quads] + [[q[0], q[2], q[3]] for q in quads]
    faces += [[i * 3, i * 3 + 1, i * 3 + 2] for i in range(8)]
    triangles = np.array(faces, np.uint32)
    return signs, _outward(_chamfered(signs, (1, 1, 1), 0.2), triangles)


def _corner(
    number: dict[tuple[int, ...], int],
    a: int, s: int, b: int, c: int, r: tuple[int, int],
) -> int:  # fmt: skip
    key = [0, 0, 0]
    key[a], key[b], key[c] = s, r[0], r[1]
    return number[tuple(key)]


def _chamfered(signs: Points, half: Triple, bevel: float) -> Points:
    full = np.asarray(half, np.float32)
    inset = np.repeat(full[None] - bevel, 3, 0)
    inset[range(3), range(3)] = full
    return (signs[:, None] * inset[None]).reshape(-1, 3).astype(np.float32)


def _outward(points: Points, faces: Faces) -> Faces:
    corner = points[faces]
    across = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    wrong = (across * corner.mean(1)).sum(1) < 0
    faces = faces.copy()
    faces[wrong] = faces[wrong][:, ::-1]
    return faces


def box(
    size: Triple,
    at: Triple = (0, 0, 0),
    bevel: float = 0.012,
    rng: np.random.Generator | None = None,
    warp: float = 0.0,
) -> Mesh:
    """A box standing on ``at`` with worn edges; grain runs along its longest side.

    Args:
        size: Lengths along x, y and z.
        at: Middle of its underside.
        bevel: Width of the worn edge.
        rng: Shifts the texture, and the corners where ``warp`` is given.
        warp: How far corners stray, as a share of the shortest side.
    """
    signs, faces = _box_topology()
    half = np.asarray(size, np.float32) / 2
    points = _chamfered(signs, half, min(bevel, float(half.min()) * 0.4))
    normals = np.tile(np.eye(3, dtype=np.float32), (8, 1)) * np.repeat(signs, 3, 0)
    uv = _box_uv(points, int(half.argmax()))
    if rng is not None:
        uv = uv + rng.uniform(0, 7, 2).astype(np.float32)
        if warp:
            stray = rng.uniform(-1, 1, (8, 3)) * float(half.min()) * 2 * warp
            points = points + np.repeat(stray, 3, 0).astype(np.float32)
    points = points + np.asarray(at, np.float32) + np.array([0, 0, half[2]], np.float32)
    return Mesh(points.astype(np.float32), normals, uv, faces)


def _box_uv(points: Points, longest: int) -> Points:
    uv = np.empty((24, 2), np.float32)
    for axis in range(3):
        a, b = [k for k in range(3) if k != axis]
        u, v = (b, a) if b == longest else (a, b)
        uv[axis::3] = points[axis::3][:, (u, v)]
    return uv


def beam(
    start: Triple,
    end: Triple,
    width: float,
    depth: float,
    rng: np.random.Generator | None = None,
) -> Mesh:
    """A squared timber from one point to another."""
    a, b = np.asarray(start, np.float32), np.asarray(end, np.float32)
    length = float(np.linalg.norm(b - a))
    made = box((width, depth, length), rng=rng, warp=0.06 if rng else 0.0)
    frame = _frame(b - a)
    return replace(
        made,
        points=(made.points @ frame + a).astype(np.float32),
        normals=(made.normals @ frame).astype(np.float32),
    )


def _frame(direction: NDArray[np.floating]) -> Points:
    """Rows: two vectors across a direction, and the direction, right-handed."""
    z = _unit(np.asarray(direction, np.float32))
    helper = (1.0, 0.0, 0.0) if abs(z[2]) > 0.9 else (0.0, 0.0, 1.0)
    x = _unit(np.cross(helper, z))
    return np.stack([x, np.cross(z, x), z]).astype(np.float32)


def lathe(
    profile: Sequence[tuple[float, float]],
    sides: int = 32,
    sharp: bool = False,
    wobble: float = 0.0,
    rng: np.random.Generator | None = None,
) -> Mesh:
    """A profile of (radius, height) turned about z.

    Args:
        profile: From the bottom up on the outside.
        sides: Facets around.
        sharp: Hard edges between rings, as on hoops and turned stone.
        wobble: Waves in the radius, for things made by hand.
        rng: Needed for the wobble.
    """
    outline = np.asarray(profile, np.float32)
    angle = np.linspace(0, 2 * np.pi, sides + 1, dtype=np.float32)
    radius = np.repeat(outline[:, :1], sides + 1, 1)
    if wobble and rng is not None:
        wave = sum(
            np.cos(k * angle + rng.uniform(0, 6)) * rng.normal() / k for k in (2, 3, 4)
        )
        radius = radius * (1 + wobble * np.asarray(wave, np.float32))
    points = np.stack(
        [
            radius * np.cos(angle),
            radius * np.sin(angle),
            np.repeat(outline[:, 1:], sides + 1, 1),
        ],
        -1,
    )
    run = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(outline, axis=0).T))])
    around = angle * max(float(outline[:, 0].mean()), 0.02)
    uv = np.stack(np.meshgrid(around, run), -1).reshape(-1, 2)
    faces = grid_faces(len(outline), sides + 1)
    if sharp:
        return flat(points.reshape(-1, 3), faces, uv)
    made = smooth(points.reshape(-1, 3), faces, uv)
    normals = made.normals.reshape(len(outline), sides + 1, 3).copy()
    seam = _unit(normals[:, 0] + normals[:, -1])
    normals[:, 0] = normals[:, -1] = seam
    return replace(made, normals=normals.reshape(-1, 3))


def grid_faces(rows: int, columns: int) -> Faces:
    """Triangles of a rows x columns lattice of vertices."""
    index = np.arange(rows * columns, dtype=np.uint32).reshape(rows, columns)
    a, b = index[:-1, :-1].ravel(), index[:-1, 1:].ravel()
    c, d = index[1:, 1:].ravel(), index[1:, :-1].ravel()
    return np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])


def disc(radius: float, at: Triple, sides: int = 28) -> Mesh:
    """A level disc facing up."""
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    rim = np.stack([np.cos(angle), np.sin(angle), 0 * angle], 1) * radius
    points = np.concatenate([np.zeros((1, 3)), rim])
    ring = np.arange(1, sides + 1)
    faces = np.stack([0 * ring, ring, np.roll(ring, -1)], 1)
    return smooth(points + np.asarray(at), faces, points[:, :2])


def tube(path: ArrayLike, radius: ArrayLike, sides: int = 8) -> Mesh:
    """A pipe or branch along a path, (n, 3), with one radius or one a point."""
    line = np.asarray(path, np.float32)
    thick = np.broadcast_to(np.asarray(radius, np.float32), len(line))
    along = _unit(np.gradient(line, axis=0))
    frames = np.stack([_frame(d) for d in along])
    angle = np.linspace(0, 2 * np.pi, sides + 1, dtype=np.float32)
    ring = np.stack([np.cos(angle), np.sin(angle)], 1)
    around = np.einsum("sk,nkd->nsd", ring, frames[:, :2])
    points = line[:, None] + around * thick[:, None, None]
    run = np.concatenate(
        [[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))]
    )
    girth = angle * max(float(thick.mean()), 0.01)
    uv = np.stack(np.meshgrid(girth, run), -1).reshape(-1, 2)
    faces = grid_faces(len(line), sides + 1)
    made = smooth(points.reshape(-1, 3), faces, uv)
    return replace(made, normals=around.reshape(-1, 3).astype(np.float32))


@lru_cache(maxsize=6)
def ball(detail: int) -> tuple[Points, Faces]:
    """An icosphere: unit directions (n, 3) and faces; 20 x 4^detail of them."""
    t = (1 + 5**0.5) / 2
    points: list[tuple[float, float, float]]
    points = [(-1, t, 0), (1, t, 0), (-1, -t, 0), (1, -t, 0), (0, -1, t), (0, 1, t)]
    points += [(0, -1, -t), (0, 1, -t), (t, 0, -1), (t, 0, 1), (-t, 0, -1), (-t, 0, 1)]
    p = _unit(np.array(points, np.float32))
    f = np.array(
        [[0, 11, 5], [0, 5, 1], [0, 1, 7], [0, 7, 10], [0, 10, 11],
         [1, 5, 9], [5, 11, 4], [11, 10, 2], [10, 7, 6], [7, 1, 8],
         [3, 9, 4], [3, 4, 2], [3, 2, 6], [3, 6, 8], [3, 8, 9],
         [4, 9, 5], [2, 4, 11], [6, 2, 10], [8, 6, 7], [9, 8, 1]],
        np.int64,
    )  # fmt: skip
    for _ in range(detail):
        p, f = _subdivided(p, f)
    return p, f.astype(np.uint32)


def _subdivided(p: Points, f: NDArray[np.int64]) -> tuple[Points, NDArray[np.int64]]:
    edges = np.sort(np.concatenate([f[:, (0, 1)], f[:, (1, 2)], f[:, (2, 0)]]), 1)
    unique, inverse = np.unique(edges, axis=0, return_inverse=True)
    middle = _unit(p[unique].sum(1))
    ab, bc, ca = (inverse.reshape(3, -1) + len(p)).astype(np.int64)
    a, b, c = f.T
    parts = [(a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca)]
    return np.concatenate([p, middle]), np.concatenate([np.stack(q, 1) for q in parts])


def lumps(rng: np.random.Generator, d: Points, roughness: float) -> Points:
    """Smooth random bumps over directions d, (n,), about zero."""
    total = np.zeros(len(d), np.float32)
    for octave in range(5):
        waves = rng.normal(0, 1.6 * 1.9**octave, (4, 3)).astype(np.float32)
        phase = rng.uniform(0, 6.3, 4).astype(np.float32)
        total += np.sin(d @ waves.T + phase).sum(1) * roughness * 0.55**octave / 2
    return total


def rock(
    rng: np.random.Generator, size: Triple, detail: int = 4, cuts: int = 14
) -> Mesh:
    """A boulder: a ball cut by random planes, then weathered.

    Args:
        rng: Source of randomness.
        size: Lengths along x, y and z; it is sunk a little below z = 0.
        detail: Subdivisions of the ball.
        cuts: Planes; few give slabs and spikes, 0 gives a pebble.
    """
    d, faces = ball(detail)
    radius: Points = np.ones(len(d), np.float32)
    if cuts:
        planes = _unit(rng.normal(size=(cuts, 3)))
        depth = rng.uniform(0.45, 0.95, cuts).astype(np.float32)
        facing = np.maximum(d @ planes.T, 0.05)
        radius = np.minimum(radius, (depth / facing).min(1))
    radius = radius * (1 + lumps(rng, d, 0.09))
    points = d * radius[:, None] * np.asarray(size, np.float32) / 2
    points[:, 2] += float(size[2]) * rng.uniform(0.2, 0.4)
    return shifted_texture(boxed(smooth(points, faces)), rng)


def blob(
    rng: np.random.Generator,
    at: Triple,
    size: Triple,
    rough: float = 0.04,
    detail: int = 3,
    square: float = 2.0,
) -> Mesh:
    """A rounded, slightly uneven body: fruit, heads; ``square`` 5 gives cushions."""
    d, faces = ball(detail)
    d = d / (np.abs(d) ** square).sum(1, keepdims=True) ** (1 / square)
    points = d * (1 + lumps(rng, d, rough))[:, None] * np.asarray(size, np.float32) / 2
    return boxed(smooth(points + np.asarray(at, np.float32), faces))


def sheet(
    corners: ArrayLike, rows: int = 2, columns: int = 2, drop: ArrayLike | None = None
) -> Mesh:
    """A four-cornered surface a, b, c, d, seen counter-clockwise; uv along a-b."""
    a, b, c, d = np.asarray(corners, np.float32)
    v, u = np.meshgrid(
        np.linspace(0, 1, rows), np.linspace(0, 1, columns), indexing="ij"
    )
    low = a + (b - a) * u[..., None]
    high = d + (c - d) * u[..., None]
    points = low + (high - low) * v[..., None]
    if drop is not None:
        points = points + np.asarray(drop, np.float32)
    lengths = np.linalg.norm(b - a), np.linalg.norm(d - a)
    uv = np.stack([u * lengths[0], v * lengths[1]], -1).reshape(-1, 2)
    return smooth(points.reshape(-1, 3), grid_faces(rows, columns), uv)


def prism(outline: ArrayLike, depth: float) -> Mesh:
    """A convex outline in (x, z), counter-clockwise, given thickness along y."""
    ring = np.asarray(outline, np.float32)
    count = len(ring)
    front = np.stack([ring[:, 0], np.full(count, -depth / 2), ring[:, 1]], 1)
    back = front + np.array([0, depth, 0], np.float32)
    fan = np.stack([np.zeros(count - 2), range(1, count - 1), range(2, count)], 1)
    i = np.arange(count)
    j = (i + 1) % count
    sides = np.concatenate(
        [np.stack([i, i + count, j + count], 1), np.stack([i, j + count, j], 1)]
    )
    faces = np.concatenate([fan, fan[:, ::-1] + count, sides]).astype(np.uint32)
    points = np.concatenate([front, back])
    middle = points.mean(0)
    return flat(points, _outward((points - middle).astype(np.float32), faces))


def blades(
    rng: np.random.Generator, roots: Points, height: float, width: float
) -> Mesh:
    """Grass: one bent, tapering blade from each root, (n, 3)."""
    count = len(roots)
    turn = rng.uniform(0, 2 * np.pi, count)
    side = np.stack([np.cos(turn), np.sin(turn), 0 * turn], 1)
    lean = np.stack([-np.sin(turn), np.cos(turn), 0 * turn], 1)
    tall = height * rng.uniform(0.4, 1.2, (count, 1))
    bend = tall * rng.uniform(0.1, 0.9, (count, 1))
    up = np.array([[0, 0, 1.0]])
    half = side * width / 2
    middle = roots + up * tall * 0.55 + lean * bend * 0.25
    tip = roots + up * tall * rng.uniform(0.7, 1.0, (count, 1)) + lean * bend
    rows = [roots - half, roots + half, middle - half * 0.8, middle + half * 0.8, tip]
    points = np.stack(rows, 1).astype(np.float32)
    base = np.arange(count)[:, None, None] * 5
    faces = base + np.array([[0, 1, 3], [0, 3, 2], [2, 3, 4]])[None]
    run = np.array([0, 0, 0.5, 0.5, 1.0])[None] * tall
    across = np.array([0, 1, 0, 1, 0.5])[None] * width + rng.uniform(0, 3, (count, 1))
    uv = np.stack([across, run], -1).reshape(-1, 2)
    return smooth(points.reshape(-1, 3), faces.reshape(-1, 3), uv)


def leaves(
    rng: np.random.Generator, centres: Points, length: float, droop: float = 0.3
) -> Mesh:
    """Leaves, each a folded lozenge at its own angle, one at each centre."""
    count = len(centres)
    along = _unit(rng.normal(size=(count, 3)) * (1, 1, 0.5) - np.array([0, 0, droop]))
    side = _unit(np.cross(along, rng.normal(size=(count, 3))))
    lift = np.cross(side, along)
    size = length * rng.uniform(0.6, 1.3, (count, 1))
    base = centres - along * size / 2
    middle = centres + lift * size * 0.08
    wing = side * size * rng.uniform(0.2, 0.4, (count, 1)) - lift * size * 0.06
    points = np.stack(
        [base, middle - wing, middle, middle + wing, base + along * size], 1
    )
    start = np.arange(count)[:, None, None] * 5
    faces = start + np.array([[0, 2, 1], [0, 3, 2], [1, 2, 4], [2, 3, 4]])[None]
    shape = np.array([[0.0, 0.5], [0.5, 0], [0.5, 0.5], [0.5, 1], [1, 0.5]])
    uv = shape[None] * size[:, None] + rng.uniform(0, 3, (count, 1, 2))
    return smooth(points.reshape(-1, 3), faces.reshape(-1, 3), uv.reshape(-1, 2))
