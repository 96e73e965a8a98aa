"""An emulated AWS account: ministack, from the environment of the interpreter that runs the tests."""

import contextlib
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time

import support  # noqa: F401  It sets the import path.
from recording_vault import aws

ACCOUNT_ID = "000000000000"
REGION = "us-east-1"
START_BOUND_S = 60

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_CONFIG_FILE": "/dev/null"}


@contextlib.contextmanager
def emulator():
    """Starts an empty account. Gives its endpoint."""
    program = pathlib.Path(sys.executable).parent / "ministack"
    if not program.exists():
        raise RuntimeError(f"the tests need {program}: run them with the environment `lint` of tests/toolbox")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        settings = {
            "GATEWAY_PORT": str(port),
            "BIND_HOST": "127.0.0.1",
            "IOT_MTLS_ENABLED": "0",
            "LOG_LEVEL": "WARNING",
            "TMPDIR": folder,
        }
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen(program, cwd=folder, env=os.environ | settings, **quiet)
        try:
            _wait(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()


def account(endpoint):
    """Returns the emulated account."""
    os.environ.update(CREDENTIALS)
    return aws.Account(REGION, None, endpoint)


def _wait(port):
    until = time.monotonic() + START_BOUND_S
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if time.monotonic() > until:
            raise RuntimeError("ministack did not start")
        time.sleep(0.05)
