"""The standard streams: those that the caller has closed, and those that fail while the command prints."""

import contextlib
import io
import os
import sys


def prepare():
    """Opens the closed streams, and lets every text be printed."""
    _open_closed()
    for stream in (sys.stdout, sys.stderr):
        # A name at Twilio may have characters that the terminal's encoding lacks.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def say_last(*prints):
    """Runs each of `prints`, the last ones of a command, whatever streams have failed."""
    for one in prints:
        with contextlib.suppress(OSError):
            one()
    _drop_failed()


def _drop_failed():
    """Sends what is left for a stream that has failed nowhere. Python would write it at the end, and fail again."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _open_closed():
    """Python has None for a standard stream that the caller has closed. Nothing comes from it, and it keeps nothing."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))
