"""The release: a folder or an archive with the templates and the functions as zips.

  template.json             the stack; `CodeUri`, `Code` and `TemplateURL` name files of the release
  monitoring.json           the nested stack
  arm64/*.zip, x86_64/*.zip the functions; the template names those of arm64
  SHA256SUMS                the checksum of every file, in the form of sha256sum

The templates are JSON, because Python's standard library has no parser for YAML.
"""

import atexit
import copy
import hashlib
import json
import pathlib
import shutil
import tarfile
import tempfile
import zlib

from .problems import WrongInput

TEMPLATE = "template.json"
SUMS = "SHA256SUMS"

ARCHITECTURES = ("arm64", "x86_64")


class Release:
    """An unpacked release whose checksums are verified."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.sums = _verified(self.folder)
        self.template = self._json(TEMPLATE)

    def packaged(self, bucket_url, bucket, architecture):
        """Returns the template with the places of its files in the bucket, and the files by their keys there.

        A key contains the checksum of its file, so that an upload never replaces another version.
        """
        files = {}

        def upload(name, body=None):
            content = self._read(name) if body is None else body
            key = f"{hashlib.sha256(content).hexdigest()}/{pathlib.PurePosixPath(name).name}"
            files[key] = content
            return key

        def place(template):
            template = copy.deepcopy(template)
            for properties in _function_properties(template):
                for name in ("CodeUri", "Code"):
                    if isinstance(properties.get(name), str):
                        key = upload(_for(architecture, properties[name]))
                        bucket_field, key_field = ("Bucket", "Key") if name == "CodeUri" else ("S3Bucket", "S3Key")
                        properties[name] = {bucket_field: bucket, key_field: key}
            for resource in template.get("Resources", {}).values():
                properties = resource.get("Properties", {})
                url = properties.get("TemplateURL")
                if isinstance(url, str) and "://" not in url:
                    key = upload(url, json.dumps(place(self._json(url))).encode())
                    properties["TemplateURL"] = f"{bucket_url}/{key}"
            return template

        template = place(self.template)
        return template, files

    def parameters(self):
        """Returns the declarations of the template's parameters by their names."""
        return self.template["Parameters"]

    def regions_without_function_urls(self):
        """Returns the Regions that the template's own rule refuses."""
        rule = self.template.get("Rules", {}).get("RegionHasFunctionUrls", {})
        for assertion in rule.get("Assertions", []):
            [negated] = assertion["Assert"]["Fn::Not"]
            return negated["Fn::Contains"][0]
        return []

    def uses_macros(self):
        """Whether CloudFormation must expand the template first, which needs a capability of its own."""
        return "Transform" in self.template

    def _json(self, name):
        try:
            return json.loads(self._read(name))
        except ValueError:
            raise WrongInput(f"{name} of the release is not JSON. Download the release again") from None

    def _read(self, name):
        if name not in self.sums:
            raise WrongInput(f"the release has no {name} in {SUMS}. Download the release again")
        return (self.folder / name).read_bytes()


def own():
    """Returns the folder of the release that these scripts are part of, or None in a checkout."""
    folder = pathlib.Path(__file__).resolve().parent.parent.parent
    return folder if (folder / SUMS).is_file() else None


def opened(path):
    """Returns the release of a folder or of a .tar.gz archive."""
    path = pathlib.Path(path)
    if path.is_dir():
        return Release(path)
    if not path.is_file():
        raise WrongInput(f"{path} does not exist. --release names the folder or the archive of the release")
    if not hasattr(tarfile, "data_filter"):
        raise WrongInput("this Python cannot unpack archives safely. Update it, or unpack the archive and name the folder")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="recording-vault-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    try:
        with tarfile.open(path) as archive:
            # The filter refuses paths outside the folder.
            archive.extractall(folder, filter="data")
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise WrongInput(
            f"{path} is not a complete archive ({type(error).__name__}). Download the release again"
        ) from None
    roots = [found.parent for found in sorted(folder.glob(f"**/{SUMS}"))]
    if not roots:
        raise WrongInput(f"{path} is not a release: it has no {SUMS}")
    return Release(roots[0])


def _verified(folder):
    """Returns the names in SHA256SUMS. Each file must have its checksum."""
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    except OSError:
        raise WrongInput(f"{folder} is not a release: it has no {SUMS}") from None
    names = set()
    for line in lines:
        expected, _, name = line.partition("  ")
        name = name.removeprefix("*").removeprefix("./")
        path = folder / name
        if not name or not path.resolve().is_relative_to(folder.resolve()):
            raise WrongInput(f"{SUMS} has a line that names no file of the release. Download the release again")
        if not path.is_file():
            raise WrongInput(f"the release lacks {name}. Download it again")
        if hashlib.sha256(path.read_bytes()).hexdigest() != expected:
            raise WrongInput(f"{name} of the release is damaged: its checksum differs. Download the release again")
        names.add(name)
    return names


def _function_properties(template):
    globals_of = template.get("Globals", {}).get("Function")
    if globals_of:
        yield globals_of
    for resource in template.get("Resources", {}).values():
        if resource["Type"] in ("AWS::Serverless::Function", "AWS::Lambda::Function"):
            yield resource["Properties"]


def _for(architecture, name):
    """Returns the same file for another architecture."""
    head, slash, rest = name.partition("/")
    return f"{architecture}/{rest}" if slash and head in ARCHITECTURES else name
