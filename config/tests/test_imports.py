"""Each module of the product can be imported, also those that no other test needs: a newer Python may refuse one."""

import importlib
import pkgutil
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]


def test_every_module_can_be_imported() -> None:
    modules = [each for name in PACKAGES for each in pkgutil.walk_packages([str(ROOT / name)], f"{name}.")]
    names = [module.name for module in modules if ".tests" not in module.name]
    assert len(names) > 200
    for name in names:
        importlib.import_module(name)
