#!/usr/bin/env python3
"""deployed.py STACK FOLDER: describes the functions that CloudFormation has deployed, for a machine that runs them itself.

Prints one JSON document, and writes the functions' binaries into FOLDER. The emulator would feed the functions itself, so
their event source mappings are turned off. The endpoint and the credentials are those of the environment.
"""

import io
import json
import pathlib
import sys
import urllib.parse
import urllib.request
import zipfile

import boto3

COMPLETE = ("CREATE_COMPLETE", "UPDATE_COMPLETE")


def main(stack, folder):
    """Prints the description."""
    cloudformation = boto3.client("cloudformation")
    [described] = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    if described["StackStatus"] not in COMPLETE:
        sys.exit(f"the stack is not deployed: {described['StackStatus']}")
    outputs = {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}
    resources = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
    turn_off_mappings(resources)
    document = {
        "callbackHost": urllib.parse.urlsplit(outputs["CallbackUrl"]).hostname,
        "playbackHost": urllib.parse.urlsplit(outputs["PlaybackBaseUrl"]).hostname,
        "functions": functions(resources, pathlib.Path(folder)),
        "queues": queues(resources),
    }
    print(json.dumps(document))


def turn_off_mappings(resources):
    """Leaves the queues to the machine's own pollers."""
    client = boto3.client("lambda")
    for mapping in of_type(resources, "AWS::Lambda::EventSourceMapping").values():
        client.update_event_source_mapping(UUID=mapping, Enabled=False)


def functions(resources, folder):
    """Returns the functions by their names in the template."""
    client = boto3.client("lambda")
    described = {}
    for name, physical in of_type(resources, "AWS::Lambda::Function").items():
        function = client.get_function(FunctionName=physical)
        configuration = function["Configuration"]
        described[name] = {
            "name": physical,
            "environment": configuration.get("Environment", {}).get("Variables", {}),
            "timeoutSeconds": configuration["Timeout"],
            "memoryMegabytes": configuration["MemorySize"],
            "binary": binary(function["Code"]["Location"], configuration["CodeSha256"], folder),
        }
    return described


def binary(location, digest, folder):
    """Unpacks the deployed zip. Returns the path of its `bootstrap`."""
    path = folder / digest.replace("/", "_") / "bootstrap"
    if not path.exists():
        with urllib.request.urlopen(location) as reply:
            archive = zipfile.ZipFile(io.BytesIO(reply.read()))
        path.parent.mkdir(parents=True)
        path.write_bytes(archive.read("bootstrap"))
        path.chmod(0o755)
    return str(path)


def queues(resources):
    """Returns the URLs and ARNs of the queues by their names in the template."""
    client = boto3.client("sqs")

    def arn(url):
        return client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    return {name: {"url": url, "arn": arn(url)} for name, url in of_type(resources, "AWS::SQS::Queue").items()}


def of_type(resources, kind):
    """Returns the physical ids of the resources of a type by their names in the template."""
    return {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for resource in resources
        if resource["ResourceType"] == kind
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
