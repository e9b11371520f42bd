"""Every fault under load; writes the table of docs/reliability.md. Some ten minutes.

    python -m tests.faults [--only TEXT] [--keep-page]

It starts PostgreSQL, Redis, nginx and gunicorn on free ports of 127.0.0.1, and mounts small tmpfs disks if it may.
Exit code 1 if anything was lost, wrong, not problem+json, or did not come back.
"""

import argparse
import signal
import sys
from collections.abc import Sequence

from tests.faults import report
from tests.faults.catalogue import FAULTS, Fault
from tests.faults.load import LOW
from tests.faults.observe import Experiment, Observation, failures_of
from tests.faults.system import KINDS, System


def run_faults(kind: str, faults: Sequence[Fault]) -> list[Observation]:
    with System(kind) as system:
        experiment = Experiment(system, LOW)
        experiment.start()
        for fault in faults:
            if fault.needs_disk and system.disk is None:
                print(f"not executed: {fault.name}: this process may not mount a tmpfs", flush=True)
                continue
            observation = experiment.suffer(fault)
            print(f"{kind}: {fault.name}: {'recovered' if observation.recovered else 'did not recover'}", flush=True)
        experiment.finish()
        verified = system.manage("verify_audit")
        print(verified.stdout + verified.stderr, end="")
        assert verified.returncode == 0, "the audit does not verify"
        return experiment.observations


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="faults whose name contains this text")
    parser.add_argument("--keep-page", action="store_true", help="print only, do not write docs/reliability.md")
    options = parser.parse_args()
    circumstances = report.circumstances("python -m tests.faults")
    sections, observations = [circumstances], []
    for kind, title in KINDS.items():
        faults = [fault for fault in FAULTS if kind in fault.kinds and options.only in fault.name]
        if faults:
            observed = run_faults(kind, faults)
            observations += observed
            sections.append(f"**{title}**\n\n{report.fault_table(observed)}")
    text = "\n\n".join(sections)
    print(text)
    if not (options.keep_page or options.only):
        report.replace_section("faults", text)
    problems = failures_of(observations)
    print(*problems, sep="\n")
    return 1 if problems else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that all that was started is ended
    sys.exit(main())
