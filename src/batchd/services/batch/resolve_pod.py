"""Jobs of eksProperties: a pod, run as a task of its containers. Pure. [batch.md 2.6, 3.2]

What Kubernetes calls command replaces the image's entry point, its args are what ECS calls command. InitContainers run
one after the other, each to success, before the others start; the pod ends when all of those have ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

from batchd.scheduler.events import Resources
from batchd.services.batch.eks_resources import container_resources, init_resources, pod_resources
from batchd.services.batch.eks_rules import container_name, validate_eks, validate_metadata
from batchd.services.batch.faults import refuse_unsupported, unsupported
from batchd.services.batch.task_template import log_destination
from batchd.services.batch.work import Order, Shape, Work, matched
from batchd.store.store import Body
from batchd.task import POD, ContainerSpec, Mount, TaskSpec, Tmpfs

_OVERRIDE = "eksPropertiesOverride.podProperties"
_KINDS = ("initContainers", "containers")


def pod_work(order: Order) -> Work:
    """A pod's containers. Raises Invalid or ClientException."""
    pod = order.filled(_resolved(order, order.definition["eksProperties"]["podProperties"]), _validate)
    _refuse_unservable(pod)
    wanted = pod_resources(pod)
    first = [_spec(order, pod, c, init_resources(c) or wanted) for c in pod.get("initContainers", ())]
    others = [_spec(order, pod, c, container_resources(c)) for c in pod["containers"]]
    row = first[:1] + [replace(later, depends_on=((before.name, "SUCCESS"),)) for before, later in pairwise(first)]
    if first:
        others = [replace(spec, depends_on=((first[-1].name, "SUCCESS"),)) for spec in others]
    return Work({"eksProperties": {"podProperties": pod}}, wanted, TaskSpec("", (*row, *others), labels={POD: "1"}))


def _validate(pod: Shape) -> None:
    validate_eks({"podProperties": pod})


def _override(params: Shape) -> Shape:
    override: Shape = params.get("eksPropertiesOverride", {}).get("podProperties", {})
    return override


def _resolved(order: Order, pod: Shape) -> Body:
    """podProperties as DescribeJobs shows them."""
    override = _override(order.params)
    resolved = dict(pod)
    images = order.images([container_name(one) for kind in _KINDS for one in pod.get(kind, ())])
    for kind in _KINDS:
        names = [container_name(container) for container in pod.get(kind, ())]
        overrides = matched(override.get(kind, []), names, f"{_OVERRIDE}.{kind}")
        if names:
            resolved[kind] = [_merged(c, overrides.get(container_name(c), {}), images) for c in pod[kind]]
    if override.get("metadata"):
        validate_metadata(override["metadata"])
        resolved["metadata"] = _merged_metadata(pod.get("metadata", {}), override["metadata"])
    return resolved


def _merged(container: Shape, override: Shape, images: Mapping[str, str]) -> Body:
    """The override replaces image, command and args; env goes by name, resources by kind."""
    merged = {**container, **{m: override[m] for m in ("image", "command", "args") if override.get(m)}}
    merged["image"] = images.get(container_name(container), merged["image"])
    env = {entry["name"]: entry for entry in (*container["env"], *override.get("env", ()))}
    merged["env"] = list(env.values())
    if override.get("resources"):
        merged["resources"] = _merged_resources(container.get("resources", {}), override["resources"])
    return merged


def _merged_resources(resources: Shape, override: Shape) -> Body:
    """What is overridden of a kind is all that is said of it."""
    said = {*override.get("limits", {}), *override.get("requests", {})}
    merged = {}
    for part in ("limits", "requests"):
        kept = {kind: value for kind, value in resources.get(part, {}).items() if kind not in said}
        if both := kept | dict(override.get(part, {})):
            merged[part] = both
    return merged


def _merged_metadata(metadata: Shape, override: Shape) -> Body:
    merged = {**metadata, **override}
    for member in ("labels", "annotations"):
        if member in merged:
            merged[member] = {**metadata.get(member, {}), **override.get(member, {})}
    return merged


def _spec(order: Order, pod: Shape, container: Shape, wanted: Resources) -> ContainerSpec:
    name = container_name(container)
    security = {**(pod.get("securityContext") or {}), **(container.get("securityContext") or {})}
    mounts, tmpfs = _volumes(pod, container, wanted)
    return ContainerSpec(
        name=name,
        image=container["image"],
        entry_point=tuple(container["command"]),
        command=tuple(container["args"]),
        environment={entry["name"]: entry.get("value", "") for entry in container["env"]},
        expands=True,
        essential=False,
        vcpus=wanted.vcpus_milli / 1000,
        memory_mib=wanted.memory_mib,
        gpus=wanted.gpus,
        user=_user(security),
        privileged=security.get("privileged", False),
        readonly_root=security.get("readOnlyRootFilesystem", False),
        mounts=mounts,
        tmpfs=tmpfs,
        log=log_destination({}, order.name, order.region, name),
    )


def _user(security: Mapping[str, Any]) -> str | None:
    """Kubernetes' group without a user is root's."""
    user, group = security.get("runAsUser"), security.get("runAsGroup")
    if user is None and group is None:
        return None
    return str(user or 0) if group is None else f"{user or 0}:{group}"


def _volumes(pod: Shape, container: Shape, wanted: Resources) -> tuple[tuple[Mount, ...], tuple[Tmpfs, ...]]:
    """A volume in memory is one only where no other container mounts it: theirs must outlive each of them."""
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    mounted = [m["name"] for kind in _KINDS for c in pod.get(kind, ()) for m in c["volumeMounts"]]
    mounts, tmpfs = [], []
    for mount in container["volumeMounts"]:
        volume = volumes[mount["name"]]
        if (volume.get("emptyDir") or {}).get("medium") == "Memory" and mounted.count(mount["name"]) == 1:
            tmpfs.append(Tmpfs(mount["mountPath"], wanted.memory_mib, ("exec",)))
        else:
            mounts.append(_mount(volume, mount))
    return tuple(mounts), tuple(tmpfs)


def _mount(volume: Shape, mount: Shape) -> Mount:
    read_only = mount.get("readOnly", False)
    if "hostPath" in volume:
        below = f"/{mount['subPath']}" if mount.get("subPath") else ""
        return Mount(volume["hostPath"]["path"].rstrip("/") + below or "/", mount["mountPath"], read_only)
    return Mount("", mount["mountPath"], read_only, volume["name"])


def _refuse_unservable(pod: Shape) -> None:
    """Members that no engine here can honour: running the job without them would be wrong."""
    if pod.get("shareProcessNamespace"):
        unsupported("eksProperties.podProperties.shareProcessNamespace")
    for volume in pod["volumes"]:
        if "persistentVolumeClaim" in volume or ("secret" in volume and not volume["secret"].get("optional")):
            source = "secret" if "secret" in volume else "persistentVolumeClaim"
            unsupported(f"eksProperties.podProperties.volumes.{source}")
    hosts = {volume["name"] for volume in pod["volumes"] if "hostPath" in volume}
    for container in [one for kind in _KINDS for one in pod.get(kind, ())]:
        security = container.get("securityContext") or {}
        refuse_unsupported({"eksProperties securityContext.capabilities": security.get("capabilities")})
        for mount in container["volumeMounts"]:
            if mount.get("subPath") and mount["name"] not in hosts:
                unsupported("eksProperties volumeMounts.subPath of a volume that is no hostPath")
