"""The setup: checks, deployment, secrets, proof, and Flex last. Every step can be run again."""

from . import answers, aws, checks, flex_step, parameters, proof
from .context import Context
from .problems import DONE, Interrupted, Problem, WrongInput
from .release import opened
from .stored_secrets import Store, verified_api_key, verified_auth_token


class Setup(Context):
    """The run that changes something, or shows what it would change."""

    # Whether this run has stored a secret.
    stored = False

    def run(self):
        """Runs all steps. Returns the exit code."""
        try:
            return self._run()
        except Problem as problem:
            problem.report = self.report
            raise
        except KeyboardInterrupt:
            raise Interrupted(
                "interrupted. Run the setup again: it continues where it stopped. `--undo` reverts what is done"
            ) from None

    def _run(self):
        if not self.chosen.release:
            raise WrongInput("--release is missing. It names the folder or the archive of the release")
        release = opened(self.chosen.release)
        deployed = self.deployed
        decided = answers.collect(self.chosen, deployed)
        answers.ask_missing(decided, self.console, bool(deployed))

        self.console.say("Checks")
        api_key, twilio = verified_api_key(self.bases, decided.account, self.secrets)
        workspace, recording, quota = self._check(release, twilio, decided.workspace or "")
        derived = parameters.from_quota(quota) if quota else {}
        given = self.bases.parameters() | decided.template_parameters(workspace)
        if self.chosen.architecture:
            given["Architecture"] = self.chosen.architecture
        resolved = parameters.resolve(release.parameters(), given, derived, deployed)
        parameters.check_lasting(self.chosen.stack, resolved, deployed)
        values = {name: value for name, value, _ in resolved}
        auth_token = self._auth_token(decided.account, values)

        self._show_parameters(resolved, deployed)
        if self.chosen.dry_run:
            return self._dry_run(release, decided.account, values)
        self._deploy(release, values)
        stack = aws.require_stack(self.account, self.chosen.stack)
        self._store_secrets(stack, api_key, auth_token)
        self._prove(stack, recording, auth_token)
        flex_step.configure(self, decided.account, stack.output("CallRecordingWebhookUrl"), values["FlexOrigins"])
        self.console.say(proof.ONLY_A_CALL)
        self.console.say(f"Done. `vault.py setup --undo` reverts it with {self.backup.path}. Keep this file.")
        return self.ended(DONE)

    def _check(self, release, twilio, wanted_workspace):
        findings = [checks.region(self.account.region, release.regions_without_function_urls())]
        with self.console.step("checking AWS"):
            of_aws, quota = checks.aws_findings(self.account, self.account_id, self.arn, self.deployer_policy())
        findings += of_aws
        findings.append(checks.api_key_kind(twilio))
        workspace, finding = checks.workspace(twilio, wanted_workspace)
        recording, newest = checks.recording(twilio)
        findings += [finding, newest]
        self.report["checks"] = checks.documents(findings)
        checks.require(findings, self.console)
        return workspace, recording, quota

    def _auth_token(self, account, values):
        """Returns the verified Auth Token that signs callbacks, or None if SharedKeys sign them."""
        if values["CallbacksSignedBy"] == "shared-keys":
            self.console.say(
                "Callbacks are signed by SharedKeys: put them into the secret of the output SharedKeysSecretArn."
            )
            return None
        token = self.secrets.get("auth_token")
        findings = checks.flex(verified_auth_token(self.bases, account, token), values["FlexOrigins"])
        self.report["checks"] += checks.documents(findings)
        checks.require(findings, self.console)
        return token

    def _show_parameters(self, resolved, deployed):
        self.console.say("Parameters")
        for name, value, reason in resolved:
            self.console.say(f"  {name} = {value or '(empty)'}  ({reason})")
        if deployed:
            lines = parameters.changes(resolved, deployed)
            self.console.say("Changed parameters")
            for line in lines or ["none"]:
                self.console.say(f"  {line}")
        self.report["parameters"] = {name: {"value": value, "reason": reason} for name, value, reason in resolved}

    def _dry_run(self, release, account, values):
        say = self.console.say
        say("Dry run: nothing is changed")
        say(f"  The release would be uploaded to the bucket {self.artifacts.name}.")
        lines = self.deployment.preview(release, values["Architecture"])
        say(f"  The stack {self.chosen.stack} would be {'updated' if self.existing else 'created'}:")
        for line in lines:
            say(f"    {line}")
        self.report["resources"] = lines
        say("  The API key and the Auth Token would be stored in the stack's secrets.")
        token = None if self.chosen.skip_flex else self.secrets.get("flex_auth_token", optional=True)
        if token and self.existing:
            webhook = self.existing.output("CallRecordingWebhookUrl")
            flex_step.change(self, verified_auth_token(self.bases, account, token), webhook, values["FlexOrigins"])
        elif not self.chosen.skip_flex:
            say("  Flex: Call Recording would be turned on, with the stack's CallRecordingWebhookUrl.")
        return self.ended(DONE)

    def _deploy(self, release, values):
        self.console.say("Deployment")
        if self.artifacts.ensure():
            self.backup.add("artifact bucket", bucket=self.artifacts.name)

        def journal(created, earlier):
            self.backup.add("stack", created=created, earlier=earlier, bucket=self.artifacts.name)

        changed = self.deployment.deploy(release, values["Architecture"], values, journal=journal)
        self.report["stackChanged"] = changed

    def _store_secrets(self, stack, api_key, auth_token):
        self.console.say("Secrets")
        store = Store(self.account)
        for name, value in (
            ("ApiKeySecretArn", api_key),
            ("AuthTokenSecretArn", auth_token and {"primary": auth_token}),
        ):
            arn = stack.output(name)
            if value is None or (store.has_value(arn) and not self.chosen.replace_secrets):
                self.console.say(f"  {name}: kept as it is. --replace-secrets replaces it")
                continue

            def journal(version, earlier, arn=arn):
                self.backup.add("secret", arn=arn, version=version, earlier=earlier)

            store.put(arn, value, journal=journal)
            self.stored = True
            self.console.say(f"  {name}: stored")

    def _prove(self, stack, recording, auth_token):
        self.console.say("Proof")
        sentence, attention = proof.alarm_subscription(self.account, stack)
        self.console.say(f"  {sentence}")
        self.report["alarms"] = {"text": sentence, "needsAttention": attention}
        if self.chosen.skip_proof or not auth_token:
            self.console.say("  Skipped. `vault.py smoke-test` sends a recording through the service at any time.")
            return
        flex_token = self.secrets.get("flex_token", optional=True) if recording else None
        results, failed = proof.prove(
            self.console, stack, recording, auth_token, flex_token, self.chosen.signed_url, self.stored
        )
        self.report["proof"] = results
        if failed:
            raise Problem(
                f"{failed} checks of the deployed service failed. Flex was not changed. See the functions' logs and"
                " docs/OPERATIONS.md, then run the setup again. It continues where it stopped. If a stored secret is wrong,"
                " add --replace-secrets"
            )
