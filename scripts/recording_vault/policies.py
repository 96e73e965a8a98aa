"""The least IAM policies: for the person who deploys, the people who operate, and those who see who listened."""

# The calls that CloudFormation makes for each type of resource, in the name of the deployer: the place of the resource, the
# service, and the actions. AWS's resource schemas list them with their handlers. Actions for properties that this template
# does not use are left out.
RIGHTS = {
    "AWS::ApiGatewayV2::Api": ("api", "apigateway", "DELETE GET PATCH POST PUT"),
    "AWS::ApiGatewayV2::Stage": ("api", "apigateway", "DELETE GET PATCH POST PUT"),
    "AWS::CloudFormation::Stack": (
        "stack",
        "cloudformation",
        "CreateChangeSet CreateStack DeleteChangeSet DeleteStack DescribeChangeSet DescribeStackEvents "
        "DescribeStackResources DescribeStacks ExecuteChangeSet GetTemplate UpdateStack",
    ),
    "AWS::CloudWatch::Alarm": (
        "alarm",
        "cloudwatch",
        "DeleteAlarms DescribeAlarms ListTagsForResource PutMetricAlarm TagResource UntagResource",
    ),
    "AWS::CloudWatch::Dashboard": ("dashboard", "cloudwatch", "DeleteDashboards GetDashboard PutDashboard"),
    "AWS::IAM::ManagedPolicy": (
        "policy",
        "iam",
        "CreatePolicy CreatePolicyVersion DeletePolicy DeletePolicyVersion GetPolicy GetPolicyVersion "
        "ListEntitiesForPolicy ListPolicyVersions",
    ),
    "AWS::IAM::Policy": ("role", "iam", "DeleteRolePolicy GetRolePolicy PutRolePolicy"),
    "AWS::IAM::Role": (
        "role",
        "iam",
        "CreateRole DeleteRole DeleteRolePolicy GetRole GetRolePolicy ListAttachedRolePolicies "
        "ListRolePolicies PutRolePolicy TagRole UntagRole UpdateAssumeRolePolicy UpdateRole "
        "UpdateRoleDescription",
    ),
    "AWS::KMS::Key": (
        "any",
        "kms",
        "CreateKey DescribeKey EnableKeyRotation GetKeyPolicy GetKeyRotationStatus ListResourceTags "
        "PutKeyPolicy ScheduleKeyDeletion TagResource UntagResource UpdateKeyDescription",
    ),
    # Wildcards keep the policy below the limit of a managed policy. Each covers the calls for one setting.
    "AWS::Lambda::EventInvokeConfig": ("function", "lambda", "*FunctionEventInvokeConfig"),
    # An event source mapping has no name at its creation.
    "AWS::Lambda::EventSourceMapping": (
        "any",
        "lambda",
        "CreateEventSourceMapping DeleteEventSourceMapping GetEventSourceMapping ListTags TagResource "
        "UntagResource UpdateEventSourceMapping",
    ),
    "AWS::Lambda::Function": (
        "function",
        "lambda",
        "CreateFunction DeleteFunction DeleteFunctionConcurrency GetFunction GetFunctionCodeSigningConfig "
        "GetFunctionConfiguration GetFunctionRecursionConfig GetRuntimeManagementConfig "
        "PutFunctionConcurrency UpdateFunctionCode UpdateFunctionConfiguration",
    ),
    "AWS::Lambda::Permission": ("function", "lambda", "AddPermission GetPolicy RemovePermission"),
    "AWS::Lambda::Url": ("function", "lambda", "*FunctionUrlConfig"),
    "AWS::Logs::LogGroup": (
        "log group",
        "logs",
        "CreateLogGroup DeleteLogGroup DeleteRetentionPolicy GetDataProtectionPolicy ListTagsForResource "
        "PutRetentionPolicy TagResource UntagResource",
    ),
    "AWS::S3::Bucket": (
        "bucket",
        "s3",
        "CreateBucket DeleteBucket Get*Configuration GetBucket* ListBucket PutBucketObjectLockConfiguration "
        "PutBucketOwnershipControls PutBucketPublicAccessBlock PutBucketTagging PutBucketVersioning "
        "PutEncryptionConfiguration PutLifecycleConfiguration",
    ),
    "AWS::S3::BucketPolicy": ("bucket", "s3", "DeleteBucketPolicy GetBucketPolicy PutBucketPolicy"),
    "AWS::SNS::Topic": (
        "topic",
        "sns",
        "CreateTopic DeleteTopic GetDataProtectionPolicy GetTopicAttributes ListSubscriptionsByTopic "
        "ListTagsForResource SetTopicAttributes Subscribe TagResource Unsubscribe UntagResource",
    ),
    "AWS::SQS::Queue": (
        "queue",
        "sqs",
        "CreateQueue DeleteQueue GetQueueAttributes GetQueueUrl ListQueueTags SetQueueAttributes TagQueue UntagQueue",
    ),
    "AWS::Scheduler::Schedule": ("schedule", "scheduler", "CreateSchedule DeleteSchedule GetSchedule UpdateSchedule"),
    "AWS::Scheduler::ScheduleGroup": (
        "schedule",
        "scheduler",
        "CreateScheduleGroup DeleteScheduleGroup GetScheduleGroup ListTagsForResource TagResource UntagResource",
    ),
    "AWS::SecretsManager::Secret": (
        "secret",
        "secretsmanager",
        "CreateSecret DeleteSecret DescribeSecret PutSecretValue TagResource UntagResource UpdateSecret "
        "UpdateSecretVersionStage",
    ),
}

