"""Jobs on Amazon EKS as DescribeJobs tells of them. Pure. [batch.md 1.4]"""

from __future__ import annotations

from collections.abc import Mapping

from batchd.scheduler.events import ContainerExit
from batchd.services.batch.eks_rules import container_name
from batchd.services.batch.job_attempts import Try, given, present, recorded, times
from batchd.services.batch.job_tasks import exits_of
from batchd.services.batch.names import node_name, pod_name
from batchd.store.store import Body, JobRow

_KINDS = ("containers", "initContainers")


def pod_members(row: JobRow) -> Body:
    """`eksProperties` and `eksAttempts`."""
    pod = row.document["aws"]["eksProperties"]["podProperties"]
    now = present(row)
    ends = exits_of(now, _names(pod)) if now else {}
    described = {**pod, **(_place(now) if now else {})}
    for kind in _KINDS:
        if kind in pod:
            described[kind] = [{**container, **_end(ends, container_name(container))} for container in pod[kind]]
    return {
        "eksProperties": {"podProperties": described},
        "attempts": [],
        "eksAttempts": [{**_attempt(row, pod, recorded(attempt)), **times(attempt)} for attempt in row.attempts],
    }


def _names(pod: Body) -> list[str]:
    """The container that decides where nothing is known of the others, first."""
    return [container_name(container) for kind in _KINDS for container in pod.get(kind, ())]


def _place(tried: Try) -> Body:
    return {"podName": pod_name(tried.task_id), "nodeName": node_name(tried.environment)}


def _attempt(row: JobRow, pod: Body, tried: Try) -> Body:
    cluster = row.document["clusters"].get(tried.environment, {})
    namespace = pod.get("metadata", {}).get("namespace") or cluster.get("kubernetesNamespace")
    ends = exits_of(tried, _names(pod))
    containers = {
        kind: [{"name": name, **_end(ends, name)} for name in map(container_name, pod.get(kind, ()))] for kind in _KINDS
    }
    return {
        **containers,
        **_place(tried),
        **given(podNamespace=namespace, eksClusterArn=cluster.get("eksClusterArn")),
    }


def _end(ends: Mapping[str, ContainerExit], name: str) -> Body:
    end = ends.get(name)
    return given(exitCode=end.exit_code, reason=end.reason) if end else {}
