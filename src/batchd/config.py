"""What the operator may set. Flags of `batchd serve` win over `BATCHD_*` variables, which win over the defaults."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, get_type_hints

from platformdirs import user_data_dir

from batchd.errors import ConfigError
from batchd.scheduler.events import Resources

ENGINES = ("auto", "process", "docker", "fake")
_HELD_BACK_MIB = 256  # left to the machine itself and to the server


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting, with its default. Names are the flags (`--data-dir`) and the variables (`BATCHD_DATA_DIR`)."""

    host: str = "127.0.0.1"
    port: int = 4580
    data_dir: Path = field(default_factory=lambda: Path(user_data_dir("batchd", appauthor=False)))
    engine: str = "auto"
    account: str = "123456789012"
    region: str = "us-east-1"
    no_auth: bool = False
    vcpus: float = 0.0  # 0: what the machine has
    memory_mib: int = 0  # 0: what the machine has
    retention_days: float = 7.0
    docker_host: str = ""  # empty: $DOCKER_HOST, else the usual socket
    docker_network: str = "host"

    def checked(self) -> Settings:
        """Itself, or ConfigError naming the setting that cannot work."""
        if self.engine not in ENGINES:
            raise ConfigError(f"--engine must be one of {', '.join(ENGINES)}, not {self.engine!r}")
        if not (len(self.account) == 12 and self.account.isdigit()):
            raise ConfigError(f"--account must be 12 digits, not {self.account!r}")
        if self.no_auth and not is_loopback(self.host):
            raise ConfigError("--no-auth is allowed only on a loopback host: anybody who reaches the port may run jobs")
        if not 0 <= self.port <= 65535:
            raise ConfigError(f"--port must be 0..65535, not {self.port}")
        if self.vcpus < 0 or self.memory_mib < 0 or self.retention_days < 0:
            raise ConfigError("--vcpus, --memory-mib and --retention-days must not be negative")
        return self

    def capacity(self) -> Resources:
        """How much of the machine jobs may use."""
        vcpus = self.vcpus or float(len(os.sched_getaffinity(0)))
        memory = self.memory_mib or max(_machine_memory_mib() - _HELD_BACK_MIB, 128)
        return Resources(round(vcpus * 1000), memory)


def load_settings(flags: Mapping[str, Any], environ: Mapping[str, str]) -> Settings:
    """Defaults, overlaid with `BATCHD_*` variables, overlaid with the flags that were given (not None)."""
    values: dict[str, Any] = {}
    types = get_type_hints(Settings)
    for setting in fields(Settings):
        text = environ.get(f"BATCHD_{setting.name.upper()}")
        if text is not None and text != "":
            values[setting.name] = _parse(setting.name, types[setting.name], text)
    values.update({name: value for name, value in flags.items() if value is not None})
    return replace(Settings(), **values).checked()


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _parse(name: str, kind: type, text: str) -> Any:  # Any: the type is the setting's own
    if kind is bool:
        if text.lower() not in ("1", "0", "true", "false", "yes", "no"):
            raise ConfigError(f"BATCHD_{name.upper()} must be true or false, not {text!r}")
        return text.lower() in ("1", "true", "yes")
    try:
        return kind(text)
    except ValueError:
        raise ConfigError(f"BATCHD_{name.upper()} must be a {kind.__name__}, not {text!r}") from None


def _machine_memory_mib() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // (1024 * 1024)
