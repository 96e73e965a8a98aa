"""The bucket from which CloudFormation and Lambda read the release."""

from .aws import ClientError
from .problems import Problem

# The beginning of the keys that name the stacks.
STACKS = "stacks/"


def default_bucket(account_id, region):
    """Returns the name of the artifact bucket of an account and Region."""
    return f"recording-vault-artifacts-{account_id}-{region}"


class Artifacts:
    """An S3 bucket of this account. Every request names the account, so that no other account's bucket is used."""

    def __init__(self, account, account_id, name):
        self.account, self.account_id, self.name = account, account_id, name
        self.objects = account.client("s3")
        self.url = f"https://s3.{account.region}.{_suffix(account)}/{name}"

    def exists(self):
        """Whether the bucket exists. Refuses another account's bucket."""
        try:
            self.objects.head_bucket(Bucket=self.name, ExpectedBucketOwner=self.account_id)
            return True
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "403":
                raise Problem(
                    f"the bucket {self.name} exists, but you may not read it, or it belongs to another AWS account."
                    " Name another bucket with --artifact-bucket"
                ) from None
            if code not in ("404", "NoSuchBucket"):
                raise
        return False

    def ensure(self):
        """Creates the bucket if it is missing. Returns whether it was created."""
        if self.exists():
            return False
        region = self.account.region
        place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        self.objects.create_bucket(Bucket=self.name, **place)
        self.objects.put_public_access_block(
            Bucket=self.name,
            PublicAccessBlockConfiguration={
                "BlockPublicAcls": True,
                "BlockPublicPolicy": True,
                "IgnorePublicAcls": True,
                "RestrictPublicBuckets": True,
            },
            ExpectedBucketOwner=self.account_id,
        )
        return True

    def has(self, key):
        """Whether the bucket has a file. S3 answers 403 for a missing one without the right to list the bucket."""
        try:
            self.objects.head_object(Bucket=self.name, Key=key, ExpectedBucketOwner=self.account_id)
            return True
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("404", "NoSuchKey", "403"):
                raise
        return False

    def upload(self, key, body):
        """Stores a file whose key contains its checksum, if it is not there yet."""
        if not self.has(key):
            self.objects.put_object(Bucket=self.name, Key=key, Body=body, ExpectedBucketOwner=self.account_id)

    def claim(self, stack):
        """Notes that a stack uses the bucket. Stacks of one account and Region share it."""
        self.upload(f"{STACKS}{stack}", stack.encode())

    def other_stacks(self, stack):
        """Returns the names of the other stacks that use the bucket."""
        try:
            pages = self.objects.get_paginator("list_objects_v2").paginate(
                Bucket=self.name, Prefix=STACKS, ExpectedBucketOwner=self.account_id
            )
            names = [found["Key"].removeprefix(STACKS) for page in pages for found in page.get("Contents", [])]
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("404", "NoSuchBucket"):
                raise
            names = []
        return [name for name in names if name != stack]

    def disclaim(self, stack):
        """Notes that a stack does not use the bucket any more."""
        try:
            self.objects.delete_object(Bucket=self.name, Key=f"{STACKS}{stack}", ExpectedBucketOwner=self.account_id)
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("404", "NoSuchBucket"):
                raise

    def delete(self):
        """Empties and deletes the bucket, if it exists."""
        try:
            pages = self.objects.get_paginator("list_objects_v2").paginate(
                Bucket=self.name, ExpectedBucketOwner=self.account_id
            )
            for page in pages:
                for stored in page.get("Contents", []):
                    self.objects.delete_object(Bucket=self.name, Key=stored["Key"], ExpectedBucketOwner=self.account_id)
            self.objects.delete_bucket(Bucket=self.name, ExpectedBucketOwner=self.account_id)
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("404", "NoSuchBucket"):
                raise


def partition(account):
    """Returns the partition of the Region: aws, aws-cn and so on."""
    return account.session.get_partition_for_region(account.region)


def _suffix(account):
    return "amazonaws.com.cn" if partition(account) == "aws-cn" else "amazonaws.com"
