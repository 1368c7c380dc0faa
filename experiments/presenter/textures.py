"""Pictures on a graphics card, brought to a PsychoPy window's back buffer without any change of a level.

Framebuffers are copied, not drawn: no shader, no blending and no matrix can touch the pixels, whatever PsychoPy's
stimuli left behind, and the same calls work with old and new OpenGL.
"""

from __future__ import annotations

from ctypes import byref, c_float, c_void_p
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Rectangle:
    """A place in a window, in pixels of its framebuffer; `left` and `bottom` from the lower left corner."""

    left: int
    bottom: int
    width: int
    height: int


class Texture:
    """One picture on the graphics card; the window's context must be current.

    Parameters
    ----------
    width, height
        In pixels.
    """

    def __init__(self, width: int, height: int) -> None:
        from pyglet import gl

        self.width, self.height = width, height
        self._texture, self._framebuffer = gl.GLuint(), gl.GLuint()
        gl.glGenTextures(1, byref(self._texture))
        gl.glGenFramebuffers(1, byref(self._framebuffer))
        gl.glBindTexture(gl.GL_TEXTURE_2D, self._texture)
        gl.glTexParameteri(gl.GL_TEXTURE_2D, gl.GL_TEXTURE_MAX_LEVEL, 0)
        gl.glTexImage2D(
            gl.GL_TEXTURE_2D, 0, gl.GL_RGBA8, width, height, 0, gl.GL_RGBA, gl.GL_UNSIGNED_BYTE, None
        )
        gl.glBindTexture(gl.GL_TEXTURE_2D, 0)
        gl.glBindFramebuffer(gl.GL_READ_FRAMEBUFFER, self._framebuffer)
        gl.glFramebufferTexture2D(
            gl.GL_READ_FRAMEBUFFER, gl.GL_COLOR_ATTACHMENT0, gl.GL_TEXTURE_2D, self._texture, 0
        )
        gl.glBindFramebuffer(gl.GL_READ_FRAMEBUFFER, 0)

    def upload(self, rgba: np.ndarray) -> None:
        """Copy a picture, (height, width, 4) uint8, to the card."""
        from pyglet import gl

        rgba = np.ascontiguousarray(rgba)
        assert rgba.shape == (self.height, self.width, 4)
        gl.glBindTexture(gl.GL_TEXTURE_2D, self._texture)
        gl.glPixelStorei(gl.GL_UNPACK_ALIGNMENT, 4)
        gl.glPixelStorei(gl.GL_UNPACK_ROW_LENGTH, 0)
        gl.glTexSubImage2D(
            gl.GL_TEXTURE_2D, 0, 0, 0, self.width, self.height, gl.GL_RGBA, gl.GL_UNSIGNED_BYTE,
            c_void_p(rgba.ctypes.data),
        )  # fmt: skip
        gl.glBindTexture(gl.GL_TEXTURE_2D, 0)

    def draw(self, window: Any, place: Rectangle) -> None:
        """Copy the picture to the back buffer: pixel by pixel where sizes agree, else interpolated linearly."""
        from pyglet import gl

        gl.glBindFramebuffer(gl.GL_READ_FRAMEBUFFER, self._framebuffer)
        gl.glBlitFramebuffer(
            0, 0, self.width, self.height,
            place.left, place.bottom + place.height, place.left + place.width, place.bottom,  # first row on top
            gl.GL_COLOR_BUFFER_BIT,
            gl.GL_NEAREST if (self.width, self.height) == (place.width, place.height) else gl.GL_LINEAR,
        )  # fmt: skip
        gl.glBindFramebuffer(gl.GL_READ_FRAMEBUFFER, window.frameBuffer if window.useFBO else 0)

    def delete(self) -> None:
        """Free its memory."""
        from pyglet import gl

        gl.glDeleteFramebuffers(1, byref(self._framebuffer))
        gl.glDeleteTextures(1, byref(self._texture))


def fill(place: Rectangle, level: float) -> None:
    """Make a part of the back buffer evenly gray: 0 black, 1 white."""
    from pyglet import gl

    before = (c_float * 4)()
    gl.glGetFloatv(gl.GL_COLOR_CLEAR_VALUE, before)
    box = (gl.GLint * 4)()
    gl.glGetIntegerv(gl.GL_SCISSOR_BOX, box)
    gl.glScissor(place.left, place.bottom, place.width, place.height)
    gl.glClearColor(level, level, level, 1.0)
    gl.glClear(gl.GL_COLOR_BUFFER_BIT)
    gl.glScissor(*box)
    gl.glClearColor(*before)


def back_buffer(width: int, height: int) -> np.ndarray:
    """What the next flip will show, of a framebuffer of this size: (height, width, 3) uint8, the top row first."""
    from pyglet import gl

    pixels = np.empty((height, width, 4), np.uint8)
    gl.glPixelStorei(gl.GL_PACK_ALIGNMENT, 4)
    gl.glPixelStorei(gl.GL_PACK_ROW_LENGTH, 0)
    gl.glReadPixels(0, 0, width, height, gl.GL_RGBA, gl.GL_UNSIGNED_BYTE, c_void_p(pixels.ctypes.data))
    return pixels[::-1, :, :3]