# These rights have no narrower resource. CloudFormation generates the link keys in the deployer's name.
# The setup reads Lambda's quota.
UNNAMED = ["lambda:GetAccountSettings", "logs:DescribeLogGroups", "secretsmanager:GetRandomPassword"]

ARTIFACTS = [
    "s3:CreateBucket",
    "s3:DeleteBucket",
    "s3:DeleteObject",
    "s3:GetObject",
    "s3:ListBucket",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutObject",
]


def deployer(partition, region, account, stack, bucket):
    """Returns the policy of the person who runs the setup. It covers the stack, its update and its deletion."""
    by_place = {}
    for place, service, actions in RIGHTS.values():
        by_place.setdefault(place, set()).update(_named(service, actions))
    by_place["any"].update(UNNAMED)
    places = _places(partition, region, account, stack)
    statements = [
        {"Effect": "Allow", "Action": sorted(actions), "Resource": places[place]}
        for place, actions in sorted(by_place.items())
    ]
    statements += [
        {
            "Effect": "Allow",
            "Action": "iam:PassRole",
            "Resource": places["role"],
            "Condition": {"StringEquals": {"iam:PassedToService": ["lambda.amazonaws.com", "scheduler.amazonaws.com"]}},
        },
        {
            "Effect": "Allow",
            "Action": "cloudformation:CreateChangeSet",
            "Resource": f"arn:{partition}:cloudformation:{region}:aws:transform/Serverless-2016-10-31",
        },
        {
            "Effect": "Allow",
            "Action": ARTIFACTS,
            "Resource": [f"arn:{partition}:s3:::{bucket}", f"arn:{partition}:s3:::{bucket}/*"],
        },
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def created(account, stack, output):
    """Returns the ARN of a policy that an output of the stack names, and the policy.

    The ARN is None if the stack has no such output, and the policy if the caller may not read it.
    """
    from . import aws

    arn = stack.outputs.get(output)
    if arn is None:
        return None, None
    iam = account.client("iam")
    try:
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        return arn, iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    except aws.ClientError as error:
        if error.response["Error"]["Code"] in aws.FORBIDDEN:
            return arn, None
        raise


def _named(service, actions):
    return [f"{service}:{action}" for action in actions.split()]


def _places(partition, region, account, stack):
    def arn(service, resource, of=f"{region}:{account}"):
        return f"arn:{partition}:{service}:{of}:{resource}"

    # CloudFormation's names begin with the stack's name, and those of buckets are in lower case.
    names = f"{stack}-*"
    return {
        "alarm": arn("cloudwatch", f"alarm:{names}"),
        "any": "*",
        # HTTP APIs have no names in their ARNs.
        "api": [arn("apigateway", path, f"{region}:") for path in ("/apis", "/apis/*", "/tags/*")],
        "bucket": arn("s3", f"{stack.lower()}-*", ":"),
        "dashboard": arn("cloudwatch", f"dashboard/{names}", f":{account}"),
        "function": arn("lambda", f"function:{names}"),
        "log group": arn("logs", f"log-group:{names}"),
        "policy": arn("iam", f"policy/{names}", f":{account}"),
        "queue": arn("sqs", names),
        "role": arn("iam", f"role/{names}", f":{account}"),
        "schedule": [arn("scheduler", f"{kind}/{names}") for kind in ("schedule", "schedule-group")],
        # CloudFormation names a secret by its name in the template, without the stack's.
        "secret": arn("secretsmanager", "secret:*Secret-*"),
        "stack": [arn("cloudformation", f"stack/{stack}/*"), arn("cloudformation", f"stack/{names}")],
        "topic": arn("sns", names),
    }
