"""What the documentation promises is there, and what is there is documented."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import fields
from pathlib import Path
from types import ModuleType

import pytest
import typer
from botocore import xform_name

from batchd.cli.main import app
from batchd.config import Settings
from batchd.server import SERVICES
from tests.docs.pages import PAGES, ROOT, blocks, links

REFERENCE = ROOT / "docs" / "reference"
HOW_TO = ROOT / "docs" / "how-to"


def ident(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_generated_pages_say_what_the_code_does(generate: ModuleType) -> None:
    assert generate.outdated() == [], "run `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=ident)
def test_every_link_leads_somewhere(page: Path) -> None:
    assert [target for target in links(page) if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=ident)
def test_every_block_of_code_says_what_it_is(page: Path) -> None:
    known = {"sh", "python", "text", "console", "json", "ini", "hcl", "toml", "yaml"}
    assert {block.language for block in blocks(page)} <= known


@pytest.mark.parametrize("page", [p for p in PAGES if p.is_relative_to(ROOT / "docs")], ids=ident)
def test_every_page_can_be_found(page: Path) -> None:
    """Another page links it, or its folder."""
    linked = {(other.parent / target).resolve() for other in PAGES if other != page for target in links(other)}
    assert linked & {page, page.parent}


def test_every_setting_is_documented() -> None:
    text = (REFERENCE / "settings.md").read_text()
    names = [setting.name.upper() for setting in fields(Settings) if setting.name != "quotas"]
    assert [name for name in names if f"`BATCHD_{name}`" not in text] == []


def test_every_flag_of_the_server_is_a_setting() -> None:
    group = typer.main.get_command(app)
    known = {setting.name for setting in fields(Settings)} | {"help", "quota"}
    assert {option.name for option in group.commands["serve"].params} - known == set()  # type: ignore[attr-defined]


def test_every_command_and_its_options_say_what_they_do(generate: ModuleType) -> None:
    group = typer.main.get_command(app)
    text = (REFERENCE / "command-line.md").read_text()
    for name, command in generate._flat(group, ""):
        assert f"## batchd {name}\n" in text
        assert command.help, name
        assert [f"{name} {option.name}" for option in command.params if not getattr(option, "help", None)] == []


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_every_served_operation_is_documented(service: object) -> None:
    text = (REFERENCE / "operations.md").read_text()
    words = {xform_name(word) for word in re.findall(r"\b[A-Z][A-Za-z0-9]+\b", text)}
    assert sorted(set(service.operations) - words) == []  # type: ignore[attr-defined]  # a gateway.operation.Service


def test_every_variable_that_a_job_gets_is_documented() -> None:
    source = (ROOT / "src" / "batchd" / "controllers" / "launch.py").read_text()
    given = set(re.findall(r'"((?:AWS|BATCHD)_[A-Z_]*[A-Z])"', source))
    text = (REFERENCE / "environment-in-jobs.md").read_text()
    assert len(given) >= 10
    assert sorted(name for name in given if f"`{name}`" not in text) == []


def test_the_provider_block_of_the_terraform_page_names_every_service_of_the_tested_stack() -> None:
    stack = (ROOT / "tests" / "clients" / "terraform" / "stack" / "provider.tf").read_text()
    tested = set(re.findall(r"^\s+(\w+)\s+= var\.endpoint$", stack, re.MULTILINE))
    shown = [block.text for block in blocks(HOW_TO / "terraform.md") if block.language == "hcl"]
    assert len(tested) >= 6
    for text, value in zip(shown, ('"http://127.0.0.1:4580"', "endpoints.value"), strict=True):
        assert tested <= set(re.findall(rf"^\s+(\w+)\s+= {re.escape(value)}$", text, re.MULTILINE))


def test_the_unit_of_the_service_keeps_jobs_alive_over_a_restart() -> None:
    [unit] = [block.text for block in blocks(HOW_TO / "operate.md") if block.language == "ini"]
    assert "\nKillMode=process\n" in unit
    assert "\nDelegate=yes\n" in unit
