"""botocore's own test vectors: they are in its source distribution only, so it is fetched once into `.cache/`."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

import botocore
import pytest

CACHE = Path(__file__).resolve().parent.parent / ".cache"


@cache
def sdist_tests() -> Path:
    """The folder `tests/unit` of the installed botocore version's source distribution.

    Skips the calling test, or the module being collected, where it cannot be fetched; fails it when CI=true.
    """
    folder = CACHE / f"botocore-{botocore.__version__}-tests-unit"
    if not folder.is_dir():
        error = _fetch(folder)
        if error and os.environ.get("CI") == "true":
            pytest.fail(f"botocore's source distribution cannot be fetched: {error}")
        if error:
            pytest.skip(
                f"botocore's source distribution cannot be fetched (no network?): {error}", allow_module_level=True
            )
    return folder


def _fetch(folder: Path) -> str | None:
    """Put the folder there, whole or not at all (test processes may race); the reason if it did not work."""
    CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as temporary:
        done = subprocess.run(_pip_download(temporary), capture_output=True, text=True, check=False)
        archives = list(Path(temporary).glob("botocore-*.tar.gz"))
        if done.returncode or not archives:
            return done.stderr.strip()[-500:] or "pip left no archive"
        unpacked = _unpack(archives[0], Path(temporary))
        with suppress(OSError):  # another process was first
            unpacked.rename(folder)
    return None


def _pip_download(target: str) -> list[str]:
    wanted = f"botocore=={botocore.__version__}"
    quiet = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-binary", ":all:"]
    return [sys.executable, "-m", "pip", "download", *quiet, "--dest", target, wanted]


def _unpack(archive: Path, target: Path) -> Path:
    """Only `tests/unit`: the rest is a second copy of the library."""
    root = archive.name.removesuffix(".tar.gz")
    with tarfile.open(archive) as tar:
        members = [m for m in tar.getmembers() if m.name.startswith(f"{root}/tests/unit/")]
        tar.extractall(target, members, filter="data")
    return target / root / "tests" / "unit"
