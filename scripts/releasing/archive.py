"""Archives whose bytes depend only on their contents."""

import dataclasses
import gzip
import hashlib
import io
import tarfile
import zipfile

# The earliest time that a zip can have.
ZIP_TIME = (1980, 1, 1, 0, 0, 0)

SUMS = "SHA256SUMS"


@dataclasses.dataclass
class File:
    """A file of the release."""

    body: bytes
    executable: bool = False

    @property
    def mode(self):
        """The permissions: everybody reads, and nobody else writes."""
        return 0o755 if self.executable else 0o644


def sha256(body):
    """Returns the checksum in hexadecimal."""
    return hashlib.sha256(body).hexdigest()


def summed(files):
    """Returns the files, by their names, with a file of their checksums in the form of sha256sum."""
    lines = (f"{sha256(file.body)}  {name}\n" for name, file in sorted(files.items()))
    return files | {SUMS: File("".join(lines).encode())}


def zipped(name, body):
    """Returns a zip that contains one executable file."""
    info = zipfile.ZipInfo(name, ZIP_TIME)
    # Unix, a regular file, and executable for Lambda's user.
    info.create_system = 3
    info.external_attr = 0o100755 << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    zipped_file = io.BytesIO()
    with zipfile.ZipFile(zipped_file, "w") as archive:
        archive.writestr(info, body, compresslevel=9)
    return zipped_file.getvalue()


def tarred(root, files, seconds):
    """Returns a .tar.gz that contains the files in one folder, all with the same time and without an owner."""
    tarred_files = io.BytesIO()
    # gzip's header could contain a name and a time.
    with (
        gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=tarred_files, mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for name, file in sorted(files.items()):
            info = tarfile.TarInfo(f"{root}/{name}")
            info.size, info.mode, info.mtime = len(file.body), file.mode, seconds
            archive.addfile(info, io.BytesIO(file.body))
    return tarred_files.getvalue()
