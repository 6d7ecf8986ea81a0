"""What passes between the gateway and a service: who calls, in which transaction, and which functions answer.

A service is a set of plain functions, one per API operation, named as botocore names them in snake case:

    @writes
    def create_job_queue(params: CreateJobQueueRequestTypeDef, ctx: Context) -> CreateJobQueueResponseTypeDef: ...

`params` has passed the service model (required members, types, enums, lengths, patterns, ranges); the answer is
serialised by the model, members that it does not name are sent as they are by the JSON protocols.
"""

from __future__ import annotations

import inspect
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, TypeVar

from batchd.errors import ApiError
from batchd.gateway.credentials import SessionCredentials
from batchd.gateway.signer import Signer
from batchd.gateway.vault import Vault
from batchd.invocation import Invocation, Outcome
from batchd.quotas import Quotas
from batchd.store.store import Tx


@dataclass(frozen=True, slots=True)
class Caller:
    """Who signed the request: the root key or an assumed role's session."""

    account: str
    arn: str
    user_id: str
    access_key: str

    @classmethod
    def service(cls, account: str, principal: str) -> Caller:
        """AWS itself, as `events.amazonaws.com`: known to resource policies by that name."""
        return cls(account, principal, principal, "")

    @classmethod
    def anonymous(cls, account: str) -> Caller:
        """Whoever followed a link."""
        return cls(account, "anonymous", "anonymous", "")

    @property
    def is_anonymous(self) -> bool:
        return self.arn == "anonymous"

    @classmethod
    def role(cls, account: str, role_arn: str, session: str) -> Caller:
        """What a service does in a role that it was given."""
        name = role_arn.rpartition("/")[2]
        return cls(account, f"arn:aws:sts::{account}:assumed-role/{name}/{session}", f"{name}:{session}", "")


def _no_user_keys(access_key: str) -> str:
    raise ApiError("ServiceFailure", "This server makes no access keys for users.", 500)


def _passing_vault() -> Vault:
    """For a server without a keyring: what it seals nobody opens after it."""
    return Vault(secrets.token_bytes(32))


def _nobody_waits(queue: str, limit: int) -> list[tuple[str, int]]:
    return []


def _nobody_shares(queue: str, limit: int) -> tuple[int, list[tuple[str, float]]]:
    return 0, []


def _no_downloads(name: str, expires_ms: int) -> str:
    raise ApiError("ServiceException", "This server gives no links.", 500)


async def _no_functions(invocation: Invocation) -> Outcome:
    raise ApiError("ServiceException", "This server runs no functions.", 500)


def _nothing_runs(arn: str, since_ms: int = 0) -> float:
    return 0.0


def _no_instances(queue: str) -> dict[str, dict[str, int]]:
    return {}


def _no_fronts(queue: str) -> dict[str, tuple[str, int]]:
    return {}


@dataclass(frozen=True, slots=True)
class Deployment:
    """What an operation may know of the server it runs in, and the few things only the server can do.

    `endpoint` is the base URL clients use. `why` says why a job is where it is, from the scheduler's own predicates;
    None of one that has ended. `issue_session` makes credentials for (role ARN, role id, session name, seconds, now in
    ms); `user_secret` gives the secret that belongs to a user's access key.
    `overview` is the live picture that `batchd top` shows. `vault` seals what must not be stored in clear, `signer`
    signs what others must be able to tell is from here.
    `front` lists the first jobs that wait in a queue (ARN, how many), each with the time (ms) at which it came to
    its place. `shares` are how many of a queue's (ARN) are active, and those that hold most (how many), each with its
    vCPUs. `queue_vcpus` are the vCPUs in use by a queue's jobs, `queue_instances` the instances in use by its service
    jobs, by share and type; `quota_fronts` are the first job of each of its quota shares, as in `front`.
    `environment_vcpus` are the most that were in use in an environment (ARN) at any time since (ms).
    `strict_roles` asks that roles exist that a compute environment names. `node_address` is where nodes of a job find
    each other.
    `invoke` runs a function to its end; it raises Throttled. `download` is the link to a blob, good until a time (ms).
    """

    account: str
    endpoint: str
    why: Callable[[str], Mapping[str, Any] | None]
    overview: Callable[[], dict[str, Any]]
    issue_session: Callable[[str, str, str, int, int], SessionCredentials]
    user_secret: Callable[[str], str] = _no_user_keys
    vault: Vault = field(default_factory=_passing_vault)
    front: Callable[[str, int], list[tuple[str, int]]] = _nobody_waits
    shares: Callable[[str, int], tuple[int, list[tuple[str, float]]]] = _nobody_shares
    queue_vcpus: Callable[[str], float] = _nothing_runs
    queue_instances: Callable[[str], dict[str, dict[str, int]]] = _no_instances
    quota_fronts: Callable[[str], dict[str, tuple[str, int]]] = _no_fronts
    environment_vcpus: Callable[[str, int], float] = _nothing_runs
    signer: Signer = field(default_factory=Signer)
    quotas: Quotas = field(default_factory=Quotas)
    strict_roles: bool = False
    node_address: str = "127.0.0.1"
    invoke: Callable[[Invocation], Awaitable[Outcome]] = _no_functions
    download: Callable[[str, int], str] = _no_downloads


