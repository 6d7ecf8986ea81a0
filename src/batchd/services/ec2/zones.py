"""Regions and their availability zones. [iam.md 13]"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from batchd.errors import ApiError
from batchd.gateway.operation import Context, reads
from batchd.services.ec2.filters import select
from batchd.store.store import Body

if TYPE_CHECKING:
    from types_boto3_ec2 import type_defs as t

REGIONS = (
    *("ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2"),
    *("ca-central-1", "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1"),
    *("us-east-1", "us-east-2", "us-west-1", "us-west-2"),
)
_LETTERS = "abc"
_SHORT = re.compile(r"(north|south)?(east|west|central)?")
_ZONE_FIELDS = {
    "zone-name": "ZoneName",
    "zone-id": "ZoneId",
    "zone-type": "ZoneType",
    "region-name": "RegionName",
    "group-name": "GroupName",
    "state": "State",
    "opt-in-status": "OptInStatus",
}


def zone_names(region: str) -> list[str]:
    """Three zones in every region."""
    return [region + letter for letter in _LETTERS]


def zone_id(zone: str) -> str:
    """`use1-az1` of `us-east-1a`: the region's initials, and the zone's number."""
    region, letter = zone[:-1], zone[-1]
    area, *words = region.split("-")
    number = words.pop() if words and words[-1].isdigit() else ""
    initials = "".join(_initials(word) for word in words)
    return f"{area}{initials}{number}-az{_LETTERS.index(letter) + 1}"


@reads
def describe_availability_zones(params: t.DescribeAvailabilityZonesRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """InvalidParameterValue for a zone the region does not have."""
    zones = [_zone(ctx.region, name) for name in zone_names(ctx.region)]
    for member, wanted in (("ZoneName", params.get("ZoneNames")), ("ZoneId", params.get("ZoneIds"))):
        if wanted:
            known = {zone[member] for zone in zones}
            if strange := [name for name in wanted if name not in known]:
                raise ApiError("InvalidParameterValue", f"Invalid availability zone: [{', '.join(strange)}]")
            zones = [zone for zone in zones if zone[member] in wanted]
    return {"AvailabilityZones": select(zones, params.get("Filters", ()), _ZONE_FIELDS)}


@reads
def describe_regions(params: t.DescribeRegionsRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """The regions AWS opens to everybody, and the caller's whatever its name."""
    regions = [
        {"RegionName": name, "Endpoint": f"ec2.{name}.amazonaws.com", "OptInStatus": "opt-in-not-required"}
        for name in sorted({*REGIONS, ctx.region})
    ]
    if wanted := params.get("RegionNames"):
        known = {region["RegionName"] for region in regions}
        if strange := [name for name in wanted if name not in known]:
            raise ApiError("InvalidParameterValue", f"Invalid region name(s) given: [{', '.join(strange)}]")
        regions = [region for region in regions if region["RegionName"] in wanted]
    fields = {"region-name": "RegionName", "endpoint": "Endpoint", "opt-in-status": "OptInStatus"}
    return {"Regions": select(regions, params.get("Filters", ()), fields)}


def _zone(region: str, name: str) -> Body:
    return {
        "ZoneName": name,
        "ZoneId": zone_id(name),
        "RegionName": region,
        "State": "available",
        "OptInStatus": "opt-in-not-required",
        "GroupName": f"{region}-zg-1",
        "NetworkBorderGroup": region,
        "ZoneType": "availability-zone",
        "Messages": [],
    }


def _initials(word: str) -> str:
    found = _SHORT.fullmatch(word)
    if found is None:
        return word[:1]
    return "".join(part[0] for part in found.groups() if part)
