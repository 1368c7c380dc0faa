"""Faces."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from stimuli.decoding import Frame
from stimuli.features.feature import Definition, Sampled
from stimuli.probing import Probe

WIDTH = 200  # pixels, of the picture that is searched
SMALLEST = 24  # pixels of it, the size the cascade was trained on


class Faces(Sampled):
    """Whether a face looks out of the picture, twice a second."""

    defines = (
        Definition(
            "face_share",
            "share",
            "share of frames, two a second, with at least one upright frontal face of about a tenth of the picture's "
            "width or larger; turned and small faces are missed",
            "Viola & Jones 2004, Int J Comput Vis 57:137, with local binary patterns (scikit-image's frontal cascade)",
            "scikit-image",
        ),
    )

    per_s = 2.0

    def __init__(self, probe: Probe) -> None:
        super().__init__(probe)
        self._cascade: Any = None

    def look(self, frame: Frame) -> tuple[float]:
        """1 if there is a face."""
        return (float(self._has_face(frame.small)),)

    def _has_face(self, picture: np.ndarray) -> bool:
        if self._cascade is None:
            import skimage.data
            from skimage.feature import Cascade

            self._cascade = Cascade(skimage.data.lbp_frontal_face_cascade_filename())
        height = max(1, round(picture.shape[0] * WIDTH / picture.shape[1]))
        searched = cv2.resize(picture, (WIDTH, height), interpolation=cv2.INTER_AREA)
        largest = min(searched.shape)
        if largest <= SMALLEST:
            return False
        return bool(
            self._cascade.detect_multi_scale(
                searched,
                scale_factor=1.2,
                step_ratio=1.25,
                min_size=(SMALLEST, SMALLEST),
                max_size=(largest, largest),
                min_neighbor_number=3,
            )
        )
