"""Code of functions, zipped."""

from __future__ import annotations

import io
import zipfile


def zipped(files: dict[str, str], mode: int = 0o644) -> bytes:
    """A zip of these texts by path; the same texts make the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, text in files.items():
            entry = zipfile.ZipInfo(path)
            entry.external_attr = mode << 16
            archive.writestr(entry, text)
    return buffer.getvalue()
