"""The tasks: each declares its parameters and the columns it emits beside its one trial function."""
