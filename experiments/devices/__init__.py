"""What a session is played on: clock, display, input, triggers and sound, each real or virtual."""
