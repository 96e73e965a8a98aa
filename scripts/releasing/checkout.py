"""The checkout that a release is made from, and the tools that are pinned in it."""

import functools
import json
import os
import re
import subprocess
import tomllib

# These would replace the flags that the build sets itself, or become part of it.
NOT_PASSED_ON = re.compile(
    r".*RUSTFLAGS|CARGO_PROFILE_.*|CARGO_TARGET_.*_LINKER|(CARGO_BUILD_)?RUSTC(_WORKSPACE)?(_WRAPPER)?|RUSTC_BOOTSTRAP"
    r"|(TARGET_|HOST_)?(CFLAGS|CXXFLAGS)(_.*)?|AWS_LC_SYS_.*"
)


class NotReleasable(Exception):
    """Why no release can be made, in a sentence for the person who makes it."""


class Checkout:
    """A checkout of this repository."""

    def __init__(self, root):
        self.root = root
        manifest = tomllib.loads((root / "Cargo.toml").read_text(encoding="utf-8"))
        self.version = manifest["workspace"]["package"]["version"]

    @property
    def time(self):
        """The time of the commit, in seconds since 1970."""
        return int(self.output("git", "log", "-1", "--format=%ct"))

    def require_tag(self):
        """Refuses a commit without the tag of its version, and a checkout that differs from its commit."""
        tag = f"v{self.version}"
        if tag not in self.output("git", "tag", "--points-at", "HEAD").split():
            raise NotReleasable(f"HEAD does not have the tag {tag}, which Cargo.toml's version requires")
        changed = self.output("git", "status", "--porcelain").splitlines()
        if changed:
            raise NotReleasable(f"the checkout differs from its commit: {', '.join(line[3:] for line in changed)}")

    def tracked(self, *folders):
        """Returns the paths of the tracked files under some folders, relative to the root."""
        return self.output("git", "ls-files", "-z", "--", *folders).split("\0")[:-1]

    @functools.cached_property
    def metadata(self):
        """Cargo's metadata of all packages."""
        return json.loads(self.output("cargo", "metadata", "--locked", "--format-version", "1"))

    def output(self, *command, environment=None):
        """Returns what a command prints. Its standard error is passed on."""
        try:
            run = subprocess.run(
                command,
                cwd=self.root,
                env=self.environment() | (environment or {}),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                check=True,
            )
        except FileNotFoundError:
            raise NotReleasable(f"{command[0]} is not installed") from None
        except subprocess.CalledProcessError as error:
            raise NotReleasable(f"{command[0]} ended with {error.returncode}. Its messages are above") from None
        return run.stdout.decode()

    def environment(self):
        """Returns the variables of this process without those that would change the build."""
        return {name: value for name, value in os.environ.items() if not NOT_PASSED_ON.fullmatch(name)}

    @functools.cache
    def path_with(self, venv):
        """Returns a value of PATH that begins with a Python environment whose packages are pinned."""
        folder = self.output("cargo", "run", "--quiet", "--package", "toolbox", "--bin", "venv", "--", venv)
        return f"{folder.strip()}{os.pathsep}{os.environ['PATH']}"
