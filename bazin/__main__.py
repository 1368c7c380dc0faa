"""``python -m bazin``."""

from bazin.cli import main

main()
