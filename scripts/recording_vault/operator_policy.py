"""A policy for people of a stack that does not exist yet: the one of the release, with the names that resources will get."""

import re

# The ARNs of resources. CloudFormation's names begin with the stack's name and the name in the template. The names of
# buckets are in lower case, and keys have none.
ARNS = {
    "AWS::KMS::Key": "arn:{partition}:kms:{region}:{account}:key/*",
    "AWS::Lambda::Function": "arn:{partition}:lambda:{region}:{account}:function:{stack}-{name}-*",
    "AWS::Logs::LogGroup": "arn:{partition}:logs:{region}:{account}:log-group:{stack}-{name}-*:*",
    "AWS::S3::Bucket": "arn:{partition}:s3:::{lower}-*",
    "AWS::SQS::Queue": "arn:{partition}:sqs:{region}:{account}:{stack}-{name}-*",
    "AWS::Serverless::Function": "arn:{partition}:lambda:{region}:{account}:function:{stack}-{name}-*",
}


def planned(template, name, partition, region, account, stack):
    """Returns a policy of a template by its name there. Names that CloudFormation will choose end with an asterisk."""
    known = {
        "AWS::Partition": partition,
        "AWS::Region": region,
        "AWS::AccountId": account,
        "AWS::StackName": stack,
    }
    resources = template["Resources"]

    def arn(resource):
        pattern = ARNS[resources[resource]["Type"]]
        lower = f"{stack}-{resource}".lower()
        return pattern.format(
            partition=partition, region=region, account=account, stack=stack, name=resource, lower=lower
        )

    def text(match):
        return known[match[1]] if match[1] in known else arn(match[1].removesuffix(".Arn"))

    def resolved(value):
        match value:
            case {"Fn::If": [_, _, otherwise]}:
                # Its only condition is about keys of an earlier deployment.
                return resolved(otherwise)
            case {"Fn::Sub": str(pattern)}:
                return re.sub(r"\$\{([\w:.]+)\}", text, pattern)
            case {"Fn::GetAtt": [name, "Arn"]}:
                return arn(name)
            case {"Fn::GetAtt": str(attribute)}:
                return arn(attribute.removesuffix(".Arn"))
            case dict():
                return {name: resolved(one) for name, one in value.items()}
            case list():
                return [resolved(one) for one in value]
        return value

    return resolved(resources[name]["Properties"]["PolicyDocument"])
