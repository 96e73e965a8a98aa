"""Players for sound that computers have already."""

import os
import re
import shutil
import subprocess

# macOS, FFmpeg, and Linux's two sound systems.
PROGRAMS = (
    ("afplay",),
    ("ffplay", "-nodisp", "-autoexit", "-loglevel", "error"),
    ("paplay",),
    ("aplay", "-q"),
)

# Variables that may have a secret.
SECRET = re.compile("TOKEN|SECRET|KEY|PASSWORD|CREDENTIAL", re.IGNORECASE)

# A player that takes so much longer than the sound has no device to play on.
PATIENCE_S = 30


def found():
    """Returns the name of a player and a function `play(path, seconds)`, which returns whether it worked; or None."""
    try:
        import winsound
    except ImportError:
        winsound = None
    if winsound:
        return "Windows", lambda path, _: _with_windows(winsound, path)
    for program in PROGRAMS:
        if shutil.which(program[0]):
            return program[0], lambda path, seconds, program=program: _with_program(program, path, seconds)
    return None


def _with_windows(winsound, path):
    try:
        winsound.PlaySound(str(path), winsound.SND_FILENAME)
    except RuntimeError:
        return False
    return True


def _without_secrets(environment):
    """Returns the variables that a player needs. Tokens and keys are not its business."""
    return {name: value for name, value in environment.items() if not SECRET.search(name)}


def _with_program(program, path, seconds):
    quiet = {name: subprocess.DEVNULL for name in ("stdin", "stdout", "stderr")}
    try:
        played = subprocess.run(
            [*program, path], **quiet, check=False, timeout=seconds + PATIENCE_S, env=_without_secrets(os.environ)
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return played.returncode == 0
