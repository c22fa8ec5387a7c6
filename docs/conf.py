"""The documentation as a site: ``python3 -m sphinx -W --keep-going -n docs docs/_build``."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.util import logging

sys.path.insert(0, str(Path(__file__).parent))

from _pages import write_pages

ROOT = Path(__file__).parents[1]
HOME = "https://github.com/naslib-zc-plugin/naslib-zc-plugin"
logger = logging.getLogger(__name__)

project = "naslib-zc-plugin"
author = "The naslib-zc-plugin developers"
copyright = f"{author}, Apache-2.0"  # the name is Sphinx's
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.mathjax", "sphinx_copybutton"]
exclude_patterns = ["_build", "proxies/costs.txt"]
html_theme = "furo"
html_title = project
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_theme_options = {"source_repository": HOME, "source_branch": "main", "source_directory": "docs/"}
highlight_language = "none"
myst_heading_anchors = 4
myst_enable_extensions = ["dollarmath"]
copybutton_prompt_text = ">>> |\\.\\.\\. |\\$ "
copybutton_prompt_is_regexp = True
suppress_warnings = ["toc.empty_glob", "myst.header"]

# Hosts need not be there, and import much: their names are enough for the documentation of what is ours.
autodoc_mock_imports = ["nni", "pytorch_lightning", "naslib", "neps", "optuna", "distributed"]
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
# References to what is no part of the site: other distributions, and names that modules do not list.
nitpick_ignore_regex = [(r"py:.*", r".*")]


def absolute_links(app: Sphinx, docname: str, source: list[str]) -> None:
    """Let links to files of the repository that are no pages lead to the repository; warn of those that are none."""
    folder = (Path(app.srcdir) / docname).parent

    def absolute(match: re.Match[str]) -> str:
        target = match[2]
        place = (folder / target).resolve()
        if target.endswith((".md", ".png")) and place.is_relative_to(Path(app.srcdir)):
            return match[0]
        if not place.exists():
            logger.warning("no such file: %s", target, location=docname, type="myst", subtype="xref_missing")
            return match[0]
        return f"{match[1]}({HOME}/{'tree' if place.is_dir() else 'blob'}/main/{place.relative_to(ROOT)}{match[3]})"

    link = re.compile(r"(\])\((?!https?:|#|mailto:)([^)#\s]+)(#[^)\s]*|)\)")
    parts = re.split(r"(?ms)(^```.*?^```)", source[0])
    source[0] = "".join(part if number % 2 else link.sub(absolute, part) for number, part in enumerate(parts))


def setup(app: Sphinx) -> dict[str, Any]:
    """Write the pages that are made, before any is read."""
    app.connect("builder-inited", lambda _: write_pages())
    app.connect("source-read", absolute_links)
    return {"parallel_read_safe": True}
