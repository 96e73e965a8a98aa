"""The state that the steps of the setup share."""

from . import answers, aws
from .artifacts import Artifacts, default_bucket, partition
from .backup import Backup, default_path
from .deploy import Deployment
from .policies import deployer
from .stored_secrets import Secrets
from .twilio import Bases


class Context:
    """One run of the setup for one stack."""

    def __init__(self, chosen, console):
        self.chosen, self.console = chosen, console
        self.account = aws.Account(_region(chosen, console), chosen.profile, chosen.endpoint_url)
        self.account_id, self.arn = self.account.identity()
        stack = self._found()
        self.existing = stack if stack and stack.was_created() else None
        self.deployed = self.existing.parameters if self.existing else {}
        self.bases = Bases(
            self.deployed,
            api=chosen.twilio_api_base,
            taskrouter=chosen.twilio_taskrouter_base,
            flex_api=chosen.twilio_flex_api_base,
            iam=chosen.twilio_iam_base,
        )
        self.artifacts = self.bucket(chosen.artifact_bucket or default_bucket(self.account_id, self.account.region))
        self.deployment = Deployment(self.account, self.artifacts, chosen.stack, console)
        scope = {"stack": chosen.stack, "region": self.account.region, "AWS account": self.account_id}
        self.backup = Backup(chosen.backup or default_path(chosen.stack, self.account.region), scope)
        self.secrets = Secrets(console, chosen.secrets_from_stdin)
        # The checks that were shown.
        self.findings = []
        self.report = {"stack": chosen.stack, "region": self.account.region, "dryRun": chosen.dry_run}

    def _found(self):
        """Returns the stack or None. The policies are also for a person who may not read it yet."""
        try:
            return aws.find_stack(self.account, self.chosen.stack)
        except aws.ClientError as error:
            if self.chosen.policies and error.response["Error"]["Code"] in aws.FORBIDDEN:
                self.console.say(f"You may not read the stack {self.chosen.stack}. The policies are those of a new one.")
                return None
            raise

    def deployer_policy(self):
        """Returns the least policy of the person who runs the setup."""
        region = self.account.region
        return deployer(partition(self.account), region, self.account_id, self.chosen.stack, self.artifacts.name)

    def bucket(self, name):
        """Returns an artifact bucket of this account."""
        return Artifacts(self.account, self.account_id, name)

    def ended(self, code):
        """Prints the report, if it was requested. Returns the exit code."""
        self.console.result(self.report | {"exitCode": code})
        return code


def _region(chosen, console):
    """Returns the Region of the flag, the answers file, the environment, the profile or the administrator."""
    region = chosen.region or answers.collect(chosen).region or aws.configured_region(chosen.profile)
    if region or not console.interactive:
        return region
    return console.ask("AWS Region, for example eu-central-1")
