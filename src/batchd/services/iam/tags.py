"""Tags: a list of {Key, Value}, as AWS writes it; keys are the same tag whatever their case. [iam.md 3]"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from batchd.services.iam.faults import invalid, over_quota
from batchd.services.iam.paging import Params, window

MAX_TAGS = 50

Tags = list[dict[str, str]]


def new_tags(params: Params) -> Tags:
    """The tags of a create or tag request. Raises InvalidInput."""
    tags: Iterable[Mapping[str, str]] = params.get("Tags", [])
    made = [{"Key": tag["Key"], "Value": tag["Value"]} for tag in tags]
    if len({tag["Key"].lower() for tag in made}) < len(made):
        raise invalid("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    return made


def merged(old: Tags, new: Tags, what: str) -> Tags:
    """The old tags with the new ones over them. `what` is the word of the quota's name, as in TagsPerRole."""
    replaced = {tag["Key"].lower() for tag in new}
    tags = [tag for tag in old if tag["Key"].lower() not in replaced] + new
    if len(tags) > MAX_TAGS:
        raise over_quota(f"Cannot exceed quota for TagsPer{what}: {MAX_TAGS}")
    return tags


def without(old: Tags, keys: Iterable[str]) -> Tags:
    gone = {key.lower() for key in keys}
    return [tag for tag in old if tag["Key"].lower() not in gone]


def listed_tags(tags: Tags, params: Params) -> dict[str, Any]:
    """The answer of the List…Tags operations."""
    items, more = window([(f"{number:02}", tag) for number, tag in enumerate(tags)], params)
    return {"Tags": items, **more}
