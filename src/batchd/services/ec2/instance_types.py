"""A small catalogue of machine types, so that those who ask for one find it. Jobs run on the machines batchd has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from batchd.errors import ApiError
from batchd.gateway.operation import Context, reads
from batchd.services.ec2.filters import select, wildcard
from batchd.services.ec2.inventory import paged
from batchd.services.ec2.zones import zone_id, zone_names
from batchd.store.store import Body

if TYPE_CHECKING:
    from types_boto3_ec2 import type_defs as t

_VCPUS = {
    "large": 2,
    "xlarge": 4,
    "2xlarge": 8,
    "3xlarge": 12,
    "4xlarge": 16,
    "8xlarge": 32,
    "9xlarge": 36,
    "12xlarge": 48,
    "16xlarge": 64,
    "18xlarge": 72,
    "24xlarge": 96,
    "32xlarge": 128,
    "48xlarge": 192,
}
_FIFTH = "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge"
_COMPUTE = "large xlarge 2xlarge 4xlarge 9xlarge 12xlarge 18xlarge 24xlarge"
_SIXTH = f"{_FIFTH} 32xlarge"
_SEVENTH = f"{_FIFTH} 48xlarge"


@dataclass(frozen=True, slots=True)
class Family:
    """Machines of one make in several sizes. `memory` is MiB a vCPU."""

    name: str
    memory: int
    sizes: str
    arm: bool = False
    disks: bool = False


_FAMILIES = (
    Family("m5", 4096, _FIFTH),
    Family("m5d", 4096, _FIFTH, disks=True),
    Family("m6i", 4096, _SIXTH),
    Family("m6g", 4096, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge", arm=True),
    Family("m7i", 4096, _SEVENTH),
    Family("m7g", 4096, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge", arm=True),
    Family("c5", 2048, _COMPUTE),
    Family("c5d", 2048, _COMPUTE, disks=True),
    Family("c6i", 2048, _SIXTH),
    Family("c6g", 2048, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge", arm=True),
    Family("c7i", 2048, _SEVENTH),
    Family("r5", 8192, _FIFTH),
    Family("r5d", 8192, _FIFTH, disks=True),
    Family("r6i", 8192, _SIXTH),
    Family("r7i", 8192, _SEVENTH),
)
_BURSTABLE = {"nano": 512, "micro": 1024, "small": 2048, "medium": 4096, "large": 8192, "xlarge": 16384}
# type: (vCPUs, GiB, GPUs, make, MiB a GPU)
_ACCELERATED = {
    "g4dn.xlarge": (4, 16, 1, "T4", 16384),
    "g4dn.2xlarge": (8, 32, 1, "T4", 16384),
    "g4dn.4xlarge": (16, 64, 1, "T4", 16384),
    "g4dn.8xlarge": (32, 128, 1, "T4", 16384),
    "g4dn.12xlarge": (48, 192, 4, "T4", 16384),
    "g5.xlarge": (4, 16, 1, "A10G", 24576),
    "g5.2xlarge": (8, 32, 1, "A10G", 24576),
    "g5.4xlarge": (16, 64, 1, "A10G", 24576),
    "g5.12xlarge": (48, 192, 4, "A10G", 24576),
    "g5.48xlarge": (192, 768, 8, "A10G", 24576),
    "p3.2xlarge": (8, 61, 1, "V100", 16384),
    "p3.8xlarge": (32, 244, 4, "V100", 16384),
    "p3.16xlarge": (64, 488, 8, "V100", 16384),
    "p4d.24xlarge": (96, 1152, 8, "A100", 40960),
}
_FIELDS = {
    "instance-type": "InstanceType",
    "current-generation": "CurrentGeneration",
    "bare-metal": "BareMetal",
    "burstable-performance-supported": "BurstablePerformanceSupported",
    "hypervisor": "Hypervisor",
    "instance-storage-supported": "InstanceStorageSupported",
    "memory-info.size-in-mib": "MemoryInfo.SizeInMiB",
    "processor-info.supported-architecture": "ProcessorInfo.SupportedArchitectures",
    "supported-root-device-type": "SupportedRootDeviceTypes",
    "supported-usage-class": "SupportedUsageClasses",
    "supported-virtualization-type": "SupportedVirtualizationTypes",
    "vcpu-info.default-vcpus": "VCpuInfo.DefaultVCpus",
    "vcpu-info.default-cores": "VCpuInfo.DefaultCores",
}


@reads
def describe_instance_types(params: t.DescribeInstanceTypesRequestTypeDef, ctx: Context) -> dict[str, Any]:
    """InvalidInstanceType for a type the catalogue lacks; names may hold wildcards."""
    types = list(catalogue().values())
    if wanted := params.get("InstanceTypes"):
        if strange := [name for name in wanted if not any(map(wildcard(name), catalogue()))]:
            raise ApiError(
                "InvalidInstanceType",
                f"The following supplied instance types do not exist: [{', '.join(strange)}]",
            )
        tests = [wildcard(name) for name in wanted]
        types = [body for body in types if any(test(body["InstanceType"]) for test in tests)]
    return paged("InstanceTypes", select(types, params.get("Filters", ()), _FIELDS), params)


@reads
def describe_instance_type_offerings(
    params: t.DescribeInstanceTypeOfferingsRequestTypeDef, ctx: Context
) -> dict[str, Any]:
    """Every type, everywhere."""
    kind = params.get("LocationType", "region")
    zones = zone_names(ctx.region)
    places = {"availability-zone": zones, "availability-zone-id": [zone_id(zone) for zone in zones]}
    offerings = [
        {"InstanceType": name, "LocationType": kind, "Location": place}
        for name in catalogue()
        for place in places.get(kind, [ctx.region])
    ]
    fields = {"instance-type": "InstanceType", "location": "Location"}
    return paged("InstanceTypeOfferings", select(offerings, params.get("Filters", ()), fields), params)


@lru_cache(maxsize=1)
def catalogue() -> dict[str, Body]:
    """Every type by name, in order of name. Read only."""
    return {body["InstanceType"]: body for body in sorted(_bodies(), key=lambda body: str(body["InstanceType"]))}


def _bodies() -> Iterator[Body]:
    for family in _FAMILIES:
        for size in family.sizes.split():
            vcpus = _VCPUS[size]
            body = _body(f"{family.name}.{size}", vcpus, vcpus * family.memory, arm=family.arm)
            yield {**body, "InstanceStorageSupported": family.disks}
    for size, memory_mib in _BURSTABLE.items():
        body = _body(f"t3.{size}", 4 if size == "xlarge" else 2, memory_mib)
        yield {**body, "BurstablePerformanceSupported": True}
    for name, (vcpus, memory_gib, count, make, each_mib) in _ACCELERATED.items():
        gpu = {"Name": make, "Manufacturer": "NVIDIA", "Count": count, "MemoryInfo": {"SizeInMiB": each_mib}}
        info = {"Gpus": [gpu], "TotalGpuMemoryInMiB": count * each_mib}
        yield {**_body(name, vcpus, memory_gib * 1024), "GpuInfo": info}


def _body(name: str, vcpus: int, memory_mib: int, *, arm: bool = False) -> Body:
    threads = 1 if arm else 2
    return {
        "InstanceType": name,
        "CurrentGeneration": True,
        "FreeTierEligible": name in ("t3.micro",),
        "SupportedUsageClasses": ["on-demand", "spot"],
        "SupportedRootDeviceTypes": ["ebs"],
        "SupportedVirtualizationTypes": ["hvm"],
        "BareMetal": False,
        "Hypervisor": "xen" if name.startswith("p3.") else "nitro",
        "ProcessorInfo": {"SupportedArchitectures": ["arm64" if arm else "x86_64"]},
        "VCpuInfo": {"DefaultVCpus": vcpus, "DefaultCores": vcpus // threads, "DefaultThreadsPerCore": threads},
        "MemoryInfo": {"SizeInMiB": memory_mib},
        "InstanceStorageSupported": False,
        "BurstablePerformanceSupported": False,
        "HibernationSupported": False,
        "DedicatedHostsSupported": False,
        "AutoRecoverySupported": False,
    }
