"""A real Chromium that records errors of a page, breaches of the content policy and requests to other hosts."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page, sync_playwright

from tests.running_server import ADMIN, PASSWORD, RunningServer

QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
LOOKS = {"light": ("light", 1280), "dark": ("dark", 1280), "phone": ("light", 390)}
# The colours alone differ in dark, and a phone shows the same colours as a wide window.
AXE_OPTIONS: dict[str, dict[str, object]] = {
    "light": {},
    "dark": {"runOnly": ["color-contrast"]},
    "phone": {"rules": {"color-contrast": {"enabled": False}}},
}
# Transitions in a closed <details> never end.
# What a closed <details> hides is not drawn, and its transitions never end.
TRANSITIONS_ENDED = """Promise.allSettled(
  document.getAnimations().filter(each => each.effect.target.checkVisibility()).map(each => each.finished)
).then(() => null)"""
# What a finger cannot hit: lower or narrower than 44 px (WCAG 2.5.5). Links within a text are excepted. A box is hit by its
# label as well or, in a table, by its cell.
TOO_SMALL = """() => {
  const candidates = `button, input:not([type=hidden]), select, textarea, summary, .button, #nav-global a, .object-tools a,
    .site-buttons a, .saved-views a, .paginator a, #changelist-filter a, .tile, #user-tools a, .breadcrumbs a`;
  const labelOf = (box) => box.closest("td, th") ?? box.closest(".checkbox-row") ?? box.labels[0];
  const area = (element) => {
    const label = element.matches("[type=checkbox], [type=radio]") && labelOf(element);
    const boxes = [element, label].filter(Boolean).map((each) => each.getBoundingClientRect());
    return [Math.max(...boxes.map((box) => box.width)), Math.max(...boxes.map((box) => box.height))];
  };
  const found = [...document.querySelectorAll(candidates)]
    .filter((element) => element.checkVisibility({ visibilityProperty: true }) && !element.matches(".visually-hidden"))
    .filter((element) => area(element).some((length) => length < 43.5))
    .map((element) => `${element.outerHTML.slice(0, 110)} ${area(element).map(Math.round).join("x")}`);
  return [...new Set(found)];
}"""
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


# The first that is there. The shell draws pages without a browser's own windows and takes half the time.
PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


@contextmanager
def chromium() -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    assert program, "Chromium is missing: install it with `apt-get install chromium-headless-shell`."
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(QUIET))
        yield browser
        browser.close()


@dataclass
class PanelUser:
    """An admin with a browser window; a test expects `complaints` to stay empty."""

    server: RunningServer
    page: Page
    complaints: list[str] = field(default_factory=list)
    # Beginnings of addresses elsewhere to which a page may lead.
    foreign: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.page.on("console", lambda message: self.note(message.type, message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(f"script error: {error}"))
        self.page.on("request", lambda request: self.note_host(request.url))

    def note(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(f"{kind}: {text}")

    def note_host(self, url: str) -> None:
        if not url.startswith((self.server.url, "data:", "blob:", *self.foreign)):
            self.complaints.append(f"foreign host: {url}")

    def go(self, path: str) -> None:
        self.page.goto(self.server.url + path)

    def sign_in(self, username: str = ADMIN, password: str = PASSWORD) -> None:
        self.go("/admin/")
        self.page.fill("#id_username", username)
        self.page.fill("#id_password", password)
        self.follow("input[type=submit]")

    def follow(self, selector: str) -> None:
        """Click what leads to another page, and wait until it is there."""
        with self.page.expect_navigation():
            self.page.click(selector)

    def follow_action(self, label: str) -> None:
        """Follow a button of the page of a site, also one in its menu."""
        link = self.page.locator(f".site-buttons a:text-is('{label}')")
        if not link.is_visible():
            self.page.click(".more-menu summary")
        with self.page.expect_navigation():
            link.click()

    def findings(self) -> list[str]:
        """What is wrong with the page as it stands, in each look: complaints of axe-core, and what is wider than the window."""
        complained, found = list(self.complaints), []
        before = self.page.viewport_size
        self.page.evaluate(AXE_SCRIPT)
        for look, (scheme, width) in LOOKS.items():
            self.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            self.page.set_viewport_size({"width": width, "height": 900})
            self.page.evaluate(TRANSITIONS_ENDED)
            options = {"resultTypes": ["violations"]} | AXE_OPTIONS[look]
            violations = self.page.evaluate("options => axe.run(options)", options)["violations"]
            found += [f"{look}: {each['id']}: {each['nodes'][0]['html'][:200]}" for each in violations]
            if look == "phone":
                found += [f"{look}: too small for a finger: {each}" for each in self.page.evaluate(TOO_SMALL)]
            if (wide := self.page.evaluate(TOO_WIDE)) > 0:
                found.append(f"{look}: {wide} px too wide")
        self.page.emulate_media(color_scheme="light")
        if before:
            self.page.set_viewport_size(before)
        self.complaints[:] = complained  # the examiner's own styles are not the page's
        return found

    @property
    def messages(self) -> str:
        return " ".join(self.page.locator(".messagelist").all_inner_texts())


def open_window(browser: Browser, server: RunningServer, look: str = "light") -> PanelUser:
    scheme, width = LOOKS[look]
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})  # type: ignore[arg-type]
    return PanelUser(server, context.new_page())
