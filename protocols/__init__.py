"""What was promised: the plan of a study, its checks and its hash; under it, the ground of all rooms."""

__version__ = "0.1.0"
