"""Prints a template, given by its path, as JSON with YAML's aliases and merges and SAM's macro expanded."""

import json
import sys

from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform


class NoManagedPolicies:
    """The template uses no managed policies: each role has its own rights."""

    def load(self):
        return {}


with open(sys.argv[1], encoding="utf-8") as file:
    template = yaml_parse(file.read())
if "Transform" in template:
    # `sam deploy` uploads the code and the nested template, and sets their locations. The translator accepts no local
    # folder.
    template["Globals"]["Function"]["CodeUri"] = "s3://code/zip"
    template["Resources"]["Monitoring"]["Properties"]["TemplateURL"] = "https://s3.amazonaws.com/code/monitoring"
    template = transform(template, {}, NoManagedPolicies())
json.dump(template, sys.stdout)
