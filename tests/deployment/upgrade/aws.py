"""Reads and writes what a deployed stack holds: the messages in its queues, its one-time schedules and its objects.

Arguments: an operation, the stack's name, and the operation's own. The result is JSON on standard output.
"""

import base64
import json
import pathlib
import sys
import urllib.parse

from boto3 import client

STATE = "state.json"
# The emulator requires an ARN but does not check it.
ROLE = "arn:aws:iam::000000000000:role/schedules"


def resources(stack, kind=None):
    """The physical ids of the stack's resources by logical id, all or those of one type."""
    described = client("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
    return {
        one["LogicalResourceId"]: one["PhysicalResourceId"]
        for one in described
        if kind in (None, one["ResourceType"])
    }


def stop_polling(stack):
    """Stops the emulator's own delivery of messages. It cannot run the functions, and would hide the messages."""
    polled = client("lambda")
    for mapping in resources(stack, "AWS::Lambda::EventSourceMapping").values():
        polled.update_event_source_mapping(UUID=mapping, Enabled=False)


def event(stack, queue, most=1):
    """Takes messages from a queue, as the event that Lambda makes of them."""
    url, sqs = resources(stack)[queue], client("sqs")
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    received = sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=most, AttributeNames=["All"], MessageAttributeNames=["All"]
    )
    records = [
        {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message["Attributes"],
            "messageAttributes": {
                name: {"stringValue": value["StringValue"], "dataType": value["DataType"]}
                for name, value in message.get("MessageAttributes", {}).items()
            },
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": arn,
            "awsRegion": "us-east-1",
        }
        for message in received.get("Messages", [])
    ]
    return {"Records": records}


def done(stack, queue, handle):
    """Deletes a message, as Lambda does for a function that has processed it."""
    client("sqs").delete_message(QueueUrl=resources(stack)[queue], ReceiptHandle=handle)


def read(stack, folder):
    """Writes everything into a folder. Messages are taken from their queues."""
    folder = pathlib.Path(folder)
    ids = resources(stack)
    messages = {}
    for queue in sorted(resources(stack, "AWS::SQS::Queue")):
        messages[queue] = []
        while records := event(stack, queue, 10)["Records"]:
            messages[queue] += [
                {"body": one["body"], "attributes": {k: v["stringValue"] for k, v in one["messageAttributes"].items()}}
                for one in records
            ]
        messages[queue].sort(key=lambda message: message["body"])
    state = {
        "messages": messages,
        "schedules": schedules(ids),
        "objects": [stored(ids["RecordingsBucket"], key, folder) for key in keys(ids["RecordingsBucket"])],
    }
    (folder / STATE).write_text(json.dumps(state, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def schedules(ids):
    """The one-time schedules of the functions. Those of the template belong to the template."""
    scheduler, group = client("scheduler"), ids["Schedules"]
    names = [one["Name"] for one in scheduler.list_schedules(GroupName=group)["Schedules"]]
    found = [scheduler.get_schedule(GroupName=group, Name=name) for name in sorted(names)]
    by_arn = {arn(one, ids): one for one in ("CopiesQueue", "OperatorFunction")}
    return [
        {
            "name": one["Name"],
            "expression": one["ScheduleExpression"],
            "target": by_arn[one["Target"]["Arn"]],
            "input": one["Target"]["Input"],
        }
        for one in found
        if one["ScheduleExpression"].startswith("at(")
    ]


def arn(logical, ids):
    """The ARN of a schedule's target."""
    if logical == "CopiesQueue":
        attributes = client("sqs").get_queue_attributes(QueueUrl=ids[logical], AttributeNames=["QueueArn"])
        return attributes["Attributes"]["QueueArn"]
    return client("lambda").get_function(FunctionName=ids[logical])["Configuration"]["FunctionArn"]


def keys(bucket):
    """The keys of the bucket's objects."""
    listed = client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])
    return [one["Key"] for one in listed]


def stored(bucket, key, folder):
    """An object. The content of a recording is written into a file of its own."""
    s3 = client("s3")
    answer = s3.get_object(Bucket=bucket, Key=key)
    body = answer["Body"].read()
    found = {
        "key": key,
        "contentType": answer["ContentType"],
        "metadata": answer["Metadata"],
        "tags": {tag["Key"]: tag["Value"] for tag in s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]},
    }
    if key.startswith("recordings/"):
        found["file"] = key.replace("/", "-")
        (folder / found["file"]).write_bytes(body)
    else:
        found["text"] = body.decode()
    return found


def write(stack, folder):
    """Puts everything from a folder into the stack."""
    folder = pathlib.Path(folder)
    state = json.loads((folder / STATE).read_text(encoding="utf-8"))
    ids = resources(stack)
    for queue, messages in state["messages"].items():
        for message in messages:
            client("sqs").send_message(
                QueueUrl=ids[queue],
                MessageBody=message["body"],
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value} for name, value in message["attributes"].items()
                },
            )
    for one in state["schedules"]:
        client("scheduler").create_schedule(
            GroupName=ids["Schedules"],
            Name=one["name"],
            # Later than the test: the test delivers the input itself.
            ScheduleExpression="at(2099-01-01T00:00:00)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": arn(one["target"], ids), "RoleArn": ROLE, "Input": one["input"]},
        )
    for one in state["objects"]:
        body = (folder / one["file"]).read_bytes() if "file" in one else one["text"].encode()
        client("s3").put_object(
            Bucket=ids["RecordingsBucket"],
            Key=one["key"],
            Body=body,
            ContentType=one["contentType"],
            Metadata=one["metadata"],
            Tagging=urllib.parse.urlencode(one["tags"]),
        )


def secret(stack, logical, value):
    """Sets a secret's value."""
    client("secretsmanager").put_secret_value(SecretId=resources(stack)[logical], SecretString=value)


def object_keys(stack):
    """The keys of the stack's objects."""
    return keys(resources(stack)["RecordingsBucket"])


def public_key(stack, logical):
    """The public half of an RSA key, DER in base64."""
    answer = client("kms").get_public_key(KeyId=resources(stack)[logical])
    return base64.b64encode(answer["PublicKey"]).decode()


def unwrapped(stack, logical, blob):
    """A data key that an RSA key wrapped (in base64), with what it unwraps to."""
    answer = client("kms").decrypt(
        KeyId=resources(stack)[logical],
        CiphertextBlob=base64.b64decode(blob),
        EncryptionAlgorithm="RSAES_OAEP_SHA_256",
    )
    return {
        "KeyId": answer["KeyId"],
        "EncryptionContext": None,
        "CiphertextBlob": blob,
        "Plaintext": base64.b64encode(answer["Plaintext"]).decode(),
    }


def fire(stack, prefix):
    """Deletes a one-time schedule, as EventBridge Scheduler does after it has delivered it. Returns its input."""
    ids = resources(stack)
    [found] = [one for one in schedules(ids) if one["name"].startswith(prefix)]
    client("scheduler").delete_schedule(GroupName=ids["Schedules"], Name=found["name"])
    return found["input"]


OPERATIONS = [resources, stop_polling, event, done, read, write, secret, object_keys, public_key, unwrapped, fire]

if __name__ == "__main__":
    operation, *arguments = sys.argv[1:]
    chosen = {one.__name__: one for one in OPERATIONS}[operation]
    print(json.dumps(chosen(*arguments)))
