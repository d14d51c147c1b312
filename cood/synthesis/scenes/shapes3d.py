"""Scenes like those of 3D Shapes: an object in the middle of a room, by analytic ray casting.

All lengths are in units of the object at scale 1. The camera moves around the object; the room and
the light do not.
"""

from __future__ import annotations

from colorsys import hsv_to_rgb

import numpy as np

SAMPLES = 2  # rays across a pixel, against jagged edges
ROOM = 3.2  # from the object to each wall
CAMERA = (4.3, 2.15)  # distance along the floor, and height
TARGET = 0.72  # height of the point in the middle of the picture
VIEW = 0.32  # tangent of half the angle of view
LIGHT = np.array([0.36, 0.80, 0.48], dtype=np.float32)  # where it comes from; of unit length
AMBIENT, DIFFUSE, SHINE = 0.4, 0.7, 0.3
HALF = 0.62  # half of a cube's side; the others are about as large
FAR = np.float32(1e6)  # where there is nothing


def render(values: np.ndarray, size: int) -> np.ndarray:
    """Draw scenes.

    Light and shadow depend on shape, scale and orientation alone, so they are computed once for all
    scenes that share these; the hues only weight the light from floor, walls and object.

    Parameters
    ----------
    values
        Floor hue, wall hue, object hue, scale, shape (0 to 3) and orientation in degrees [n, 6].
    size
        Pixels a side.

    Returns
    -------
    numpy.ndarray
        Pixels [n, size, size, 3], uint8. A scene does not depend on the others.
    """
    pixels = np.empty((len(values), size, size, 3), dtype=np.uint8)
    geometries, which = np.unique(values[:, 3:], axis=0, return_inverse=True)
    for k, (scale, shape, orientation) in enumerate(geometries):
        light, shine = _cast(scale, int(shape), orientation, size)
        for row in np.flatnonzero(which == k):
            hues = values[row, :3]
            colours = np.array([hsv_to_rgb(hue, 1, 1) for hue in hues], dtype=np.float32)
            seen = light @ colours + shine[..., None]
            pixels[row] = np.rint(255 * seen.clip(0, 1))
    return pixels


