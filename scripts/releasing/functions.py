"""The functions' binaries, built like SAM builds them, but with no path of this machine in them."""

import json
import pathlib

# Lambda's names of the architectures, and Rust's of the same.
TARGETS = {"arm64": "aarch64-unknown-linux-gnu", "x86_64": "x86_64-unknown-linux-gnu"}

FUNCTIONS = ("recording-callback", "recording-playback")


def build(checkout, architecture):
    """Returns the binaries of an architecture by their names."""
    environment = {
        "PATH": checkout.path_with("stack"),
        # Other builds use other features and other flags. In a folder of its own, this one does not compile them again.
        "CARGO_TARGET_DIR": str(checkout.root / "target/functions"),
    }
    built = checkout.root / "target/functions/lambda" / architecture
    checkout.output(
        *("cargo", "lambda", "build", "--release", "--locked", "--target", TARGETS[architecture]),
        *(f"--package={name}" for name in FUNCTIONS),
        *("--bins", "--lambda-dir", str(built)),
        *("--config", f"build.rustflags={json.dumps(_without_paths(checkout))}"),
        environment=environment,
    )
    return {name: (built / name / "bootstrap").read_bytes() for name in FUNCTIONS}


def _without_paths(checkout):
    """Returns the compiler's flags that replace the folders of sources, which panics name, by fixed names."""
    registries = {
        str(pathlib.Path(package["manifest_path"]).parent.parent)
        for package in checkout.metadata["packages"]
        if package["source"]
    }
    folders = [(str(checkout.root), "/source")] + [(folder, "/registry") for folder in sorted(registries)]
    return [f"--remap-path-prefix={folder}={name}" for folder, name in folders]
