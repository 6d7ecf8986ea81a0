"""The canonical request: what a client signed, rebuilt from what arrived. [iam.md 2, step 6]

Everything here is text whose characters are the octets of the wire (latin-1), as HTTP carries them.
"""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import quote

from batchd.gateway.request import HttpRequest

_ASCII = "".join(map(chr, range(0x21, 0x7F)))


def canonical_request(request: HttpRequest, query: str, signed_headers: str, payload: str) -> bytes:
    """The octets whose SHA-256 is signed. `query` is canonical already, `payload` is a hash or a literal."""
    names, names_line = _signed_names(signed_headers)
    headers = request.headers
    lines = [request.method, canonical_path(request.path), query]
    lines += [f"{name}:{_trimmed(headers.get(name, ''))}" for name in names]
    lines += ["", names_line, payload]
    return octets("\n".join(lines))


@lru_cache(512)
def canonical_path(path: str) -> str:
    """The path as sent, slashes and dot segments collapsed, percent-encoded once more (`%3A` becomes `%253A`)."""
    if not path.startswith("/"):
        path = "/" + path
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    slash = "/" if kept and path.endswith("/") else ""
    return quote(octets("/" + "/".join(kept) + slash), safe="/~")


def canonical_query(query: str) -> str:
    """The pairs as they stand, sorted by name, then by value; without the signature itself."""
    if not query:
        return ""
    if not query.isascii():
        query = quote(octets(query), safe=_ASCII)
    pairs = sorted(pair.partition("=")[::2] for pair in query.split("&"))
    return "&".join(f"{name}={value}" for name, value in pairs if name != "X-Amz-Signature")


def octets(text: str) -> bytes:
    """What was on the wire. Text from elsewhere than the wire is taken as UTF-8."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


@lru_cache(256)
def _signed_names(signed_headers: str) -> tuple[tuple[str, ...], str]:
    """The names in canonical order, and the line that lists them."""
    names = tuple(sorted(name.strip().lower() for name in signed_headers.split(";")))
    return names, ";".join(names)


def _trimmed(value: str) -> str:
    """Without outer white space, inner runs collapsed. Only ASCII's: octets above are parts of characters."""
    if value.isascii():
        return " ".join(value.split())
    return b" ".join(octets(value).split()).decode("latin-1")
