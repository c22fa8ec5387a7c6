"""The documentation as a site: ``python3 -m sphinx -W --keep-going -n docs docs/_build``."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util import logging

sys.path.insert(0, str(Path(__file__).parent))

from _pages import public_modules, write_pages

ROOT = Path(__file__).parents[1]
HOME = "https://github.com/naslib-zc-plugin/naslib-zc-plugin"
logger = logging.getLogger(__name__)

project = "naslib-zc-plugin"
author = "The naslib-zc-plugin developers"
copyright = f"{author}, Apache-2.0"  # the name is Sphinx's
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
exclude_patterns = ["_build", "results/leaderboard"]
html_theme = "furo"
html_math_renderer = "mathml"
html_title = project
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_theme_options = {"source_repository": HOME, "source_branch": "main", "source_directory": "docs/"}
highlight_language = "none"
pygments_dark_style = "github-dark"  # the theme's own underlines modules, as if they were links
smartquotes = False  # -- begins an option, and quotes are those of Python
myst_heading_anchors = 4
myst_enable_extensions = ["dollarmath"]
copybutton_prompt_text = ">>> |\\.\\.\\. |\\$ "
copybutton_prompt_is_regexp = True
suppress_warnings = ["myst.header"]

# Hosts need not be there, and import much: their names are enough for the documentation of what is ours.
autodoc_mock_imports = ["nni", "pytorch_lightning", "naslib", "neps", "optuna", "distributed"]
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
napoleon_use_ivar = True
# References must lead somewhere where they name what a public module lists; to anything else there is no page.
PUBLIC = public_modules()
_LISTED = "|".join(map(re.escape, PUBLIC))
nitpick_ignore_regex = [(r"py:mod", r".*"), (r"py:.*", rf"(?!({_LISTED})\.[a-z]\w*$).*")]


def formula(writer: Any, node: nodes.Element) -> None:
    """Write a formula as MathML, which browsers show by themselves: no script, and nothing that is fetched."""
    block = isinstance(node, nodes.math_block)
    made = str(tex2mathml(node.astext(), as_block=block))
    writer.body.append(f"<p>{made}</p>" if block else made)
    raise nodes.SkipNode


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

    pages = re.compile(
        r"\[([^]]+)\]\((?!https?:)([^)]+\.html)\)"
    )  # which are there already, and no sources of the site
    source[0] = pages.sub(lambda m: f'<a href="{m[2]}">{m[1]}</a>' if (folder / m[2]).exists() else m[1], source[0])
    link = re.compile(r"(\])\((?!https?:|#|mailto:)([^)#\s]+)(#[^)\s]*|)\)")
    parts = re.split(r"(?ms)(^```.*?^```)", source[0])
    source[0] = "".join(part if number % 2 else link.sub(absolute, part) for number, part in enumerate(parts))


def whole_intervals(app: Sphinx, docname: str, source: list[str]) -> None:
    """Keep the ends of an interval on one line in the narrow cells of tables."""
    ends = re.compile(r"(\[[+−-]?[\d.]+,) ([+−-]?[\d.]+\])")
    lines = source[0].split("\n")
    source[0] = "\n".join(ends.sub("\\1\u00a0\\2", line) if line.startswith("|") else line for line in lines)


def on_another_page(app: Sphinx, what: str, name: str, found: Any, skip: bool, options: Any) -> bool | None:
    """Leave out of a module's page what is on the page of the room that it comes from."""
    home = (getattr(found, "__module__", None) or "").split(".")[:2]
    page = app.env.docname.rpartition("/")[2].split(".")[:2]
    return True if what == "module" and len(page) > 1 and home != page and ".".join(home) in PUBLIC else None


def copy_leaderboard(app: Sphinx, error: Exception | None) -> None:
    """Put the leaderboard's page, and the files beside it, where links to it lead."""
    made = Path(app.srcdir) / "results" / "leaderboard"
    if error is None and made.is_dir() and app.builder.name == "html":
        shutil.copytree(made, Path(app.outdir) / "results" / "leaderboard", dirs_exist_ok=True)


def setup(app: Sphinx) -> dict[str, Any]:
    """Write the pages that are made, before any is read."""
    app.add_html_math_renderer("mathml", (formula, None), (formula, None))
    app.connect("builder-inited", lambda _: write_pages())
    app.connect("source-read", absolute_links)
    app.connect("source-read", whole_intervals)
    app.connect("build-finished", copy_leaderboard)
    app.connect("autodoc-skip-member", on_another_page)
    return {"parallel_read_safe": True}
