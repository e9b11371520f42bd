"""What restaurants and admins do while a release is replaced."""

import threading
import time
from dataclasses import dataclass

from tests.load import Load, status_of
from tests.running_server import ADMIN, PASSWORD

PAUSE_SECONDS = 0.1


@dataclass
class ReleaseLoad(Load):
    """Sign-ins by the API and pages of the panel as well; both count as reads."""

    cookies: str = ""  # of an admin who is signed in to the panel

    def threads(self) -> list[threading.Thread]:
        more = [self.keep_signing_in, self.keep_opening_the_panel]
        return super().threads() + [threading.Thread(target=self.noting_errors, args=[target]) for target in more]

    def keep_signing_in(self) -> None:
        client = self.new_client()
        while not self.stopping.is_set():
            self.note(status_of(lambda: client.post("/api/auth/login", {"username": ADMIN, "password": PASSWORD})))

    def keep_opening_the_panel(self) -> None:
        client = self.new_client()
        client.headers["Cookie"] = self.cookies
        while not self.stopping.is_set():
            self.note(status_of(lambda: client.get("/admin/sites/site/")))

    def note(self, status: int) -> None:
        self.reads += 1
        if status != 200:
            self.failed_reads[status] += 1
        time.sleep(PAUSE_SECONDS)
