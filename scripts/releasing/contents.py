"""The files of a release that are copied from the checkout, and the built Flex plugin."""

import os
import pathlib

from .archive import File

# docs/ as well, because messages of the scripts and of CloudFormation name its files, and cost.py reads its tables.
COPIED = ("CHANGELOG.md", "LICENSE", "README.md", "docs", "scripts")

# What tests or makes the release.
LEFT_OUT = ("scripts/release", "scripts/releasing/", "scripts/tests/")

INSTALL = "docs/INSTALL.md"


def of(checkout):
    """Returns the copied files by their names in the release."""
    files = {}
    for name in checkout.tracked(*COPIED):
        if not name.startswith(LEFT_OUT):
            path = checkout.root / name
            files[name] = File(path.read_bytes(), os.access(path, os.X_OK))
    files["INSTALL.md"] = files.pop(INSTALL)
    return files


def flex_plugin(checkout):
    """Returns the script of the plugin, as Twilio's builder makes it."""
    folder = checkout.output("cargo", "run", "--quiet", "--package", "toolbox", "--bin", "flex_plugin").strip()
    return (pathlib.Path(folder) / "build/recording-vault.js").read_bytes()
