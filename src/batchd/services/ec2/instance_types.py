"""The machine types, for those who ask for one. Jobs run on the machines batchd has."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from batchd import instances
from batchd.errors import ApiError
from batchd.gateway.operation import Context, reads
from batchd.instances import ARM, Instance
from batchd.services.ec2.filters import select, wildcard
from batchd.services.ec2.inventory import paged
from batchd.services.ec2.zones import zone_id, zone_names
from batchd.store.store import Body

if TYPE_CHECKING:
    from types_boto3_ec2 import type_defs as t

_FORMER = frozenset({"c3", "g3", "g3s", "i2", "m3", "p2", "r3"})  # earlier generations
_XEN = _FORMER | {"c4", "d2", "f1", "i3", "m4", "p3", "r4", "t2", "x1", "x1e"}
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
    return {name: _body(instance) for name, instance in instances.catalogue().items()}


def _body(instance: Instance) -> Body:
    threads = 1 if instance.architecture == ARM or instance.family == "t2" else 2
    body: Body = {
        "InstanceType": instance.name,
        "CurrentGeneration": instance.family not in _FORMER,
        "FreeTierEligible": instance.name in ("t2.micro", "t3.micro"),
        "SupportedUsageClasses": ["on-demand", "spot"],
        "SupportedRootDeviceTypes": ["ebs"],
        "SupportedVirtualizationTypes": ["hvm"],
        "BareMetal": instance.is_metal,
        "ProcessorInfo": {"SupportedArchitectures": [instance.architecture]},
        "VCpuInfo": {
            "DefaultVCpus": instance.vcpus,
            "DefaultCores": max(instance.vcpus // threads, 1),
            "DefaultThreadsPerCore": threads,
        },
        "MemoryInfo": {"SizeInMiB": instance.memory_mib},
        "InstanceStorageSupported": instance.disks,
        "BurstablePerformanceSupported": instance.is_burstable,
        "HibernationSupported": False,
        "DedicatedHostsSupported": False,
        "AutoRecoverySupported": False,
    }
    if not instance.is_metal:
        body["Hypervisor"] = "xen" if instance.family in _XEN else "nitro"
    if instance.gpus:
        body["GpuInfo"] = _gpus(instance)
    return body


def _gpus(instance: Instance) -> Body:
    gpu = {
        "Name": instance.gpu,
        "Manufacturer": "AMD" if instance.family == "g4ad" else "NVIDIA",
        "Count": instance.gpus,
        "MemoryInfo": {"SizeInMiB": instance.gpu_mib},
    }
    return {"Gpus": [gpu], "TotalGpuMemoryInMiB": instance.gpus * instance.gpu_mib}
