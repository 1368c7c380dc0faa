"""``python -m benchmarks``: run them all; leaves with 1 when a result disagrees with its reference."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from pathlib import Path

from benchmarks.timing import Comparison


def main() -> int:
    """Run every ``bench_*`` module and print one line per comparison."""
    names = sorted(
        module.name
        for module in pkgutil.iter_modules([str(Path(__file__).parent)])
        if module.name.startswith("bench_")
    )
    print(f"{'what':<58}{'ours':>10}{'reference':>12}{'ratio':>8}{'peak':>9}  agreement")
    agreed = True
    for name in names:
        comparisons: list[Comparison] = importlib.import_module(f"benchmarks.{name}").run()
        for comparison in comparisons:
            print(comparison)
            agreed &= comparison.agrees
    return 0 if agreed else 1


if __name__ == "__main__":
    sys.exit(main())
