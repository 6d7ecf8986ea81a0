"""A function's code as it comes in: a zip, or the address of an image. [lambda.md 1]"""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from batchd.errors import ApiError
from batchd.gateway.operation import Context
from batchd.services.lambda_.faults import invalid

_LINK_MS = 600_000
_MOST_ZIPPED = 52_428_800
_MOST_UNZIPPED = 262_144_000


@dataclass(frozen=True, slots=True)
class Code:
    """`blob` names the stored zip, `image` the container image; one of them is empty."""

    size: int
    sha256: str
    blob: str = ""
    image: str = ""


def take_code(ctx: Context, code: Mapping[str, Any], owner: str, *, dry_run: bool = False) -> Code:
    """Check what a request brings and store it. `owner` keeps one function's code apart from another's."""
    if code.get("ImageUri"):
        return Code(0, hashlib.sha256(code["ImageUri"].encode()).hexdigest(), image=code["ImageUri"])
    if code.get("S3Bucket") or code.get("S3Key"):
        raise invalid(
            "Error occurred while GetObject. S3 Error Code: NoSuchBucket. S3 Error Message: this server keeps no "
            "buckets: send the zip itself (ZipFile)"
        )
    data = code.get("ZipFile")
    if not data:
        raise invalid("Please provide a source for function code.")
    _check_zip(data)
    digest = hashlib.sha256(data).digest()
    blob = f"{owner}/{digest.hex()}"
    if not dry_run:
        ctx.tx.blobs.put(blob, data)
    return Code(len(data), base64.b64encode(digest).decode(), blob)


def _check_zip(data: bytes) -> None:
    if len(data) > _MOST_ZIPPED:
        raise ApiError("RequestEntityTooLargeException", f"Zipped size must be smaller than {_MOST_ZIPPED} bytes", 413)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unzipped = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, ValueError, OSError, EOFError):
        raise invalid("Could not unzip uploaded file. Please check your file, then try to upload again.") from None
    if unzipped >= _MOST_UNZIPPED:
        raise invalid(f"Unzipped size must be smaller than {_MOST_UNZIPPED} bytes")


def code_link(ctx: Context, blob: str) -> str:
    """Whoever has it may read the zip for ten minutes, as with AWS's presigned ones."""
    return ctx.deployment.download(blob, ctx.now_ms + _LINK_MS)
