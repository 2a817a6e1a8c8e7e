"""A headless Chromium for tests of pages."""

import os
import shutil
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

CHROMIUM = os.environ.get("MSRNET_TEST_CHROMIUM") or shutil.which("chromium")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class Watched:
    """A page, and what it asks for and complains of from now on.

    Attributes:
        page: Playwright's page.
        errors: Console errors and uncaught exceptions.
    """

    def __init__(self, page):
        self.page, self.errors = page, []
        self._asked, self._own = [], ""
        self._listeners = {
            "request": lambda request: self._asked.append(request.url),
            "pageerror": lambda error: self.errors.append(str(error)),
            "console": self._note,
        }
        for event, listener in self._listeners.items():
            page.on(event, listener)

    def let_go(self):
        """Listen no longer."""
        for event, listener in self._listeners.items():
            self.page.remove_listener(event, listener)

    def _note(self, said):
        if said.type in ("error", "warning"):
            self.errors.append(said.text)

    def open(self, path, ending=""):
        """Open a page's file as a person does, from the disk; gives `page`.

        Args:
            path: The file.
            ending: Of its address, such as ``?query#place``.
        """
        self._own = path.as_uri() + ending.partition("#")[0]
        self.page.goto(path.as_uri() + ending)
        return self.page

    @property
    def asked(self):
        """What was asked for beside the page's own file and what it holds."""
        held = ("data:", "blob:")
        return [u for u in self._asked if u != self._own and not u.startswith(held)]


class Tabs:
    """One page for many tests: a new one would start a process of its own.

    Args:
        context: Playwright's.
    """

    def __init__(self, context):
        self._context, self._page = context, None

    def page(self):
        """The page; a new one where a test has closed it."""
        if self._page is None or self._page.is_closed():
            self._page = self._context.new_page()
            self._size = self._page.viewport_size
        return self._page

    def clean(self):
        """Leave nothing of a test on the page."""
        self._context.clear_permissions()
        if not self._page.is_closed():
            self._page.goto("about:blank")
            self._page.set_viewport_size(self._size)
            self._page.emulate_media(media="null", color_scheme="null")
            self._page.mouse.move(0, 0)


@contextmanager
def chromium():
    """Playwright's browser, the Chromium that is installed."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield browser
        browser.close()


def axe(page, **options):
    """What axe-core finds hard to reach or to read on a page, a line for each.

    Options are those of `axe.run`. MSRNET_TEST_AXE names its file axe.min.js; else it
    is looked for in node_modules, where `npm install axe-core` puts it. Without it the
    test is skipped.
    """
    near = Path(__file__).parents[1] / "node_modules/axe-core/axe.min.js"
    script = Path(os.environ.get("MSRNET_TEST_AXE") or near)
    if not script.is_file():
        pytest.skip("no axe-core: name its axe.min.js by MSRNET_TEST_AXE")
    page.evaluate(f"() => {{ {script.read_text(encoding='utf-8')} }}")
    asked = {"resultTypes": ["violations"], **options}
    found = page.evaluate("(asked) => axe.run(asked)", asked)
    return [
        f"{one['id']}: {one['help']}: {'; '.join(map(str, node['target']))}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


def axe_in_both_schemes(page):
    """As `axe`, in light and dark colours; in the dark only colours can be at fault."""
    page.emulate_media(color_scheme="light")
    found = axe(page)
    page.emulate_media(color_scheme="dark")
    return found + axe(page, runOnly=["color-contrast"])


def until(page, expression):
    """Wait until an expression holds. Playwright's own way evaluates text in the page,
    which a page's policy forbids as soon as it has to ask twice."""
    end = time.monotonic() + 20
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"never: {expression}"
        page.wait_for_timeout(20)
