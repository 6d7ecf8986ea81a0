"""How the command line reaches a server: the environment's AWS variables, else the server of the data directory."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batchd.config import Settings, load_settings
from batchd.errors import BatchdError

if TYPE_CHECKING:
    from types_boto3_batch import BatchClient
    from types_boto3_ec2 import EC2Client
    from types_boto3_logs import CloudWatchLogsClient


class NotConnected(BatchdError):
    """No server to talk to, and what to do about it."""


@dataclass(frozen=True, slots=True)
class Access:
    """Where the server is and with which keys."""

    endpoint: str
    access_key: str
    secret_key: str
    region: str

    @property
    def variables(self) -> dict[str, str]:
        """What AWS's tools read."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_DEFAULT_REGION": self.region,
        }


def local_access(settings: Settings) -> Access:
    """Of the server that runs on this data directory; NotConnected if none does."""
    try:
        keys = json.loads((settings.data_dir / "keys.json").read_text())
        endpoint = json.loads((settings.data_dir / "server.json").read_text())["endpoint"]
    except (FileNotFoundError, NotADirectoryError):
        raise NotConnected(f"no server runs on {settings.data_dir}: start one with `batchd serve`") from None
    except PermissionError as error:
        raise NotConnected(f"cannot read {error.filename}: it belongs to the user who runs the server") from None
    return Access(endpoint, keys["accessKeyId"], keys["secretAccessKey"], settings.region)


def access(data_dir: Path | None = None) -> Access:
    """The environment's server if it names one with keys, else the local one."""
    settings = load_settings({"data_dir": data_dir}, os.environ)
    environ = os.environ
    if data_dir is None and "AWS_ENDPOINT_URL" in environ and "AWS_ACCESS_KEY_ID" in environ:
        region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or settings.region
        return Access(
            environ["AWS_ENDPOINT_URL"], environ["AWS_ACCESS_KEY_ID"], environ["AWS_SECRET_ACCESS_KEY"], region
        )
    return local_access(settings)


class Clients:
    """boto3 clients of one server, made when first needed (botocore takes a while to import)."""

    def __init__(self, to: Access) -> None:
        import boto3
        from botocore.session import Session

        from batchd.services.batchd_ import MODELS

        self.access = to
        core = Session()
        loader = core.get_component("data_loader")
        loader.search_paths.append(MODELS)
        self._session = boto3.session.Session(
            to.access_key, to.secret_key, region_name=to.region, botocore_session=core
        )

    @property
    def batch(self) -> BatchClient:
        return self._client("batch")  # type: ignore[no-any-return]  # one untyped maker for every service

    @property
    def logs(self) -> CloudWatchLogsClient:
        return self._client("logs")  # type: ignore[no-any-return]  # as above

    @property
    def ec2(self) -> EC2Client:
        return self._client("ec2")  # type: ignore[no-any-return]  # as above

    @property
    def own(self) -> Any:  # batchd's own service has no stubs
        return self._client("batchd")

    def _client(self, service: str) -> Any:  # Any: boto3 makes its classes at run time
        return self._session.client(service, endpoint_url=self.access.endpoint)  # type: ignore[call-overload]
