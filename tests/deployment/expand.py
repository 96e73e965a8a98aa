"""Prints the template whose path is given as JSON, with YAML's aliases and merges written out and SAM's macro expanded."""

import json
import sys

from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform


class NoManagedPolicies:
    """The template names none: each role's rights are its own."""

    def load(self):
        return {}


with open(sys.argv[1], encoding="utf-8") as file:
    template = yaml_parse(file.read())
if "Transform" in template:
    # `sam deploy` uploads code and parts and names the places; the translator takes no local folder.
    template["Globals"]["Function"]["CodeUri"] = "s3://code/zip"
    template["Resources"]["Monitoring"]["Properties"]["TemplateURL"] = "https://s3.amazonaws.com/code/monitoring"
    template = transform(template, {}, NoManagedPolicies())
json.dump(template, sys.stdout)
