import numpy as np

from spatialforge.inference import depth, point_cloud


def test_what_is_low_and_bright_is_near():
    metres = depth(np.array([[0.0], [1.0]], dtype=np.float32))
    assert metres[1, 0] < metres[0, 0]


def test_point_cloud_counts_its_points():
    assert b"element vertex 4\n" in point_cloud(np.ones((8, 8), dtype=np.float32))
