"""A laboratory without a laboratory: a clock that jumps, a screen that remembers, people who answer."""