def _cast(scale: float, shape: int, orientation: float, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Light [size, size, 3] from floor, walls and object, and the gloss [size, size] on it."""
    eye, rays = _camera(orientation, size * SAMPLES)
    thing = _HITS[shape](eye / scale, rays) * scale
    with np.errstate(divide="ignore"):
        floor = np.where(rays[:, 1] < 0, -eye[1] / rays[:, 1], FAR)
        walls = (np.sign(rays[:, ::2]) * ROOM - eye[::2]) / rays[:, ::2]
    wall = np.minimum(*walls.T)
    on_object = thing < np.minimum(floor, wall)
    on_floor = ~on_object & (floor <= wall)
    on_wall = ~on_object & ~on_floor
    facing = np.empty(len(rays), dtype=np.float32)
    start = (eye + floor[on_floor, None] * rays[on_floor]) / scale
    in_shadow = _HITS[shape](start, np.broadcast_to(LIGHT, start.shape)) < FAR
    facing[on_floor] = np.where(in_shadow, 0.25, 1) * LIGHT[1]
    inwards = -np.sign(rays[on_wall, ::2]) * LIGHT[::2]
    facing[on_wall] = np.take_along_axis(inwards, walls[on_wall].argmin(axis=1)[:, None], 1)[:, 0]
    seen = rays[on_object]
    normals = _NORMALS[shape]((eye + thing[on_object, None] * seen) / scale)
    facing[on_object] = normals @ LIGHT
    parts = np.zeros((len(rays), 4), dtype=np.float32)
    strength = AMBIENT + DIFFUSE * facing.clip(0, None)
    for k, on in enumerate((on_floor, on_wall, on_object)):
        parts[on, k] = strength[on]
    half = LIGHT - seen / np.linalg.norm(seen, axis=1, keepdims=True)  # Blinn's halfway vector
    half /= np.linalg.norm(half, axis=1, keepdims=True)
    parts[on_object, 3] = SHINE * _dot(normals, half).clip(0, None) ** 40
    grid = parts.reshape(size, SAMPLES, size, SAMPLES, 4)
    mean = np.einsum("iajbk->ijk", grid) / SAMPLES**2
    return mean[..., :3], mean[..., 3]


def _camera(orientation: float, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Position [3] of the camera, and the directions [n * n, 3] of its rays from the top left."""
    angle = np.deg2rad(orientation)
    distance, height = CAMERA
    eye = np.array([distance * np.sin(angle), height, distance * np.cos(angle)])
    ahead = np.array([0, TARGET, 0]) - eye
    ahead /= np.linalg.norm(ahead)
    right = np.array([np.cos(angle), 0, -np.sin(angle)])
    up = np.cross(right, ahead)
    steps = VIEW * (2 * (np.arange(n) + 0.5) / n - 1)
    rays = ahead + steps[None, :, None] * right - steps[:, None, None] * up
    return eye.astype(np.float32), rays.reshape(-1, 3).astype(np.float32)


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    # Several times as fast as a sum over the short last axis.
    return np.einsum("...k,...k->...", a, b)


def _ball(eye: np.ndarray, rays: np.ndarray, height: float, radius: float) -> np.ndarray:
    """Distance [n], in lengths of the ray, to a ball above the origin; FAR where there is none."""
    start = eye - np.array([0, height, 0], dtype=np.float32)
    return _root(_dot(rays, rays), _dot(rays, start), _dot(start, start) - radius**2)


def _root(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    # The nearer solution of a t^2 + 2 b t + c = 0, if it lies ahead.
    inside = b * b - a * c
    t = (-b - np.sqrt(inside.clip(0, None))) / a.clip(1e-12, None)
    return np.where((inside > 0) & (t > 1e-4), t, FAR)


def _tube(eye: np.ndarray, rays: np.ndarray, radius: float, low: float, high: float) -> np.ndarray:
    """Distance to the side of an upright cylinder, without its ends."""
    flat, start = rays[:, ::2], eye[..., ::2]
    t = _root(_dot(flat, flat), _dot(flat, start), _dot(start, start) - radius**2)
    y = eye[..., 1] + t * rays[:, 1]
    return np.where((y >= low) & (y <= high), t, FAR)


def _hit_cube(eye: np.ndarray, rays: np.ndarray) -> np.ndarray:
    middle = np.array([0, HALF, 0], dtype=np.float32)
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = (-HALF + middle - eye) / rays, (HALF + middle - eye) / rays
    enter = np.maximum.reduce(np.fmin(low, high).T)
    leave = np.minimum.reduce(np.fmax(low, high).T)
    return np.where((enter < leave) & (enter > 1e-4), enter, FAR)


def _hit_cylinder(eye: np.ndarray, rays: np.ndarray) -> np.ndarray:
    top = 2 * HALF
    side = _tube(eye, rays, HALF, 0, top)
    with np.errstate(divide="ignore", invalid="ignore"):
        lid = (top - eye[..., 1]) / rays[:, 1]
        across = eye[..., ::2] + lid[:, None] * rays[:, ::2]
    on_lid = (lid > 1e-4) & (_dot(across, across) <= HALF**2)
    return np.minimum(side, np.where(on_lid, lid, FAR))


def _hit_sphere(eye: np.ndarray, rays: np.ndarray) -> np.ndarray:
    return _ball(eye, rays, BALL, BALL)


def _hit_capsule(eye: np.ndarray, rays: np.ndarray) -> np.ndarray:
    ends = [_ball(eye, rays, height, PILL) for height in (PILL, PILL_TOP)]
    return np.minimum.reduce([*ends, _tube(eye, rays, PILL, PILL, PILL_TOP)])


BALL = 0.72
PILL, PILL_TOP = 0.46, 1.1  # radius, which is the height of the lower centre, and upper centre


def _cube_normals(points: np.ndarray) -> np.ndarray:
    from_middle = points - np.array([0, HALF, 0], dtype=np.float32)
    axis = np.abs(from_middle).argmax(axis=1)
    rows = np.arange(len(points))
    normals = np.zeros_like(points)
    normals[rows, axis] = np.sign(from_middle[rows, axis])
    return normals


def _cylinder_normals(points: np.ndarray) -> np.ndarray:
    lid = points[:, 1] > 2 * HALF - 1e-3
    return np.where(lid[:, None], np.array([0, 1, 0]), points * np.array([1, 0, 1]) / HALF)


def _sphere_normals(points: np.ndarray) -> np.ndarray:
    return (points - np.array([0, BALL, 0])) / BALL


def _capsule_normals(points: np.ndarray) -> np.ndarray:
    centre = np.zeros_like(points)
    centre[:, 1] = points[:, 1].clip(PILL, PILL_TOP)
    return (points - centre) / PILL


_HITS = (_hit_cube, _hit_cylinder, _hit_sphere, _hit_capsule)
_NORMALS = (_cube_normals, _cylinder_normals, _sphere_normals, _capsule_normals)
