"""The AWS session and the deployed stack, named by `--stack`, `--region` and `--profile`."""

import os

from .problems import Problem, WrongInput

try:
    import boto3
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        HTTPClientError,
        NoCredentialsError,
        NoRegionError,
        ProfileNotFound,
    )
    from botocore.exceptions import ConnectionError as NoConnection
except ImportError as missing:
    raise WrongInput(
        f"the Python package {missing.name} is missing. Install it: python3 -m pip install boto3. If pip refuses because"
        " the environment is managed, make one of your own: python3 -m venv vault; vault/bin/pip install boto3. Then start"
        " the command with vault/bin/python3"
    ) from None

# AWS's error codes for a missing right.
FORBIDDEN = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "403")

# AWS's error codes for credentials that are too old, and for those that AWS does not know.
EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired", "UnauthorizedException")
UNKNOWN_KEYS = ("InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch", "AuthFailure")

# The beginnings of the states of a stack that does not exist yet, or not any more.
UNFINISHED = ("CREATE_IN_PROGRESS", "CREATE_FAILED", "DELETE_", "REVIEW_", "ROLLBACK_")


class Account:
    """The clients of one AWS account and Region."""

    def __init__(self, region=None, profile=None, endpoint_url=None):
        self.session = _session(region, profile)
        self.profile = profile
        self.region = self.session.region_name
        if not self.region:
            raise WrongInput("no AWS Region. Add --region, for example --region eu-central-1")
        self.endpoint_url = endpoint_url
        self._clients = {}

    def client(self, service, **options):
        """Returns the client of a service. Clients without options of their own are shared."""
        if options:
            return self.session.client(service, endpoint_url=self.endpoint_url, **options)
        if service not in self._clients:
            self._clients[service] = self.session.client(service, endpoint_url=self.endpoint_url)
        return self._clients[service]

    def identity(self):
        """Returns the number of the AWS account and the ARN of the identity."""
        caller = self.client("sts").get_caller_identity()
        return caller["Account"], caller["Arn"]

    def use_for_scripts(self):
        """Lets the scripts that use boto3's default session work in this account."""
        boto3.setup_default_session(
            region_name=self.region,
            # A profile that is named precedes credentials in the environment, also if its name is "default".
            profile_name=self.profile,
        )
        if self.endpoint_url:
            os.environ["AWS_ENDPOINT_URL"] = self.endpoint_url


class Stack:
    """A stack as CloudFormation describes it."""

    def __init__(self, description):
        self.name = description["StackName"]
        self.id = description.get("StackId", self.name)
        self.status = description["StackStatus"]
        self.parameters = _pairs(description.get("Parameters", []), "Parameter")
        self.outputs = _pairs(description.get("Outputs", []), "Output")

    def was_created(self):
        """Whether the stack was ever created to the end. Before, it has no values to keep; a deleted one has none left."""
        return not self.status.startswith(UNFINISHED)

    def output(self, name):
        """Returns an output's value."""
        try:
            return self.outputs[name]
        except KeyError:
            raise Problem(
                f"the stack {self.name} has no output {name}. Is it a stack of Recording Vault, and is its deployment"
                f" complete? Its status is {self.status}"
            ) from None


def configured_region(profile):
    """Returns the Region of the environment or the profile, or None."""
    return _session(None, profile).region_name


def find_stack(account, name):
    """Returns the stack of that name, or None if there is none."""
    try:
        [description] = account.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if (
            error.response["Error"]["Code"] == "ValidationError"
            and "does not exist" in error.response["Error"]["Message"]
        ):
            return None
        raise
    return Stack(description)


def require_stack(account, name):
    """Returns the stack of that name."""
    stack = find_stack(account, name)
    if stack is None:
        raise WrongInput(f"the stack {name} does not exist in {account.region}. Check --stack, --region and --profile")
    return stack


def explained(error):
    """Describes an error of AWS or boto3 for an administrator."""
    if isinstance(error, NoCredentialsError):
        return "no AWS credentials. Sign in (`aws sso login`, `aws configure`), or name a profile with --profile"
    if isinstance(error, NoRegionError):
        return "no AWS Region. Add --region, for example --region eu-central-1"
    if isinstance(error, ClientError):
        # A proxy between here and AWS may answer with a page of its own.
        answer = error.response.get("Error", {})
        code, message = answer.get("Code", "unknown"), answer.get("Message", "no message")
        hint = ""
        if code in FORBIDDEN:
            hint = ". Your AWS identity lacks this right. `vault.py setup --policies` prints the least policies"
        elif code in EXPIRED:
            hint = ". Sign in to AWS again"
        elif code in UNKNOWN_KEYS:
            hint = ". Check the AWS credentials, and that the account has enabled this Region"
        return f"AWS refused {error.operation_name}: {code}: {message}{hint}"
    if isinstance(error, (NoConnection, HTTPClientError)):
        return f"AWS could not be reached: {error}"
    return f"the AWS credentials or settings of this computer do not work: {error}"


def _session(region, profile):
    try:
        # boto3 itself reads only AWS_DEFAULT_REGION. Lambda and the AWS CLI v2 read AWS_REGION too.
        return boto3.session.Session(region_name=region or os.environ.get("AWS_REGION") or None, profile_name=profile)
    except ProfileNotFound:
        raise WrongInput(
            f"the AWS profile {profile} does not exist. `aws configure list-profiles` lists them"
        ) from None


def _pairs(entries, kind):
    return {entry[f"{kind}Key"]: entry.get(f"{kind}Value", "") for entry in entries}


__all__ = [
    "Account",
    "BotoCoreError",
    "ClientError",
    "Stack",
    "configured_region",
    "explained",
    "find_stack",
    "require_stack",
]
