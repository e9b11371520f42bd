#!/usr/bin/env python3
"""Ask for known vulnerabilities of the locked packages: those that run and those of the tests. `make audit` calls this.

    scripts/audit.py [OPTION of pip-audit …]

Asks PyPI, and then OSV if PyPI does not answer for every package. Exit code 0: every package was looked up and none is
known to be vulnerable. 1: at least one is. 2: no service answered for every package, so nothing can be said.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements-dev.lock"
SERVICES = ("pypi", "osv")


def report_of(service: str, options: list[str]) -> dict[str, Any] | None:
    """What pip-audit found with one service, or None if that does not answer. Nothing is installed."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(LOCK), "--require-hashes", "--disable-pip"]
    asked = subprocess.run(
        [*command, "--format", "json", "--progress-spinner", "off", "--vulnerability-service", service, *options],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        report: dict[str, Any] = json.loads(asked.stdout)
    except ValueError:
        return None
    return report


def main(options: list[str]) -> int:
    unknown: list[str] = []
    for service in SERVICES:
        report = report_of(service, options)
        if report is None:
            continue
        packages = report["dependencies"]
        vulnerable = [package for package in packages if package.get("vulns")]
        for package in vulnerable:
            for vulnerability in package["vulns"]:
                fixed = ", ".join(vulnerability["fix_versions"]) or "no release yet"
                print(f"{package['name']} {package['version']}: {vulnerability['id']}, fixed in {fixed}")
        if vulnerable:
            return 1
        unknown = [package["name"] for package in packages if "skip_reason" in package]
        if not unknown:
            print(f"None of {len(packages)} packages is known to be vulnerable, says {service}.")
            return 0
    some = f" ({len(unknown)} packages are unknown to the last one that was asked)" if unknown else ""
    print(f"Nothing is known: neither PyPI nor OSV answers for every package from here{some}.", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
