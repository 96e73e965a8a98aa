#!/usr/bin/env python3
"""Runs ministack with the corrections that a deployment of this service needs.

- CloudFormation creates a secret without a value if the template gives none. ministack gives it an empty value.
- Lambda refuses a function whose zip is not in the bucket. ministack creates it without code.
- CloudWatch has alarms on expressions. ministack refuses them, and gets an alarm on the first metric instead.
"""

import sys

from ministack.app import main
from ministack.services import lambda_svc, secretsmanager
from ministack.services.cloudformation import provisioners

HANDLERS = provisioners._RESOURCE_HANDLERS
create_secret = HANDLERS["AWS::SecretsManager::Secret"]["create"]
create_function = HANDLERS["AWS::Lambda::Function"]["create"]
create_alarm = HANDLERS["AWS::CloudWatch::Alarm"]["create"]


def secret(logical_id, properties, stack):
    """Creates a secret."""
    name, attributes = create_secret(logical_id, properties, stack)
    if not properties.get("SecretString") and not properties.get("GenerateSecretString"):
        secretsmanager._secrets[name]["Versions"].clear()
    return name, attributes


def function(logical_id, properties, stack):
    """Creates a function."""
    code = properties.get("Code", {})
    if "S3Key" in code and lambda_svc._fetch_code_from_s3(code["S3Bucket"], code["S3Key"]) is None:
        raise ValueError("Error occurred while GetObject. S3 Error Code: NoSuchKey")
    return create_function(logical_id, properties, stack)


def alarm(logical_id, properties, stack):
    """Creates an alarm."""
    stats = [metric["MetricStat"] for metric in properties.get("Metrics", []) if "MetricStat" in metric]
    if stats:
        rest = {name: value for name, value in properties.items() if name != "Metrics"}
        properties = rest | stats[0]["Metric"] | {"Statistic": stats[0]["Stat"], "Period": stats[0]["Period"]}
    return create_alarm(logical_id, properties, stack)


if __name__ == "__main__":
    HANDLERS["AWS::SecretsManager::Secret"]["create"] = secret
    HANDLERS["AWS::Lambda::Function"]["create"] = function
    HANDLERS["AWS::CloudWatch::Alarm"]["create"] = alarm
    sys.exit(main())
