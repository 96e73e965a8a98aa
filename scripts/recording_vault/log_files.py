"""The functions' logs as files, as the local stack writes them: `*.log` in one folder, JSON lines among others."""

import datetime
import json
import pathlib

from .problems import WrongInput


def lines(folder):
    """Yields the lines of JSON in all files as `query_language` reads them."""
    files = sorted(pathlib.Path(folder).glob("*.log"))
    if not files:
        raise WrongInput(f"there are no log files (*.log) in {folder}")
    for file in files:
        with open(file, encoding="utf-8", errors="replace") as text:
            for line in text:
                fields = parsed(line)
                if fields is not None:
                    yield fields


def parsed(line):
    """Returns the fields of a line, flat and with `@timestamp`, or None for a line without JSON or time."""
    try:
        fields = json.loads(line)
        written = datetime.datetime.fromisoformat(fields["timestamp"].replace("Z", "+00:00"))
        milliseconds = int(written.timestamp() * 1000)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return dict(_flat(fields, "")) | {"@timestamp": milliseconds}


def _flat(fields, prefix):
    for name, value in fields.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        elif value is not None:
            yield prefix + name, value
