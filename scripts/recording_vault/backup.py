"""The backup file: the changes of the setup, and the previous values.

It contains none of the secrets that the setup stores. The webhook that Flex had before is in it as a whole, because the undo
restores it. Only the owner can read the file.
"""

import json
import os
import pathlib
import tempfile
import time

from .problems import WrongInput

VERSION = 1


class Backup:
    """Entries in the order of the changes. Each is on disk before its change is made."""

    def __init__(self, path, scope):
        self.path = pathlib.Path(path)
        self.scope = scope
        self.entries = []
        self._reload()

    def add(self, step, **details):
        """Keeps what is needed to undo a step. Returns a function that forgets it, if the step was never made."""
        entry = {"step": step, "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), **details}
        self._reload()
        self.entries.append(entry)
        self._save()
        return lambda: self.remove(entry)

    def check_writable(self):
        """Refuses a folder that the file cannot be written to, before the first change."""
        if not os.access(self.path.parent, os.W_OK):
            raise WrongInput(f"the backup file cannot be written to {self.path.parent}. Name another file with --backup")

    def remove(self, entry):
        """Forgets a step that was undone or was never made. The file goes with the last one."""
        self._reload()
        self.entries = [one for one in self.entries if one != entry]
        if self.entries:
            self._save()
        else:
            self.path.unlink(missing_ok=True)

    def newest_first(self):
        """Returns the steps in the order in which they are undone."""
        return list(reversed(self.entries))

    def _reload(self):
        """Reads what another run has kept in the meantime."""
        if self.path.exists():
            self._load()

    def _load(self):
        try:
            document = json.loads(self.path.read_text(encoding="utf-8"))
            version, scope, entries = document["version"], document["scope"], document["entries"]
        except (OSError, ValueError, KeyError, TypeError):
            raise WrongInput(f"{self.path} is not a backup file of the setup. Name another one with --backup") from None
        if version != VERSION:
            raise WrongInput(f"{self.path} was written by another version of the setup. Use that version")
        if scope != self.scope:
            raise WrongInput(
                f"{self.path} belongs to {_shown(scope)}, not to {_shown(self.scope)}. Check --stack, --region and"
                " --profile, or name another file with --backup"
            )
        self.entries = entries

    def _save(self):
        document = {"version": VERSION, "scope": self.scope, "entries": self.entries}
        folder = self.path.parent
        # A rename replaces the file as a whole. The file is created with mode 600.
        handle, name = tempfile.mkstemp(prefix=self.path.name, dir=folder)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(document, file, indent=2)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, self.path)
        except BaseException as error:
            pathlib.Path(name).unlink(missing_ok=True)
            if isinstance(error, OSError):
                # The message must not name the temporary file, or none at all.
                error.filename, error.filename2 = str(self.path), None
            raise


def default_path(stack, region):
    """Returns the name of the backup file in the current folder."""
    return f"recording-vault-setup-{stack}-{region}.json"


def _shown(scope):
    return ", ".join(f"{name} {value}" for name, value in scope.items())
