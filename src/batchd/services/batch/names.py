"""Names and ARNs of Batch's nouns, and of the ECS nouns its jobs mention. [batch.md 10.2]"""

from __future__ import annotations

import functools
import re
import uuid

from batchd.arns import Arn, parse_arn
from batchd.gateway.operation import Context
from batchd.scheduler.identity import instance_id
from batchd.services.batch.faults import Invalid
from batchd.store.store import Key

QUEUE = "batch.job-queue"
ENVIRONMENT = "batch.compute-environment"
POLICY = "batch.scheduling-policy"
DEFINITION = "batch.job-definition"
SERVICE_ENVIRONMENT = "batch.service-environment"
DEFINITION_LIMIT = "batch.job-definition-limit"  # named as the definition's revision
QUOTA_SHARE = "batch.quota-share"  # named `<queue>/<share>`
CONSUMABLE = "batch.consumable-resource"
CONSUMABLE_USE = "batch.consumable-resource-use"  # whose writer is controllers/schedule

_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,127}")
_JOB_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}([:#][0-9]+)?")
_LAST_REVISION = 2**31 - 1


def is_name(text: str) -> bool:
    """1 to 128 letters, digits, `-`, `_`; the first a letter or digit."""
    return _NAME.fullmatch(text) is not None


def check_name(noun: str, name: str) -> None:
    """Raises Invalid, e.g. `Job name should match valid pattern`."""
    if not is_name(name):
        raise Invalid(f"{noun} should match valid pattern")


def is_job_id(text: str) -> bool:
    """`<uuid>`, `<uuid>:<index>` or `<uuid>#<node>`."""
    return _JOB_ID.fullmatch(text) is not None


def resource_arn(ctx: Context, kind: str, name: str) -> str:
    """`kind` as in QUEUE: the noun behind the dot is the ARN's."""
    return ctx.arn("batch", f"{kind.partition('.')[2]}/{name}")


def name_of(ctx: Context, kind: str, text: str) -> str:
    """The name in a name or an ARN. An ARN of another kind, region or account stays whole: nothing has that name."""
    if not text.startswith("arn:"):
        return text
    prefix = resource_arn(ctx, kind, "")
    return text[len(prefix) :] if text.startswith(prefix) else text


def key_of(ctx: Context, kind: str, text: str) -> Key:
    """The key of the queue, environment or policy with this name or ARN."""
    return Key(kind, ctx.region, name_of(ctx, kind, text))


def job_id_of(text: str) -> str:
    """The id in a job's id or ARN."""
    if not text.startswith("arn:"):
        return text
    arn = parse_arn(text)
    return arn.name if arn is not None and arn.kind == "job" else text


def revision_key(region: str, name: str, revision: int) -> Key:
    """Keys of one definition's revisions sort newest first: the first one of a page is the latest."""
    return Key(DEFINITION, region, f"{revision_prefix(name)}{_LAST_REVISION - revision:010d}")


def revision_prefix(name: str) -> str:
    """What the names of all revisions' keys begin with."""
    return f"{name}:"


def split_revision(text: str) -> tuple[str, int | None]:
    """`night:3` is ("night", 3), `night` is ("night", None). What is neither has no such revision: ("…", 0)."""
    name, colon, revision = text.partition(":")
    if not colon:
        return name, None
    known = revision.isascii() and revision.isdigit() and len(revision) <= 10
    return name, min(int(revision), _LAST_REVISION) if known else 0


@functools.lru_cache(maxsize=1024)
def environment_uuid(environment_arn: str) -> str:
    """An environment's `uuid`: a function of its ARN, so that a finished job's task ARN outlives the environment."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, environment_arn))


@functools.lru_cache(maxsize=1024)
def cluster_name(environment_arn: str) -> str:
    """`AWSBatch-<environment>-<uuid>`. [batch.md 6.1]"""
    return f"AWSBatch-{_parsed(environment_arn).name}-{environment_uuid(environment_arn)}"


def cluster_arn(environment_arn: str) -> str:
    return _ecs_arn(environment_arn, f"cluster/{cluster_name(environment_arn)}")


def task_arn(environment_arn: str, task_id: str) -> str:
    return _ecs_arn(environment_arn, f"task/{cluster_name(environment_arn)}/{task_id}")


@functools.lru_cache(maxsize=1024)
def container_instance_arn(environment_arn: str) -> str:
    """The one machine that serves the environment."""
    machine = uuid.uuid5(uuid.NAMESPACE_URL, f"{environment_arn}#machine").hex
    return _ecs_arn(environment_arn, f"container-instance/{cluster_name(environment_arn)}/{machine}")


def pod_name(task_id: str) -> str:
    """`aws-batch.<uuid>`. [batch.md 1.4]"""
    return f"aws-batch.{uuid.UUID(hex=task_id)}"


@functools.lru_cache(maxsize=1024)
def node_name(environment_arn: str) -> str:
    """The one machine that serves the environment, as Kubernetes calls it."""
    return f"{instance_id(environment_arn)}.{_parsed(environment_arn).region}.compute.internal"


def _ecs_arn(environment_arn: str, resource: str) -> str:
    arn = _parsed(environment_arn)
    return str(Arn("ecs", arn.region, arn.account, resource, arn.partition))


def _parsed(text: str) -> Arn:
    arn = parse_arn(text)
    if arn is None:
        raise ValueError(f"not the ARN of a compute environment: {text!r}")
    return arn
