"""Make the pages of the examples anew, and the pictures of them that the README shows.

    python -m benchmarks.pages

It needs msrnet[dev], and Chromium for the pictures. Pages hold copies
of the styles and scripts that made them: run this after a change of these.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

EXAMPLES = Path(__file__).parents[1] / "examples"
PAGES = EXAMPLES / "pages"

_EXACT = ("--device", "cpu", "--dtype", "fp32")
_SEEN = {"before-after": "", "light-table": "#light=W:3200&light=NE:7500"}
_SIZE = (1200, 860)
_QUALITY = 85


def main() -> int:
    """Make all of them."""
    with TemporaryDirectory() as work:
        names = ("relit", "--to", "3200_W", "--report", PAGES / "before-after.html")
        _msrnet(work, "relight", EXAMPLES, *names, *_EXACT)
        picture = EXAMPLES / "Image008_6500_N.jpg"
        _msrnet(work, "table", picture, PAGES / "light-table.html", *_EXACT)
    _take_pictures()
    return 0


def _msrnet(folder: str, *arguments: str | Path) -> None:
    command = [sys.executable, "-m", "msrnet_cli", *map(str, arguments)]
    here = {**os.environ, "PYTHONPATH": str(EXAMPLES.parent)}
    subprocess.run(command, cwd=folder, env=here, check=True)


def _take_pictures() -> None:
    """Each page as a person sees it first."""
    from playwright.sync_api import sync_playwright

    chromium = os.getenv("MSRNET_TEST_CHROMIUM") or shutil.which("chromium")
    width, height = _SIZE
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        for name, light in _SEEN.items():
            page = browser.new_page(viewport={"width": width, "height": height})
            page.goto(f"{(PAGES / name).with_suffix('.html').as_uri()}{light}")
            if light:
                page.evaluate("table.ready.then(() => table.paint())")  # not in haste
            seen = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
            seen.save((PAGES / name).with_suffix(".jpg"), quality=_QUALITY)
            page.close()
        browser.close()


if __name__ == "__main__":
    sys.exit(main())
