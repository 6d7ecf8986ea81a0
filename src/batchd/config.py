"""What the operator may set. Flags of `batchd serve` win over `BATCHD_*` variables, which win over the defaults."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, get_type_hints

from platformdirs import user_data_dir

from batchd.errors import ConfigError
from batchd.quotas import NAMES as QUOTA_NAMES
from batchd.quotas import Quotas
from batchd.scheduler.events import Resources

ENGINES = ("auto", "process", "docker", "fake")
_MOST = 10**9  # of anything: what is more is a slip of the hand
_AMOUNTS = {"vcpus": 0, "memory_mib": 0, "retention_days": 0, "throttle": 0, "function_concurrency": 1}  # and the least
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
    strict_roles: bool = False
    leave_out_missed: bool = False
    throttle: float = 0.0  # requests of each operation a second; 0: as many as come
    function_concurrency: int = 100  # invocations of functions that run at once; more wait for their turn
    quotas: Quotas = field(default_factory=Quotas)  # `--quota job-queues=100`, `BATCHD_QUOTA_JOB_QUEUES=100`

    def checked(self) -> Settings:
        """Itself, or ConfigError naming the setting that cannot work."""
        if self.engine not in ENGINES:
            raise ConfigError(f"--engine must be one of {', '.join(ENGINES)}, not {self.engine!r}")
        if not (len(self.account) == 12 and self.account.isascii() and self.account.isdigit()):
            raise ConfigError(f"--account must be 12 digits, not {self.account!r}")
        if self.no_auth and not is_loopback(self.host):
            raise ConfigError("--no-auth is allowed only on a loopback host: anybody who reaches the port may run jobs")
        if not 0 <= self.port <= 65535:
            raise ConfigError(f"--port must be 0..65535, not {self.port}")
        for name, least in _AMOUNTS.items():
            amount = getattr(self, name)
            if not least <= amount <= _MOST:
                raise ConfigError(f"--{name.replace('_', '-')} must be {least}..{_MOST}, not {amount:g}")
        return self

    def capacity(self) -> Resources:
        """How much of the machine jobs may use."""
        vcpus = self.vcpus or float(len(os.sched_getaffinity(0)))
        memory = self.memory_mib or max(_machine_memory_mib() - _HELD_BACK_MIB, 128)
        return Resources(round(vcpus * 1000), memory)


def load_settings(flags: Mapping[str, Any], environ: Mapping[str, str]) -> Settings:
    """Defaults, overlaid with `BATCHD_*` variables, overlaid with the flags that were given (not None).

    The flag `quota` is a list of `NAME=VALUE`.
    """
    values: dict[str, Any] = {}
    types = get_type_hints(Settings)
    for setting in fields(Settings):
        text = environ.get(f"BATCHD_{setting.name.upper()}")
        if text is not None and text != "" and setting.name != "quotas":
            values[setting.name] = _parse(setting.name, types[setting.name], text)
    values.update({name: value for name, value in flags.items() if value is not None and name != "quota"})
    quotas = load_quotas(flags.get("quota") or (), environ)
    return replace(Settings(), **values, quotas=quotas).checked()


def load_quotas(pairs: Sequence[str], environ: Mapping[str, str]) -> Quotas:
    """AWS's quotas, overlaid with `BATCHD_QUOTA_*` variables, overlaid with `NAME=VALUE` pairs."""
    values = {}
    for name in QUOTA_NAMES:
        variable = f"BATCHD_QUOTA_{name.upper()}"
        if text := environ.get(variable):
            values[name] = _quota(variable, text)
    for pair in pairs:
        name, _, text = pair.partition("=")
        if name.replace("-", "_") not in QUOTA_NAMES:
            raise ConfigError(f"--quota must be one of {', '.join(map(quota_flag, QUOTA_NAMES))}, not {name!r}")
        values[name.replace("-", "_")] = _quota(f"--quota {name}", text)
    return Quotas(**values)


def quota_flag(name: str) -> str:
    """`job-queues`."""
    return name.replace("_", "-")


def _quota(what: str, text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ConfigError(f"{what} must be a whole number, 0 for no limit, not {text!r}")
    return int(text)


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
        noun = "a whole number" if kind is int else "a number"
        raise ConfigError(f"BATCHD_{name.upper()} must be {noun}, not {text!r}") from None


def _machine_memory_mib() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // (1024 * 1024)
