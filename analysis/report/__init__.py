"""The report: one offline HTML file made from what an analysis saved, and from nothing else."""

from analysis.report.page import build_report

__all__ = ["build_report"]
