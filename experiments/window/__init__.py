"""The window: fonts that have every character, friendly drawings, the layout of a screen, and opening it."""
