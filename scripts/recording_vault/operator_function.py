"""The operator function of a stack, for the commands that ask it one thing."""

import operate

from .problems import Problem


def connect(chosen, console):
    """Returns the stack that the options name, and its operator function."""
    from . import aws

    account = aws.Account(chosen.region, chosen.profile, chosen.endpoint_url)
    account.use_for_scripts()
    with console.step(f"looking for the stack {chosen.stack}"):
        stack = aws.require_stack(account, chosen.stack)
    function, bucket = stack.output("OperatorFunctionName"), stack.output("Bucket")
    return stack, operate.Vault(function, bucket, chosen.endpoint_url)


def ask(vault, event):
    """Asks the function what changes nothing, and returns its answer. A failure of the function is a Problem."""
    try:
        return vault.ask(event)
    except SystemExit as ended:
        raise Problem(str(ended.code)) from None
