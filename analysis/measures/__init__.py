"""The measure table: the one tidy form in which every modality's numbers reach the decision."""

from analysis.measures.table import MeasureTable, Sidecar, read_measure, write_measure

__all__ = ["MeasureTable", "Sidecar", "read_measure", "write_measure"]
