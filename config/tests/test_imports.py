"""Each module of the product can be imported, also those that no other test needs: a newer Python may refuse one."""

import importlib
import pkgutil
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]


def test_every_module_can_be_imported() -> None:
    imported = []
    for package in PACKAGES:
        for module in pkgutil.walk_packages([str(ROOT / package)], f"{package}."):
            if ".tests" not in module.name:
                imported.append(importlib.import_module(module.name).__name__)
    assert len(imported) > 200
