"""What eksProperties may be: one pod. Pure. [batch.md 2.6]"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from batchd.services.batch.container_rules import validate_image
from batchd.services.batch.eks_resources import pod_resources
from batchd.services.batch.faults import Invalid
from batchd.services.batch.merge import validate_environment
from batchd.services.batch.substitute import has_reference, is_open

Shape = Mapping[str, Any]  # Any: an AWS shape, checked by the gateway against the model

DEFAULT_NAME = "Default"
_MOST_CONTAINERS = 10
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_POLICIES = ("Always", "IfNotPresent", "Never")
_DNS = ("Default", "ClusterFirst", "ClusterFirstWithHostNet")
_SOURCES = ("hostPath", "emptyDir", "secret", "persistentVolumeClaim")
_LARGEST_ID = 2**31 - 1


def validate_eks(properties: Shape) -> None:
    """eksProperties of a definition. Raises Invalid."""
    pod = properties.get("podProperties")
    if not pod:
        raise Invalid("eksProperties must have podProperties")
    if not 1 <= len(pod.get("containers", ())) <= _MOST_CONTAINERS:
        raise Invalid(f"eksProperties.podProperties.containers must have 1 to {_MOST_CONTAINERS} entries")
    if len(pod.get("initContainers", ())) > _MOST_CONTAINERS:
        raise Invalid(f"eksProperties.podProperties.initContainers must have at most {_MOST_CONTAINERS} entries")
    _validate_choice("dnsPolicy", pod.get("dnsPolicy"), _DNS)
    containers = [*pod.get("initContainers", ()), *pod["containers"]]
    _validate_names(containers)
    volumes = _validate_volumes(pod.get("volumes", ()))
    for container in containers:
        _validate_container(container, volumes)
    _validate_security(pod.get("securityContext") or {})
    validate_metadata(pod.get("metadata") or {})
    if not has_reference([container.get("resources") for container in containers]):
        pod_resources(pod)


def container_name(container: Shape) -> str:
    name: str = container.get("name") or DEFAULT_NAME
    return name


def validate_metadata(metadata: Shape) -> None:
    """Of a definition, and of what overrides it."""
    if "namespace" in metadata and not is_open(metadata["namespace"]):
        validate_namespace(metadata["namespace"])


def validate_namespace(namespace: str) -> None:
    """Of pods, and of compute environments on Amazon EKS."""
    reserved = namespace == "default" or namespace.startswith("kube")
    if reserved or len(namespace) > 63 or not _NAMESPACE.fullmatch(namespace):
        raise Invalid(
            f"Kubernetes namespace {namespace} must have 1 to 63 lower-case letters, digits or hyphens, "
            "and must not be default or start with kube"
        )


def _validate_choice(member: str, value: str | None, choices: Sequence[str]) -> None:
    if value and value not in choices and not is_open(value):
        raise Invalid(f"{member} must be one of {', '.join(choices)}")


def _validate_names(containers: Sequence[Shape]) -> None:
    for container in containers:
        name = container.get("name")
        if name and not is_open(name) and not _NAME.fullmatch(name):
            raise Invalid("Container name should match valid pattern")
    if len({container_name(container) for container in containers}) < len(containers):
        raise Invalid("containers of a pod must have names of their own")


def _validate_container(container: Shape, volumes: set[str]) -> None:
    validate_image(container.get("image"))
    _validate_choice("imagePullPolicy", container.get("imagePullPolicy"), _POLICIES)
    validate_environment(container.get("env", ()))
    _validate_security(container.get("securityContext") or {})
    for mount in container.get("volumeMounts", ()):
        if mount.get("name") not in volumes and not is_open(mount.get("name")):
            raise Invalid(f"volumeMounts: there is no volume {mount.get('name')}")
        if not mount.get("mountPath"):
            raise Invalid("volumeMounts must have a mountPath")
        if ".." in mount.get("subPath", "").split("/") or mount.get("subPath", "").startswith("/"):
            raise Invalid("volumeMounts.subPath must be a path below the volume")


def _validate_volumes(volumes: Sequence[Shape]) -> set[str]:
    names: set[str] = set()
    for volume in volumes:
        if not volume["name"] or volume["name"] in names:
            raise Invalid("volumes must have names of their own")
        names.add(volume["name"])
        if len([source for source in _SOURCES if source in volume]) != 1:
            raise Invalid(f"volume {volume['name']} must have exactly one of {', '.join(_SOURCES)}")
        path = volume["hostPath"].get("path", "") if "hostPath" in volume else "/"
        if not path.startswith("/") and not is_open(path):
            raise Invalid(f"volume {volume['name']}: hostPath.path must be an absolute path")
        if (volume.get("emptyDir") or {}).get("medium", "") not in ("", "Memory"):
            raise Invalid(f'volume {volume["name"]}: emptyDir.medium must be "" or "Memory"')
    return names


def _validate_security(context: Shape) -> None:
    """A pod's securityContext or a container's."""
    for member in ("runAsUser", "runAsGroup", "fsGroup"):
        if not 0 <= context.get(member, 0) <= _LARGEST_ID:
            raise Invalid(f"securityContext.{member} must be between 0 and {_LARGEST_ID}")
    if context.get("runAsNonRoot") and context.get("runAsUser") == 0:
        raise Invalid("securityContext.runAsUser can not be 0 with runAsNonRoot")
