"""A session as it happens: start checks, runner, journal, limits, resuming."""
