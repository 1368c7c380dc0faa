"""Contrasts: from words to weights, and their estimates."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from analysis.fmri.first_level.design import Design
from analysis.fmri.first_level.hrf import Array
from protocols.base.errors import BazinError, InputError, did_you_mean, fail, listed

_SMALLEST_P = 1e-300


class NotInThisRun(InputError):
    """The run lacks a condition of the contrast; other runs may have it."""


@dataclass(frozen=True)
class Contrast:
    """Estimates of one contrast at every voxel.

    Attributes
    ----------
    effect
        (q, voxels), in the data's units or in percent; q = 1 for a t contrast.
    covariance
        Of the effects, (q, q, voxels).
    df
        Degrees of freedom of the error.
    kind
        ``"t"`` or ``"F"``.
    """

    effect: Array
    covariance: Array
    df: float
    kind: str

    @property
    def statistic(self) -> Array:
        """t or F, (voxels,); NaN where a voxel cannot be used."""
        if self.kind == "t":
            with np.errstate(divide="ignore", invalid="ignore"):
                return np.asarray(self.effect[0] / self.se)
        result = np.full(self.effect.shape[1], np.nan)
        fine = np.isfinite(self.covariance).all(axis=(0, 1)) & (self.covariance[0, 0] > 0)
        effect = self.effect[:, fine].T
        solved = np.linalg.solve(np.moveaxis(self.covariance[:, :, fine], 2, 0), effect[:, :, None])[:, :, 0]
        result[fine] = np.sum(effect * solved, axis=1) / len(self.effect)
        return result

    @property
    def se(self) -> Array:
        """Standard error of the first effect, (voxels,)."""
        return np.asarray(np.sqrt(self.covariance[0, 0]))

    @property
    def z(self) -> Array:
        """The normal deviate with the statistic's p (one-sided for F), (voxels,); never beyond 37."""
        value = self.statistic
        if self.kind == "t":
            tail = np.maximum(special.stdtr(self.df, -np.abs(value)), _SMALLEST_P)
            return np.asarray(-np.sign(value) * special.ndtri(tail))
        above = special.fdtrc(len(self.effect), self.df, value)
        below = special.fdtr(len(self.effect), self.df, value)
        return np.asarray(
            np.where(
                above < below,
                -special.ndtri(np.maximum(above, _SMALLEST_P)),
                special.ndtri(np.maximum(below, _SMALLEST_P)),
            )
        )

    def scaled(self, factor: Array) -> Contrast:
        """The same contrast, its effects multiplied by one number per voxel, (voxels,)."""
        return Contrast(self.effect * factor, self.covariance * factor**2, self.df, self.kind)


def combine(runs: Sequence[Contrast]) -> Contrast:
    """Fixed effects over runs: the mean of the effects, every run counting the same.

    Runs are not weighted by their precision, as in nilearn's ``FirstLevelModel``; degrees of freedom add up. F
    statistics use the whole covariance of the mean effects, where nilearn approximates.

    Parameters
    ----------
    runs
        One contrast, estimated in each run over the same voxels.

    Raises
    ------
    InputError
        If there are no runs, or they differ in kind, voxels or number of effects.
    """
    if not runs:
        raise fail(InputError, "fixed effects", "have no run", way_out="check which runs were set aside")
    if len({(run.kind, run.effect.shape) for run in runs}) > 1:
        raise fail(
            InputError,
            "fixed effects",
            "need the same voxels and the same contrast in all runs",
            got=listed(f"{run.kind} of shape {run.effect.shape}" for run in runs),
            way_out="use one mask for all runs of a person",
        )
    return Contrast(
        sum((run.effect for run in runs), np.zeros(runs[0].effect.shape)) / len(runs),
        sum((run.covariance for run in runs), np.zeros(runs[0].covariance.shape)) / len(runs) ** 2,
        float(sum(run.df for run in runs)),
        runs[0].kind,
    )


