"""How the command line reaches a server: the environment's AWS variables, else the server of the data directory."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batchd.config import Settings, load_settings
from batchd.errors import BatchdError

if TYPE_CHECKING:
    from types_boto3_batch import BatchClient
    from types_boto3_ec2 import EC2Client
    from types_boto3_logs import CloudWatchLogsClient
    from types_boto3_scheduler import EventBridgeSchedulerClient

_WRAPPED = re.compile(r"^Error executing request, Exception : (.*), RequestId: \S+$", re.DOTALL)  # as Batch wraps texts


class NotConnected(BatchdError):
    """No server to talk to, and what to do about it."""


@dataclass(frozen=True, slots=True)
class Access:
    """Where the server is and with which keys; without keys, with those that every AWS SDK would find."""

    endpoint: str
    region: str
    access_key: str | None = None
    secret_key: str | None = None

    @property
    def variables(self) -> dict[str, str]:
        """What AWS's tools read: some look at one name of the region, some at the other. The models of what AWS does
        not have come before those that the user has."""
        from batchd.services.batchd_ import MODELS

        paths = (MODELS, *os.environ.get("AWS_DATA_PATH", "").split(os.pathsep))
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key or "",
            "AWS_SECRET_ACCESS_KEY": self.secret_key or "",
            "AWS_DEFAULT_REGION": self.region,
            "AWS_REGION": self.region,
            "AWS_DATA_PATH": os.pathsep.join(path for path in dict.fromkeys(paths) if path),
        }


def local_access(settings: Settings) -> Access:
    """Of the server that runs on this data directory; NotConnected if none does."""
    try:
        key, secret = _members(settings.data_dir / "keys.json", "accessKeyId", "secretAccessKey")
        [endpoint] = _members(settings.data_dir / "server.json", "endpoint")
    except (FileNotFoundError, NotADirectoryError):
        raise NotConnected(f"no server runs on {settings.data_dir}: start one with `batchd serve`") from None
    except PermissionError as error:
        raise NotConnected(f"cannot read {error.filename}: it belongs to the user who runs the server") from None
    return Access(endpoint, settings.region, key, secret)


def _members(file: Path, *names: str) -> list[str]:
    try:
        found = json.loads(file.read_text())
        return [found[name] for name in names]
    except (ValueError, KeyError, TypeError):
        raise NotConnected(f"{file} is not what a server writes: is its disk full, or was it edited?") from None


def access(data_dir: Path | None = None) -> Access:
    """The server of this data directory; without one, the environment's if it names one, else the usual one."""
    settings = load_settings({"data_dir": data_dir}, os.environ)
    if data_dir is None and (endpoint := os.environ.get("AWS_ENDPOINT_URL")):
        if not endpoint.startswith(("http://", "https://")):
            raise NotConnected(f"AWS_ENDPOINT_URL must begin with http:// or https://, and is {endpoint!r}")
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or settings.region
        return Access(endpoint, region)
    return local_access(settings)


class Clients:
    """Clients of one server, each made when first needed. They do not retry: a person waits for the answer."""

    def __init__(self, to: Access) -> None:
        # botocore, not boto3: the same clients without the resources and transfers, in half the time
        from botocore.session import Session

        from batchd.services.batchd_ import MODELS

        self.access = to
        self._session = Session()
        self._session.get_component("data_loader").search_paths.append(MODELS)

    @cached_property
    def batch(self) -> BatchClient:
        return self._client("batch")  # type: ignore[no-any-return]  # one untyped maker for every service

    @cached_property
    def logs(self) -> CloudWatchLogsClient:
        return self._client("logs")  # type: ignore[no-any-return]  # as above

    @cached_property
    def ec2(self) -> EC2Client:
        return self._client("ec2")  # type: ignore[no-any-return]  # as above

    @cached_property
    def scheduler(self) -> EventBridgeSchedulerClient:
        return self._client("scheduler")  # type: ignore[no-any-return]  # as above

    @cached_property
    def own(self) -> Any:  # batchd's own service has no stubs
        return self._client("batchd")

    def _client(self, service: str) -> Any:  # Any: botocore makes its classes at run time
        from botocore.config import Config

        return self._session.create_client(
            service,
            endpoint_url=self.access.endpoint,
            region_name=self.access.region,
            aws_access_key_id=self.access.access_key,
            aws_secret_access_key=self.access.secret_key,
            config=Config(retries={"total_max_attempts": 1}),
        )


def complaint(error: Exception) -> str | None:
    """What a client's error says to a person, or None for what is no client's error."""
    if not type(error).__module__.startswith("botocore"):
        return None
    from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

    if isinstance(error, EndpointConnectionError):
        return f"no server answers at {_base(error.kwargs['endpoint_url'])}: is `batchd serve` running?"
    if isinstance(error, ClientError):
        text = error.response.get("Error", {}).get("Message") or str(error)
        return _WRAPPED.sub(r"\1", text.partition("\n")[0])  # what was signed stands below: nothing for a person
    if isinstance(error, NoCredentialsError):
        return 'there are no keys in the environment: eval "$(batchd env)" puts them there'
    return str(error)


def _base(url: str) -> str:
    """`http://host:port` of a request's URL."""
    return "/".join(url.split("/")[:3])
