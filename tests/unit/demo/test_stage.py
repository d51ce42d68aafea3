"""The stage: the demo clears away what a demo left, and nothing else."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from deploy.demo.registry import organisation_entries, registry_dump, vital_list
from deploy.demo.stage import clear_stage, demo_folder, set_stage, settings
from deploy.local import commands
from deploy.local.complaints import Complaint
from deploy.local.layout import Layout

QUIET = Console(quiet=True)


def layout(home: Path) -> Layout:
    return Layout(home=home, cache=home / "cache")


def test_an_empty_folder_needs_no_clearing(tmp_path: Path) -> None:
    clear_stage(layout(tmp_path), console=QUIET)

    assert tmp_path.exists()


@pytest.mark.parametrize("lacking", [{"services": ("intake",)}, {"external_smtp": "mail.example:25"}])
def test_a_stack_without_all_parts_is_refused(tmp_path: Path, lacking: dict[str, Any]) -> None:  # Any: of fields' types
    with pytest.raises(Complaint, match="all five"):
        clear_stage(replace(layout(tmp_path), **lacking), console=QUIET)


def test_a_stack_that_is_no_demos_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()

    with pytest.raises(Complaint, match="make clean"):
        clear_stage(layout(tmp_path), console=QUIET)

    assert (tmp_path / "postgres").exists()


def test_what_the_last_demo_left_is_cleared_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    for name in settings(layout(home)):
        monkeypatch.setenv(name, "")  # so that what is set here is gone after the test
    set_stage(layout(home))
    (home / "postgres").mkdir()

    clear_stage(layout(home), console=QUIET)

    assert not demo_folder(layout(home)).exists()
    assert not (home / "postgres").exists()
    assert not (home / "secrets").exists()


def test_what_comes_after_a_deleted_demo_is_no_demos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in settings(layout(tmp_path)):
        monkeypatch.setenv(name, "")
    set_stage(layout(tmp_path))
    commands.clean(layout(tmp_path), console=QUIET)
    (tmp_path / "postgres").mkdir()

    with pytest.raises(Complaint, match="no demo's"):
        clear_stage(layout(tmp_path), console=QUIET)


def test_the_dump_has_objects_parted_by_empty_lines() -> None:
    kinds = {item.partition(":")[0] for item in registry_dump().strip().split("\n\n")}

    assert kinds == {"organisation", "role", "inetnum", "inet6num", "aut-num", "route", "route6"}


def test_every_vital_asset_has_its_kind_value_and_name() -> None:
    header, *rows = vital_list().splitlines()

    assert header == "kind,value,name"
    assert {row.split(",")[0] for row in rows} == {"ip-range", "domain", "asn"}


def test_every_organisation_has_a_contact_and_an_asset() -> None:
    assert all(entry["contacts"] and entry["assets"] for entry in organisation_entries())
