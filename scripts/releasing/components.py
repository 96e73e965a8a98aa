"""The crates that are compiled into the functions, and the list of them in CycloneDX's format (cyclonedx.org)."""

import dataclasses
import json
import pathlib
import re
import time
import tomllib
import zlib

from .functions import FUNCTIONS

# A line of cargo tree: depth, name, version, and whether the crate's dependencies are shown elsewhere.
LINE = re.compile(r"(?P<depth>\d+)(?P<name>\S+) v(?P<version>\S+)")


@dataclasses.dataclass
class Crate:
    """A crate of the functions."""

    name: str
    version: str
    # An SPDX expression. Older crates separate alternatives by a slash.
    license: str
    authors: list
    folder: pathlib.Path
    # None for this project's own crates.
    checksum: str | None
    # The names and versions of the crates that it uses.
    uses: list

    @property
    def key(self):
        """The name and the version, which identify a crate."""
        return (self.name, self.version)


def compiled_in(checkout, targets):
    """Returns the crates in the functions for any of the targets, sorted.

    Dependencies of build scripts and of macros run only while the functions are compiled, and tests' only in tests.
    """
    uses = {}
    for target in targets:
        packages = (f"--package={name}" for name in FUNCTIONS)
        tree = checkout.output(
            *("cargo", "tree", "--locked", *packages, "--target", target),
            *("--edges", "normal,no-proc-macro", "--prefix", "depth", "--format", "{p}"),
        )
        for user, used in edges(tree):
            uses.setdefault(user, set()).update(used)
    return _described(checkout, uses)


def edges(tree):
    """Yields each crate of cargo's tree with the set of those that it uses, as name and version."""
    above = []
    for line in filter(None, tree.splitlines()):
        found = LINE.match(line)
        crate = (found["name"], found["version"])
        del above[int(found["depth"]) :]
        if above:
            yield above[-1], {crate}
        yield crate, set()
        above.append(crate)


def sbom(checkout, crates):
    """Returns the document. It has no serial number, and the commit's time, so that it is always the same."""
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(checkout.time)),
            "tools": {"components": [_tool(name, version) for name, version in _tools(checkout)]},
            "component": {
                "type": "application",
                "bom-ref": "recording-vault",
                "name": "recording-vault",
                "version": checkout.version,
                "licenses": [{"expression": "Apache-2.0"}],
            },
        },
        "components": [_component(crate) for crate in crates],
        "dependencies": [
            {"ref": "recording-vault", "dependsOn": [_reference(crate) for crate in crates if crate.name in FUNCTIONS]},
            *({"ref": _reference(crate), "dependsOn": [_ref(*key) for key in crate.uses]} for crate in crates),
        ],
    }
    return f"{json.dumps(document, indent=1)}\n".encode()


def _described(checkout, uses):
    packages = {(package["name"], package["version"]): package for package in checkout.metadata["packages"]}
    lock = tomllib.loads((checkout.root / "Cargo.lock").read_text(encoding="utf-8"))
    checksums = {(package["name"], package["version"]): package.get("checksum") for package in lock["package"]}
    crates = []
    for key in sorted(uses):
        package = packages[key]
        crates.append(
            Crate(
                *key,
                license=package["license"].replace(" / ", " OR ").replace("/", " OR "),
                authors=package["authors"],
                folder=pathlib.Path(package["manifest_path"]).parent,
                checksum=checksums[key],
                uses=sorted(uses[key]),
            )
        )
    return crates


def _component(crate):
    component = {
        "type": "library",
        "bom-ref": _reference(crate),
        "name": crate.name,
        "version": crate.version,
        "licenses": [{"expression": crate.license}],
    }
    if crate.checksum:
        component["hashes"] = [{"alg": "SHA-256", "content": crate.checksum}]
        component["purl"] = f"pkg:cargo/{crate.name}@{crate.version}"
    return component


def _reference(crate):
    return _ref(*crate.key)


def _ref(name, version):
    return f"{name}@{version}"


def _tools(checkout):
    """Yields what must be the same for the same bytes."""
    yield "rustc", checkout.output("rustc", "--version").removeprefix("rustc ").strip()
    pins = (checkout.root / "tests/toolbox/requirements/stack.txt").read_text(encoding="utf-8")
    for name in ("cargo-lambda", "ziglang"):
        yield name, re.search(rf"^{name}==(\S+)$", pins, re.MULTILINE)[1]
    yield "zlib", zlib.ZLIB_RUNTIME_VERSION


def _tool(name, version):
    return {"type": "application", "name": name, "version": version}
