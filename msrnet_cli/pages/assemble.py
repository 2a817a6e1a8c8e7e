"""One self-contained HTML file out of a template, styles, scripts and data.

A page asks nothing of any network: its policy (Content-Security-Policy) allows only the
very styles and scripts that it holds, by their digests, and pictures that it holds.
Style attributes are not among them; a script may set styles one by one.
"""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from jinja2 import Environment

EMBEDDED = ("data:", "blob:")
"""Where pictures of a page in one file come from."""

BESIDE = (*EMBEDDED, "'self'", "file:")
"""Where pictures come from that lie in files beside the page."""

_ROOM = "msrnet_cli.pages"
_SERVED = tuple(
    f"{what} 'self'" for what in ("connect-src", "frame-src", "form-action")
)
_STYLES, _SCRIPTS = ("shared/base.css",), ("shared/base.js",)


def assemble(
    name: str,
    title: str,
    values: Mapping[str, object],
    data: object = None,
    *,
    styles: Sequence[str] = (),
    scripts: Sequence[str] = (),
    pictures: Iterable[str] = EMBEDDED,
    served: bool = False,
) -> str:
    """A page as HTML.

    Args:
        name: Of the page's folder, which holds ``NAME.html``, ``.css``, and ``.js``
            where the page has a script of its own.
        title: In the browser's tab, and the heading.
        values: What the template may name; text is escaped.
        data: JSON that the script finds by ``msrnet.data()``; None for none.
        styles: Further files, before ``NAME.css``: of the page's folder, or with the
            name of another folder before a slash.
        scripts: Further files in the same way, run before ``NAME.js``.
        pictures: Where pictures come from, as the policy names it.
        served: The page comes from a server, and may talk to that server alone.
    """
    last = f"{name}/{name}.js"
    own = [*scripts, *([last] if _is_there(last) else [])]
    sheets = [_text(_path(name, e)) for e in (*_STYLES, *styles, f"{name}/{name}.css")]
    programs = [_text(_path(name, each)) for each in (*_SCRIPTS, *own)]
    policy = "; ".join(
        (
            "default-src 'none'",
            f"img-src {' '.join(pictures)}",
            f"style-src {_digests(sheets)}",
            f"script-src {_digests(programs)}",
            "base-uri 'none'",
            *(_SERVED if served else ("form-action 'none'",)),
        )
    )
    return (
        _environment()
        .get_template(f"{name}/{name}.html")
        .render(
            {
                **values,
                "title": title,
                "policy": policy,
                "styles": sheets,
                "scripts": programs,
                "data": None if data is None else _embedded(data),
            }
        )
    )


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader(_ROOM, ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _text(name: str) -> str:
    return resources.files(_ROOM).joinpath(name).read_text(encoding="utf-8").strip()


def _path(name: str, file: str) -> str:
    """Where a file lies, below all pages."""
    return file if "/" in file else f"{name}/{file}"


@cache
def _is_there(name: str) -> bool:
    return resources.files(_ROOM).joinpath(name).is_file()


def _digests(texts: Iterable[str]) -> str:
    """What a policy allows: the digest of each text."""
    found = (hashlib.sha256(text.encode()).digest() for text in texts)
    return " ".join(f"'sha256-{base64.b64encode(each).decode()}'" for each in found)


def _embedded(data: object) -> str:
    """JSON that no name in it can end early."""
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
