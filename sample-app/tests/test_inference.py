import numpy as np

from spatialforge.inference import depth, point_cloud


def test_low_and_bright_pixels_are_near():
    meters = depth(np.array([[0.0], [1.0]], dtype=np.float32))
    assert meters[1, 0] < meters[0, 0]


def test_point_cloud_declares_its_number_of_points():
    assert b"element vertex 4\n" in point_cloud(np.ones((8, 8), dtype=np.float32))
