"""The real terraform, with the provider from a folder of this machine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

PROVIDER = "registry.terraform.io/hashicorp/aws"
# Where terraform and those who package it keep providers. [terraform: implied local mirror directories]
MIRRORS = (
    Path("/opt/tf-plugins"),
    Path("/usr/local/share/terraform/plugins"),
    Path("/usr/share/terraform/plugins"),
    Path.home() / ".terraform.d" / "plugins",
    Path.home() / ".local" / "share" / "terraform" / "plugins",
)
STACK = Path(__file__).parent / "stack"
_TIMEOUT_S = 600
_CLI_SETTINGS = """\
disable_checkpoint = true
provider_installation {
  filesystem_mirror {
    path    = %s
    include = ["%s"]
  }
}
"""


@dataclass(frozen=True)
class Workspace:
    """A folder with a copy of the stack, a state of its own, and variables that may be set anew for each step."""

    folder: Path
    environ: dict[str, str]
    variables: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path, environ: dict[str, str], mirror: Path, stack: Path = STACK) -> Workspace:
        """A fresh copy of the stack, initialised."""
        shutil.copytree(stack, folder)
        settings = folder / "cli.tfrc"
        settings.write_text(_CLI_SETTINGS % (json.dumps(str(mirror)), PROVIDER))
        own = {"TF_CLI_CONFIG_FILE": str(settings), "TF_IN_AUTOMATION": "1", "TF_INPUT": "0"}
        endpoint = {"TF_VAR_endpoint": environ["AWS_ENDPOINT_URL"]}
        workspace = cls(folder, {**os.environ, **environ, **own, **endpoint})
        workspace.run("init", "-no-color")
        return workspace

    def with_variables(self, **variables: Any) -> Workspace:
        """The same folder, other values."""
        return Workspace(self.folder, self.environ, variables)

    def plan(self) -> list[dict[str, Any]]:
        """What would be changed: terraform's resource changes, without those that change nothing."""
        saved = self.folder / "saved.plan"
        code = self.run("plan", "-no-color", "-detailed-exitcode", f"-out={saved}", expected=(0, 2))
        shown = subprocess.run(
            ["terraform", "show", "-json", str(saved)],
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            check=True,
        )
        changes = [change for change in json.loads(shown.stdout).get("resource_changes", ()) if _acts(change)]
        assert code == (2 if changes else 0), "terraform counts changes as we do"
        return changes

    def apply(self) -> None:
        """Perform the last plan."""
        self.run("apply", "-no-color", "saved.plan")

    def destroy(self) -> None:
        self.run("destroy", "-no-color", "-auto-approve")

    def resources(self) -> list[dict[str, Any]]:
        """Managed resources of the state: address, type and values."""
        shown = subprocess.run(
            ["terraform", "show", "-json"], cwd=self.folder, env=self.environ, capture_output=True, check=True
        )
        root = json.loads(shown.stdout).get("values", {}).get("root_module", {})
        return [resource for resource in root.get("resources", ()) if resource["mode"] == "managed"]

    def run(self, *arguments: str, expected: tuple[int, ...] = (0,)) -> int:
        """Any terraform command; what it said is shown when it fails."""
        variables = {f"TF_VAR_{name}": _text(value) for name, value in self.variables.items()}
        done = subprocess.run(
            ["terraform", *arguments],
            cwd=self.folder,
            env={**self.environ, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
        assert done.returncode in expected, f"terraform {' '.join(arguments)}\n{done.stdout[-8000:]}"
        return done.returncode


def provider_mirror() -> Path:
    """The folder that holds the provider (TF_PLUGIN_MIRROR names another); no terraform skips, in CI fails."""
    chosen = os.environ.get("TF_PLUGIN_MIRROR")
    found = [path for path in ([Path(chosen)] if chosen else MIRRORS) if (path / PROVIDER).is_dir()]
    if found and shutil.which("terraform"):
        return found[0]
    problem = "terraform or its AWS provider is not installed (TF_PLUGIN_MIRROR names the provider's folder)"
    if os.environ.get("CI") == "true":
        pytest.fail(problem)
    pytest.skip(problem)


def _acts(change: dict[str, Any]) -> bool:
    actions = change["change"]["actions"]
    return change["mode"] == "managed" and (actions != ["no-op"] or "importing" in change["change"])


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
