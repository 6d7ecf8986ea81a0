"""Write the pages of docs/reference that follow from the code. `--check` only says whether they are up to date."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import click
import typer
from botocore import xform_name
from botocore.loaders import Loader

from batchd.cli.main import app
from batchd.config import Settings, quota_flag
from batchd.gateway.operation import Service
from batchd.quotas import Quotas
from batchd.server import SERVICES

HERE = Path(__file__).parent / "reference"
NAMES = {
    "batch": "AWS Batch",
    "batchd": "batchd (what AWS has no operation for)",
    "ec2": "EC2 (what compute environments name)",
    "ecr": "ECR",
    "events": "EventBridge (also as CloudWatch Events)",
    "iam": "IAM",
    "lambda": "Lambda",
    "logs": "CloudWatch Logs",
    "scheduler": "EventBridge Scheduler",
    "secretsmanager": "Secrets Manager",
    "sns": "SNS",
    "sqs": "SQS",
    "ssm": "Systems Manager (Parameter Store)",
    "sts": "STS",
}
WITHOUT_FLAG = {"region": "What `batchd env` and the other commands name; the server serves every region."}


def operations() -> str:
    """Every operation of the services we serve, and whether we serve it."""
    lines = [
        "# Operations",
        "",
        "Written by `make docs` from the services themselves. An operation that its service has in its model and that",
        "is not listed as served answers with HTTP 501 and the code `UnknownOperationException` (`InvalidAction`",
        "for the query and EC2 protocols), as AWS does for actions it does not know.",
    ]
    for service in SERVICES:
        served, missing = _split(service)
        lines += ["", f"## {NAMES[service.name]}", "", f"Served ({len(served)}): " + ", ".join(served) + "."]
        if missing and len(missing) <= 60:
            lines += ["", f"Not served ({len(missing)}): " + ", ".join(missing) + "."]
        elif missing:
            lines += ["", f"Not served: the other {len(missing)} operations of the model."]
    return "\n".join(lines) + "\n"


def settings() -> str:
    """Every setting: flag, variable, default."""
    helps = {option.name: getattr(option, "help", "") or "" for option in _command("serve").params} | WITHOUT_FLAG
    lines = [
        "# Settings",
        "",
        "Written by `make docs`. A flag of `batchd serve` wins over the variable, the variable over the default.",
        "",
        "| flag | variable | default | |",
        "| --- | --- | --- | --- |",
    ]
    defaults = Settings(data_dir=Path("the platform's user data directory"))
    for setting in fields(Settings):
        if setting.name == "quotas":
            continue
        flag = "" if setting.name in WITHOUT_FLAG else f"`--{setting.name.replace('_', '-')}`"
        about, _, said = helps.get(setting.name, "").partition("  [")
        text = said.rstrip("]") or _default(getattr(defaults, setting.name))
        lines.append(f"| {flag} | `BATCHD_{setting.name.upper()}` | {text} | {about} |")
    return "\n".join([*lines, *_quotas()]) + "\n"


def command_line() -> str:
    """Every command with its help."""
    lines = ["# Command line", "", "Written by `make docs`. `batchd COMMAND --help` says the same."]
    for name, command in sorted(_commands().items()):
        lines += ["", f"## batchd {name}", "", (command.help or "").strip(), ""]
        for option in command.params:
            if option.name == "help":
                continue
            flags = ", ".join(f"`{flag}`" for flag in option.opts)
            lines.append(f"- {flags}: {getattr(option, 'help', '') or ''}".rstrip(": "))
    return "\n".join(lines) + "\n"


PAGES = {"operations.md": operations, "settings.md": settings, "command-line.md": command_line}


def outdated() -> list[str]:
    """Names of the pages that no longer say what the code does."""
    return [name for name, write in PAGES.items() if not _is_current(HERE / name, write())]


def _is_current(path: Path, text: str) -> bool:
    return path.exists() and path.read_text() == text


def _default(value: object) -> str:
    """As one would write it."""
    return {"False": "no", "True": "yes"}.get(str(value), str(value).removesuffix(".0"))


def _quotas() -> list[str]:
    """Every quota: flag, variable, default."""
    rows = [
        f"| `--quota {quota_flag(quota.name)}=` | `BATCHD_QUOTA_{quota.name.upper()}` | {quota.default} |"
        for quota in fields(Quotas)
    ]
    about = "AWS's numbers, for those who depend on them. `--quota` may be given more than once; 0 is no limit."
    return ["", "## Quotas", "", about, "", "| flag | variable | default |", "| --- | --- | --- |", *rows]


def _split(service: Service) -> tuple[list[str], list[str]]:
    loader = Loader(extra_search_paths=[service.models] if service.models else None)
    names = sorted(loader.load_service_model(service.name, "service-2")["operations"])
    served = [name for name in names if xform_name(name) in service.operations]
    return served, [name for name in names if name not in served]


def _commands() -> dict[str, click.Command]:
    return dict(_flat(typer.main.get_command(app), ""))


def _flat(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    """The command, or those of a group, by what is typed."""
    inner: dict[str, click.Command] | None = getattr(command, "commands", None)
    if inner is None:
        yield name, command
    for word, one in (inner or {}).items():
        yield from _flat(one, f"{name} {word}".strip())


def _command(name: str) -> click.Command:
    return _commands()[name]


if __name__ == "__main__":
    if "--check" in sys.argv:
        if stale := outdated():
            sys.exit(f"out of date, run `make docs`: {', '.join(stale)}")
    else:
        for name, write in PAGES.items():
            (HERE / name).write_text(write())