def weights(contrast: str | ArrayLike | Sequence[str], design: Design) -> NDArray[np.float64]:
    """Weights of a contrast over a design's columns, (q, columns).

    Parameters
    ----------
    contrast
        In words over column names, ``"ai - live"`` or ``"(scene + house) / 2 - face"``; several for an F contrast,
        ``["ai - live", "cartoon - live"]``; or numbers, (columns,) or (q, columns).
    design
        The run's design.

    Raises
    ------
    InputError
        If a condition is not there (`NotInThisRun` if it was asked for but this run lacks it), the words are no sum
        of conditions, or the weights are zero, of the wrong length, or rows of an F contrast made of each other.
    """
    if isinstance(contrast, str):
        rows = _expression(contrast, design)[None]
    elif isinstance(contrast, Sequence) and contrast and all(isinstance(part, str) for part in contrast):
        rows = np.array([_expression(str(part), design) for part in contrast])
    else:
        rows = np.atleast_2d(np.asarray(contrast, float))
    _refuse_unusable(rows, str(contrast), design)
    return rows


def _refuse_unusable(rows: Array, words: str, design: Design) -> None:
    item = f"contrast '{words}'"
    if rows.ndim != 2 or rows.shape[1] != len(design.names) or not np.isfinite(rows).all():
        raise fail(
            InputError,
            item,
            "is not one finite weight per column",
            got=f"shape {rows.shape}",
            accepted=f"{len(design.names)} columns: {listed(design.names)}",
        )
    if (rows[:, design.of_kind("censor")] != 0).any():
        raise fail(InputError, item, "weighs volumes that were set aside", way_out="use names of conditions")
    if np.linalg.matrix_rank(rows) < len(rows):
        raise fail(
            InputError,
            item,
            "is zero" if len(rows) == 1 else "has rows that are zero or made of each other",
            way_out="give each row a difference of its own",
        )


def _expression(words: str, design: Design) -> Array:
    """Weights of one sum of columns; read, never evaluated."""
    item = f"contrast '{words}'"
    names = [name for name, kind in zip(design.names, design.kinds, strict=True) if kind != "censor"]
    known = sorted({*names, *design.absent}, key=len, reverse=True)
    here = r"(?<![\w.])(" + "|".join(re.escape(name) for name in known) + r")(?![\w.])"
    plain = re.sub(here, lambda found: f"column_{known.index(found[0])}_", words.strip())

    def weigh(node: ast.expr) -> Array | float:
        match node:
            case ast.Constant(value=int() | float() as number):
                return float(number)
            case ast.Name(id=name):
                return _one(name)
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                return -weigh(inner)
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as operator, right=right):
                a, b = weigh(left), weigh(right)
                if isinstance(a, float) != isinstance(b, float):
                    raise refuse("adds a number to a condition")
                return a + b if isinstance(operator, ast.Add) else a - b
            case ast.BinOp(left=left, op=ast.Mult(), right=right):
                a, b = weigh(left), weigh(right)
                if not isinstance(a, float) and not isinstance(b, float):
                    raise refuse("multiplies conditions")
                return a * b
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                a, b = weigh(left), weigh(right)
                if not isinstance(b, float) or b == 0:
                    raise refuse("divides by something that is not a number other than 0")
                return a / b
        raise refuse("is not a sum of conditions with weights")

    def _one(name: str) -> Array:
        found = re.fullmatch(r"column_(\d+)_", name)
        if found is None:
            raise fail(
                InputError,
                item,
                f"names '{name}', which the design does not have",
                got=listed(names),
                way_out=did_you_mean(name, names),
            )
        column = known[int(found[1])]
        if column in design.absent:
            raise fail(
                NotInThisRun,
                item,
                f"cannot be estimated in this run: '{column}' {design.absent[column]}",
                got=f"conditions here: {listed(design.names[k] for k in design.of_kind('task'))}",
                way_out="leave this run out of the contrast; other runs may have it",
            )
        return np.asarray(np.array(design.names) == column, float)

    def refuse(problem: str) -> BazinError:
        return fail(
            InputError,
            item,
            problem,
            accepted="such as 'ai - live' or '(scene + house) / 2 - face'; columns: " + listed(names),
        )

    try:
        result = weigh(ast.parse(plain, mode="eval").body)
    except (SyntaxError, RecursionError, ValueError):
        raise refuse("cannot be read") from None
    if isinstance(result, float):
        raise refuse("names no condition")
    return result
