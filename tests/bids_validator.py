"""What the BIDS validator says of a data set."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

VALIDATOR = shutil.which("bids-validator-deno", path=Path(sys.executable).parent)


def errors_of(folder: Path) -> list[str]:
    """What the BIDS validator calls an error."""
    assert VALIDATOR, "bids-validator-deno is not installed beside this Python: run `make env`"
    done = subprocess.run(
        [VALIDATOR, str(folder), "--format", "json"],
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    issues = json.loads(done.stdout)["issues"]["issues"]
    found = [f"{i['code']} {i.get('location')}" for i in issues if i["severity"] == "error"]
    assert done.returncode == (16 if found else 0)
    return found
