"""The page about a set of clips: one offline HTML file made from what was saved, and from nothing else."""

from stimuli.report.page import build_report

__all__ = ["build_report"]
