"""The setup: checks, deployment, secrets, proof, and Flex last. Every step can be run again."""

import json

from . import answers, aws, checks, flex_step, parameters, playback, preview, proof
from .context import Context
from .problems import DONE, Problem, Refusal, WrongInput
from .release import opened, own
from .stored_secrets import Store, verified_api_key, verified_auth_token
from .task_router import TaskRouter


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
            self.console.say(self._after_interruption())
            raise

    def _after_interruption(self):
        if self.chosen.dry_run or not self.backup.entries:
            return "Nothing was changed."
        return (
            "What is done stays. To continue, run the command again. To revert it, run `vault.py setup --undo"
            f" --stack {self.chosen.stack} --region {self.account.region} --backup {self.backup.path}`."
        )

    def _run(self):
        path = self.chosen.release or own()
        if not path:
            raise WrongInput("--release is missing. It names the folder or the archive of the release")
        release = opened(path)
        flex_step.check_consent(self.chosen)
        self.deployment.check_settled()
        self._refuse_another_application(release)
        deployed = self.deployed
        decided = answers.collect(self.chosen, deployed)
        answers.ask_missing(decided, self.console, bool(deployed), release.parameters())

        self.console.say("Checks")
        api_key, twilio = verified_api_key(self.bases, decided.account, self.secrets)
        workspace, recording, quota = self._check(release, twilio, decided.workspace or "")
        derived = parameters.from_quota(quota) if quota else {}
        declared = release.parameters()
        given = self._bases(declared) | decided.template_parameters(workspace)
        if self.chosen.architecture:
            given["Architecture"] = self.chosen.architecture
        resolved = parameters.resolve(declared, given, derived, deployed)
        parameters.check_lasting(self.chosen.stack, resolved, deployed)
        values = {name: value for name, value, _ in resolved}
        auth_token = self._auth_token(decided.account, values, api_key["sid"])

        self._show_parameters(resolved, deployed)
        if self.chosen.dry_run:
            return preview.show(self, release, decided.account, values, auth_token)
        self.backup.check_writable()
        self._deploy(release, values)
        stack = aws.require_stack(self.account, self.chosen.stack)
        self._store_secrets(stack, api_key, auth_token)
        self._prove(stack, recording, auth_token, TaskRouter(twilio, workspace))
        flex_step.configure(self, decided.account, stack.output("CallRecordingWebhookUrl"), values["FlexOrigins"])
        self.console.say(proof.ONLY_A_CALL)
        command = f"vault.py setup --undo --stack {self.chosen.stack} --region {self.account.region}"
        self.console.say(f"Done. To revert it: `{command} --backup {self.backup.path}`. Keep this file.")
        return self.ended(DONE)

    def _refuse_another_application(self, release):
        """An update would delete everything in a stack of another application."""
        required = {name for name, declared in release.parameters().items() if "Default" not in declared}
        if self.existing and not required <= self.deployed.keys():
            raise Refusal(
                f"the stack {self.chosen.stack} in {self.account.region} belongs to another application: it lacks the"
                f" parameters {', '.join(sorted(required - self.deployed.keys()))}. Choose another name with --stack"
            )

    def _check(self, release, twilio, wanted_workspace):
        findings = [checks.region(self.account.region, release.regions_without_function_urls())]
        with self.console.step("checking AWS"):
            of_aws, quota = checks.aws_findings(self.account, self.account_id, self.arn, self.deployer_policy())
        findings += of_aws
        with self.console.step("checking Twilio"):
            findings.append(checks.api_key_kind(twilio))
            workspace, finding = checks.workspace(twilio, wanted_workspace)
            recording, newest = checks.recording(twilio)
            findings += [finding, newest, checks.api_key_reads(twilio, workspace, recording)]
        self._require(findings)
        return workspace, recording, quota

    def _require(self, findings):
        """Shows the findings, and ends if one of them is bad."""
        self.findings += findings
        self.report["checks"] = checks.documents(self.findings)
        checks.require(findings, self.console)
        if any(one.subject == checks.RIGHTS and one.status == checks.NOTE for one in findings):
            self.console.say("The least policy for the person who deploys (`--policies` prints the operator's too):")
            self.console.say(json.dumps(self.deployer_policy()))

    def _bases(self, declared):
        """Returns Twilio's addresses where they differ from the deployed ones and from the template's defaults."""
        usual = {name: declaration.get("Default") for name, declaration in declared.items()} | self.deployed
        return {name: base for name, base in self.bases.parameters().items() if usual.get(name) != base}

    def _auth_token(self, account, values, api_key_sid):
        """Returns the verified Auth Token that signs callbacks, or None if SharedKeys sign them."""
        if values["CallbacksSignedBy"] == "shared-keys":
            self.console.say(
                "Callbacks are signed by SharedKeys: put them into the secret of the output SharedKeysSecretArn."
            )
            self._require([checks.without_auth_token()])
            return None
        token = self.secrets.get("auth_token")
        with self.console.step("checking Flex"):
            twilio = verified_auth_token(self.bases, account, token)
            findings = [checks.api_key_policy(twilio, api_key_sid), *checks.flex(twilio, values["FlexOrigins"])]
        self._require(findings)
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

    def _deploy(self, release, values):
        self.console.say("Deployment")
        if not self.artifacts.exists():
            self.backup.add("artifact bucket", bucket=self.artifacts.name)
            self.artifacts.ensure()
        self.artifacts.claim(self.chosen.stack)

        def journal(created, earlier, deployed):
            bucket = self.artifacts.name
            return self.backup.add("stack", created=created, earlier=earlier, deployed=deployed, bucket=bucket)

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

    def _prove(self, stack, recording, auth_token, router):
        self.console.say("Proof")
        sentence, attention = proof.alarm_subscription(self.account, stack)
        self.console.say(f"  {sentence}")
        self.report["alarms"] = {"text": sentence, "needsAttention": attention}
        if self.chosen.skip_proof or not auth_token:
            self.console.say("  Skipped. `vault.py smoke-test` sends a recording through the service at any time.")
            return
        flex_token = None
        if recording:
            if self.console.interactive and not self.chosen.secrets_from_stdin:
                self.console.say(playback.FLEX_TOKEN)
            flex_token = self.secrets.get("flex_token", optional=True)
        results, failed = proof.prove(
            self.console, stack, recording, auth_token, flex_token, router, self.chosen.signed_url, self.stored
        )
        self.report["proof"] = results
        if failed:
            raise Problem(
                f"{failed} checks of the deployed service failed. Flex was not changed. See the functions' logs and"
                " docs/OPERATIONS.md, then run the setup again. It continues where it stopped. If a stored secret is wrong,"
                " add --replace-secrets"
            )
