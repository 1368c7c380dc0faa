"""Which files of a data set an export wrote: only those, as it left them, are ever replaced or taken away."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from protocols.base.canonical import sha256, sha256_file
from protocols.base.errors import Fault
from protocols.base.files import cannot_write, read_json, write_atomically, write_json

STAMP = "exported.json"


@dataclass
class Written:
    """What happened to each file.

    Attributes
    ----------
    written, unchanged, removed
        Files below the data set: new or replaced; the same as before; no longer made.
    left
        Files that are not as the export left them, and were not touched.
    """

    written: list[Path] = field(default_factory=list)
    unchanged: list[Path] = field(default_factory=list)
    removed: list[Path] = field(default_factory=list)
    left: list[Fault] = field(default_factory=list)


def bring(
    bids: Path, stamp: Path, files: Mapping[str, str | bytes], settled: Collection[str] = ()
) -> Written:
    """Write files, replacing what an earlier export left and nobody changed since.

    Parameters
    ----------
    bids
        The data set.
    stamp
        File that remembers the hash of everything written; files in it that are not in `files` are taken away.
    files
        Contents by path below `bids`.
    settled
        Paths that are neither written nor taken away any more.

    Notes
    -----
    The stamp is written before the files with both their old and their new hashes, and again afterwards: an export
    that was interrupted is finished by the next one.
    """
    before = read_stamp(stamp)
    hashes = {path: sha256(_bytes(content)) for path, content in files.items()}
    done = Written()
    free = {
        path: content for path, content in files.items() if _is_ours(bids, path, before, done, hashes[path])
    }
    gone = [path for path in before if path not in files and path not in settled]
    stale = [path for path in gone if _is_ours(bids, path, before, done)]
    if free.keys() - {str(path) for path in done.unchanged} or stale:
        both = {path: list(dict.fromkeys([*before.get(path, []), hashes[path]])) for path in free}
        write_json(stamp, {"files": {**before, **both}})
        for path, content in free.items():
            if Path(path) not in done.unchanged:
                done.written.append(Path(path))
                write_atomically(bids / path, content)
        for path in stale:
            _remove(bids / path)
            done.removed.append(Path(path))
    kept = {path: [hashes[path]] for path in free} | {
        path: known for path, known in before.items() if path not in free and (bids / path).exists()
    }
    if kept != before:
        write_json(stamp, {"files": dict(sorted(kept.items()))})
    return done


def read_stamp(stamp: Path) -> dict[str, list[str]]:
    """Hashes of the files an export wrote, by their path; empty where there was none."""
    return dict(read_json(stamp)["files"]) if stamp.exists() else {}


def _is_ours(
    bids: Path, path: str, before: Mapping[str, list[str]], done: Written, wanted: str | None = None
) -> bool:
    """Whether a file may be written or taken away; tells in `done` where it may not, or need not."""
    file = bids / path
    if not file.exists():
        return True
    found = sha256_file(file)
    if found == wanted:
        done.unchanged.append(Path(path))
        return True
    if found in before.get(path, []):
        return True
    problem = "was changed since it was exported" if path in before else "is not of this program"
    done.left.append(
        Fault(path, f"{problem}, and was left as it is", way_out="move it away, and export again")
    )
    return False


def _remove(file: Path) -> None:
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(file, error) from error


def _bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content
