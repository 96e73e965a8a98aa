"""Where `prove` measures: the stack's outputs and parameters, or options instead of them."""

from . import function_log
from .playback import checked_address
from .problems import WrongInput
from .twilio import Bases
from .twilio_answers import iam_base


class Places:
    """The addresses, log groups and hosts of a run. AWS is asked only if the options do not say enough."""

    def __init__(self, chosen):
        self._account = None
        self._chosen = chosen
        needs_account = chosen.twilio_media or chosen.tokens or chosen.flex_configuration
        needs_stack = (
            not chosen.playback_url
            or (needs_account and not chosen.account)
            or (chosen.flex_configuration and not chosen.webhook_url)
        )
        stack = self._stack() if needs_stack else None
        outputs, parameters = (stack.outputs, stack.parameters) if stack else ({}, {})
        # It gets the Flex token.
        self.playback_url = checked_address(chosen.playback_url or stack.output("PlaybackBaseUrl"), "--playback-url")
        self.validates_tokens_as = parameters.get("ValidateTokensAs")
        self.account = chosen.account or parameters.get("TwilioAccountSid")
        self.webhook_url = chosen.webhook_url or outputs.get("CallRecordingWebhookUrl")
        self.log_group = self._log_group(chosen.log_group or outputs.get("AuditLogGroup"))
        jobs = chosen.jobs_log_groups or outputs.get("JobsAuditLogGroups") or ""
        self.jobs_log_groups = [self._log_group(name) for name in jobs.split(",") if name]
        self.bases = Bases(parameters, api=chosen.twilio_api_base, flex_api=chosen.twilio_flex_api_base)
        self.iam_base = iam_base(chosen.twilio_iam_base, parameters, self.bases.api)

    def _aws(self):
        from . import aws

        if self._account is None:
            self._account = aws.Account(self._chosen.region, self._chosen.profile, self._chosen.endpoint_url)
        return self._account

    def _stack(self):
        from . import aws

        stack = aws.require_stack(self._aws(), self._chosen.stack)
        if self._chosen.flex_configuration and not (
            self._chosen.webhook_url or stack.outputs.get("CallRecordingWebhookUrl")
        ):
            raise WrongInput(f"the stack {stack.name} has no output CallRecordingWebhookUrl. Add --webhook-url")
        return stack

    def _log_group(self, name):
        return function_log.LogGroup(self._aws().client("logs"), name) if name else None
