"""The front door: the command line, the demo, the doctor."""
