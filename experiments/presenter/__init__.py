"""Clips on the screen: decoded ahead, every frame chosen by the time of the flip that shows it."""
