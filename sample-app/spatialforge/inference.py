"""Stand-ins for the models: quick, and a real function of the image."""

import io

import numpy as np
from PIL import Image


def read_image(data: bytes, limit: int) -> np.ndarray:
    """Grey values from 0 to 1. Raises ValueError for what is no image or is too large."""
    try:
        image = Image.open(io.BytesIO(data))
        if max(image.size) > limit:
            raise ValueError(f"the image is larger than {limit} pixels")
        return np.asarray(image.convert("L"), dtype=np.float32) / 255.0
    except (OSError, Image.DecompressionBombError) as error:
        raise ValueError("the file is no image") from error


def depth(grey: np.ndarray) -> np.ndarray:
    """Metres: what is low in the picture and bright is near."""
    height = np.linspace(1.0, 0.0, grey.shape[0], dtype=np.float32)[:, None]
    return 0.5 + 9.5 * (0.7 * height + 0.3 * (1.0 - grey))


def depth_png(metres: np.ndarray) -> bytes:
    """16-bit millimetres."""
    out = io.BytesIO()
    Image.fromarray((metres * 1000).astype(np.uint16)).save(out, "PNG")
    return out.getvalue()


def point_cloud(metres: np.ndarray, step: int = 4) -> bytes:
    """An ASCII PLY with a point for each step-th pixel."""
    rows, columns = np.mgrid[0 : metres.shape[0] : step, 0 : metres.shape[1] : step]
    z = metres[rows, columns]
    points = np.stack([(columns - metres.shape[1] / 2) * z / 500, (rows - metres.shape[0] / 2) * z / 500, z], -1).reshape(-1, 3)
    head = f"ply\nformat ascii 1.0\nelement vertex {len(points)}\nproperty float x\nproperty float y\nproperty float z\nend_header\n"
    return (head + "\n".join(" ".join(f"{value:.4f}" for value in point) for point in points) + "\n").encode()