@dataclass(frozen=True, slots=True)
class Again:
    """Instead of an answer: nothing yet. Run the same operation again when `topic` is told, or at `until_ms`.

    Where nobody may wait (a call from inside, a server that stops) `otherwise` is the answer. What the operation
    wrote on the way is kept."""

    topic: str
    until_ms: int
    otherwise: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Later:
    """Instead of an answer: what must be awaited for it, outside any transaction, after the commit.

    Cancelled when the client goes away. A call from inside cannot have it."""

    answer: Callable[[], Awaitable[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Context:
    """One call's surroundings. `tx` is a write transaction for operations marked `writes`, a snapshot otherwise.

    `waiting_since_ms` is the time of the first try of an operation that answered `Again`, 0 on that try itself.
    `origin` is where the client knows the server, empty where no client asked.
    """

    tx: Tx
    caller: Caller
    region: str
    now_ms: int
    request_id: str
    new_id: Callable[[], str]  # a fresh lower-case UUID
    deployment: Deployment
    call: Callable[[str, str, dict[str, Any]], dict[str, Any]]  # another service's operation, in this transaction
    waiting_since_ms: int = 0
    origin: str = ""

    @property
    def endpoint(self) -> str:
        """The base of URLs that this client is to come back to."""
        return self.origin or self.deployment.endpoint

    def tell(self, topic: str) -> None:
        """Wake, after the commit, who waits for this topic."""
        self.tx.tell(topic)

    @property
    def account(self) -> str:
        return self.deployment.account

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a regional resource of this account."""
        return f"arn:aws:{service}:{self.region}:{self.deployment.account}:{resource}"


@dataclass(frozen=True, slots=True)
class Operation:
    """A function that answers one API operation: with its output, None for an empty one, `Again` or `Later`.

    `is_open`: a GET may ask it without a signature."""

    function: Callable[[Any, Context], Any]
    writes: bool
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class FormerQuery:
    """What the model of a service that speaks JSON no longer says of the query protocol, which older SDKs still speak.

    `names` are wire names by shape: what an item of a list is called, or a map and its keys and values. A request may
    be posted to the URL of what it is about: its path is then the value of `path_member`.
    """

    namespace: str
    names: Mapping[str, tuple[str, ...]]
    path_member: str


@dataclass(frozen=True, slots=True)
class Service:
    """A service as the gateway sees it.

    `name` is the model's folder in botocore's data (or in `models`, for a model of our own).
    `operations` are keyed by snake-case name. `validation_code` is the error code of requests that break the model.
    `relaxed` are shapes whose enum, length, range and pattern AWS's own endpoint does not hold callers to: the
    operations check what they need of them. `errors` are the code in the query protocol and the HTTP status of errors
    (shapes) of which the model does not say them.
    """

    name: str
    operations: dict[str, Operation]
    validation_code: str = "ValidationException"
    models: str | None = None
    relaxed: frozenset[str] = frozenset()
    errors: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    former_query: FormerQuery | None = None


F = TypeVar("F", bound=Callable[[Any, Context], Any])


def reads(function: F) -> F:
    """Mark an operation that only reads: it sees the last commit and never waits for the writer."""
    function.__dict__["batchd_writes"] = False
    return function


def writes(function: F) -> F:
    """Mark an operation that writes: it runs inside the group's transaction, its answer leaves after the commit."""
    function.__dict__["batchd_writes"] = True
    return function


def link(function: F) -> F:
    """Mark an operation that messages hold links to: who follows one has no signature, but knows what the link says."""
    function.__dict__["batchd_is_open"] = True
    return function


def operations_of(modules: Iterable[ModuleType]) -> dict[str, Operation]:
    """Every marked function of the modules, by name."""
    found: dict[str, Operation] = {}
    for module in modules:
        for name, function in inspect.getmembers(module, inspect.isfunction):
            marked = function.__dict__.get("batchd_writes")
            if marked is not None and function.__module__ == module.__name__:
                found[name] = Operation(function, marked, function.__dict__.get("batchd_is_open", False))
    return found
