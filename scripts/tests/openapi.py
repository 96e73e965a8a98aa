"""Twilio's OpenAPI descriptions, in the folder that OPENAPI_DIR names. Without it, tests pass unless OPENAPI_REQUIRED=1."""

import functools
import json
import os
import pathlib
import re


def available():
    """Whether the descriptions are there."""
    there = bool(os.environ.get("OPENAPI_DIR"))
    assert there or os.environ.get("OPENAPI_REQUIRED") != "1", "OPENAPI_REQUIRED=1, but OPENAPI_DIR is not set"
    return there


@functools.cache
def description(name):
    """Returns a description: flex_v1, api_v2010 or taskrouter_v1."""
    return json.loads(pathlib.Path(os.environ["OPENAPI_DIR"], f"{name}.json").read_text(encoding="utf-8"))


def operation(method, path):
    """Returns the description of a request, or None if it has none."""
    for name in ("flex_v1", "api_v2010", "taskrouter_v1"):
        for template, operations in description(name)["paths"].items():
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/.]+", template), path) and method.lower() in operations:
                return name, operations[method.lower()]
    return None


def resolved(name, schema):
    """Returns a schema behind its reference."""
    while "$ref" in schema:
        schema = description(name)["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema
