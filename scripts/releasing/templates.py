"""The templates of a release: JSON with SAM's macro expanded, so that no deployment needs a capability for macros."""

import json

from .archive import File
from .checkout import NotReleasable

# What `sam build` needs. The release is already built.
OF_THE_BUILD = ("BuildMethod", "BuildProperties")


def files(checkout, architectures):
    """Returns both templates by their names in the release."""
    # The functions of another architecture are used by the front end. All other tools deploy the ones named here.
    default = "arm64" if "arm64" in architectures else architectures[0]
    template = released(_expanded(checkout, "template.yaml"), checkout.version, default)
    return {"template.json": _file(template), "monitoring.json": _file(_expanded(checkout, "monitoring.yaml"))}


def released(template, version, architecture):
    """Returns the expanded template with the names of the release's files, its version and its architecture."""
    template["Description"] = f"{template['Description'].strip()} Version {version}."
    template["Parameters"]["Architecture"]["Default"] = architecture
    for resource in template["Resources"].values():
        metadata = resource.get("Metadata", {})
        if resource["Type"] == "AWS::Lambda::Function":
            binary = metadata["BuildProperties"]["Binary"]
            resource["Properties"]["Code"] = f"{architecture}/{binary}.zip"
        elif resource["Type"] == "AWS::CloudFormation::Stack":
            resource["Properties"]["TemplateURL"] = "monitoring.json"
        for name in OF_THE_BUILD:
            metadata.pop(name, None)
        if not metadata:
            resource.pop("Metadata", None)
    return template


def _expanded(checkout, name):
    # The expansion is the same in every Region, but the translator refuses to run without one.
    environment = {"PATH": checkout.path_with("lint"), "AWS_DEFAULT_REGION": "us-east-1", "SAM_CLI_TELEMETRY": "0"}
    expanded = checkout.output("python", "tests/deployment/expand.py", name, environment=environment)
    template = json.loads(expanded)
    if "Transform" in template:
        raise NotReleasable(f"{name} still has a macro after its expansion")
    return template


def _file(template):
    return File(f"{json.dumps(template, indent=1)}\n".encode())
