"""What a tag may be. [batch.md 10.1]"""

from __future__ import annotations

import re
from collections.abc import Mapping

from batchd.quotas import Quotas, exceeds
from batchd.services.batch.faults import Invalid, client_exception

_ALLOWED = re.compile(r"[\w\s.:/=+@-]*")


def validate_tags(tags: Mapping[str, str], most: int = Quotas.tags_per_resource) -> dict[str, str]:
    """The tags as a dict of their own. Raises ClientException or Invalid."""
    if not tags:
        return {}
    if exceeds(len(tags), most):
        raise Invalid(f"tags: a resource can have at most {most} tags")
    for key, value in tags.items():
        if key.lower().startswith("aws:"):
            raise Invalid(f"tag key {key} is not allowed, keys starting with aws: are reserved")
        if not _ALLOWED.fullmatch(key) or not _ALLOWED.fullmatch(value):
            raise client_exception(
                "Tags can only contain letters, numbers, spaces, and the following special characters: _ . : / = + - @"
            )
    return dict(tags)
