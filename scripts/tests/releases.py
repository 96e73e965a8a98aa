"""A release that is made from the templates of this checkout, with functions that do nothing or with given binaries.

releases.py FOLDER CALLBACK PLAYBACK writes one with the two binaries, without their debugging symbols, and the scripts.
"""

import functools
import io
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import zipfile

from support import SCRIPTS

from recording_vault.release import ARCHITECTURES
from releasing.archive import File, summed
from releasing.functions import FUNCTIONS
from releasing.templates import released

ROOT = SCRIPTS.parent


@functools.cache
def templates():
    """Returns template.yaml and monitoring.yaml as JSON, with SAM's macro expanded."""
    return tuple(_expanded(name) for name in ("template.yaml", "monitoring.yaml"))


def release_folder(folder, binaries=None):
    """Writes a release. `binaries` are the contents of the functions by their names; without them, they do nothing."""
    template, monitoring = (json.loads(json.dumps(one)) for one in templates())
    template = released(template, "0.0.0", "arm64")
    files = {
        "template.json": File(json.dumps(template).encode()),
        "monitoring.json": File(json.dumps(_simple(monitoring)).encode()),
    }
    zips = {binary: _zipped(content) for binary, content in (binaries or {}).items()}
    for architecture in ARCHITECTURES:
        for binary in FUNCTIONS:
            stub = f"#!/bin/sh\n# {architecture} {binary}\n".encode()
            files[f"{architecture}/{binary}.zip"] = File(zips.get(binary) or _zipped(stub))
    for name, file in summed(files).items():
        path = pathlib.Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.body)


def _expanded(name):
    expand = [sys.executable, ROOT / "tests/deployment/expand.py", ROOT / name]
    environment = {
        "AWS_DEFAULT_REGION": "us-east-1",
        "SAM_CLI_TELEMETRY": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": "/tmp",
    }
    return json.loads(subprocess.run(expand, check=True, capture_output=True, env=environment).stdout)


def _simple(monitoring):
    """Replaces alarms on expressions, which the emulator refuses, by alarms on their first metric."""
    for resource in monitoring["Resources"].values():
        properties = resource["Properties"]
        stat = next((m["MetricStat"] for m in properties.pop("Metrics", []) if "MetricStat" in m), None)
        if stat:
            properties.update(stat["Metric"], Statistic=stat["Stat"], Period=stat["Period"])
    return monitoring


def _stripped(binary):
    """Returns a binary without its debugging symbols, which are nine tenths of it."""
    with tempfile.NamedTemporaryFile() as output:
        subprocess.run(["strip", "-o", output.name, binary], check=True)
        return pathlib.Path(output.name).read_bytes()


def _zipped(content):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        file.writestr(zipfile.ZipInfo("bootstrap"), content, zipfile.ZIP_DEFLATED)
    return archive.getvalue()


if __name__ == "__main__":
    callback, playback = map(_stripped, sys.argv[2:])
    release_folder(sys.argv[1], {"recording-callback": callback, "recording-playback": playback})
    ignored = shutil.ignore_patterns("tests", "__pycache__")
    shutil.copytree(SCRIPTS, pathlib.Path(sys.argv[1], "scripts"), ignore=ignored)
