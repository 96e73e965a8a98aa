"""Prints what CloudFormation would replace or remove if the second template were deployed over the first.

The arguments are two expanded templates. A resource is replaced if its type differs, or a property that its type's
schema calls create-only. The emulator updates every resource in place, so it does not show this.
"""

import json
import sys

from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

REGION = "us-east-1"


def create_only(kind):
    """The names of a type's properties that only a new resource can have, always or in some cases."""
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, kind).schema
    paths = schema.get("createOnlyProperties", []) + schema.get("conditionalCreateOnlyProperties", [])
    return {path.split("/")[2] for path in paths}


def replaced(name, before, after):
    """What replaces or removes a resource."""
    if after is None:
        return [f"{name} is removed"]
    if before["Type"] != after["Type"]:
        return [f"{name} changes its type"]
    old, new = before.get("Properties", {}), after.get("Properties", {})
    names = sorted(create_only(before["Type"]))
    return [f"{name}.{one}" for one in names if old.get(one) != new.get(one)]


with open(sys.argv[1], encoding="utf-8") as first, open(sys.argv[2], encoding="utf-8") as second:
    earlier, later = json.load(first)["Resources"], json.load(second)["Resources"]
print(json.dumps([line for name in earlier for line in replaced(name, earlier[name], later.get(name))]))
