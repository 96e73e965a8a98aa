"""The files of a release that are copied from the checkout, and the built Flex plugin."""

import os
import pathlib
import posixpath
import re

from .archive import File

# docs/ as well, because messages of the scripts and of CloudFormation name its files, and cost.py reads its tables.
COPIED = ("CHANGELOG.md", "LICENSE", "README.md", "SECURITY.md", "docs", "flex-plugin/README.md", "scripts")

# What tests or makes the release.
LEFT_OUT = ("scripts/release", "scripts/releasing/", "scripts/tests/")

INSTALL = "docs/INSTALL.md"

# A link to a file of this repository: its text, the file, and the place in it.
LINK = re.compile(r"\[(?P<text>[^]]+)\]\((?P<file>[^)#:\s]+)(?:#[^)\s]*)?\)")


def of(checkout):
    """Returns the copied files by their names in the release."""
    files = {}
    for name in checkout.tracked(*COPIED):
        if not name.startswith(LEFT_OUT):
            path = checkout.root / name
            files[name] = File(path.read_bytes(), os.access(path, os.X_OK))
    # The first page to read. The other documents link to the one in docs/.
    files["INSTALL.md"] = files[INSTALL]
    return {name: _with_links(name, file, files) if name.endswith(".md") else file for name, file in files.items()}


def missing_links(name, text, files):
    """Returns the links of a document to files that the release does not have."""
    folders = {posixpath.dirname(one) for one in files}

    def is_there(target):
        path = posixpath.normpath(posixpath.join(posixpath.dirname(name), target))
        return path in files or path in folders

    return [found for found in LINK.finditer(text) if not is_there(found["file"])]


def _with_links(name, file, files):
    """Returns a document in which links to files that the release does not have, such as sources, are plain text."""
    text = file.body.decode()
    for found in missing_links(name, text, files):
        text = text.replace(found[0], found["text"])
    return File(text.encode(), file.executable)


def flex_plugin(checkout):
    """Returns the script of the plugin, as Twilio's builder makes it."""
    folder = checkout.output("cargo", "run", "--quiet", "--package", "toolbox", "--bin", "flex_plugin").strip()
    return (pathlib.Path(folder) / "build/recording-vault.js").read_bytes()
