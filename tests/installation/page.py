"""The commands of docs/install.md."""

import re

from tests.running_server import ROOT

PAGE = ROOT / "docs/install.md"
NAMES = ("install", "first admin", "first site", "upgrade", "roll back")


def commands() -> dict[str, str]:
    """Each block of shell commands, by its step. The page says of other blocks that they were not executed."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert len(blocks) == len(NAMES), f"{PAGE.name} has {len(blocks)} blocks of commands, not {len(NAMES)}."
    return dict(zip(NAMES, blocks, strict=True))
