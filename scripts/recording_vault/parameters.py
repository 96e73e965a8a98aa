"""The stack's parameters: the answers, the values that follow from the account, and the defaults, all with reasons."""

import re

from .problems import Refusal, WrongInput

# Lambda's quota below which linker and copier get their least concurrency.
SMALL_QUOTA = 50

# The part of the quota that raises the alarm.
ALARM_SHARE = 0.8


# CloudFormation shortens the names of roles of longer stacks.
RESTRICTED_NAME = 36

# Parameters of a deployed stack that cannot be changed: which changes, and why.
LASTING = {
    "TwilioAccountSid": (
        lambda old, new: True,
        "The keys' policies allow only recordings of the old account. Deploy another stack with --stack",
    ),
    "MultiRegionKey": (
        lambda old, new: True,
        "KMS cannot convert a key. docs/OPERATIONS.md describes how to replace it",
    ),
    "ObjectLockDays": (lambda old, new: new == "0", "Object Lock cannot be removed from a bucket"),
}


def from_quota(quota):
    """Returns the parameters that follow from the account's concurrency, each with its reason."""
    chosen = {
        "ConcurrencyAlarmAt": (
            str(max(1, int(quota * ALARM_SHARE))),
            f"four fifths of the account's concurrency in this Region, which is {quota}",
        )
    }
    if quota < SMALL_QUOTA:
        reason = f"the account has a concurrency of only {quota}. Callbacks and playback need the rest"
        chosen["LinkerConcurrency"] = ("2", reason)
        chosen["CopierConcurrency"] = ("2", reason)
    return chosen


def resolve(declared, answers, derived, existing=None):
    """Returns a list of (name, value, reason) for every parameter, in the template's order.

    Answers have precedence over the deployed values, then come values that follow from the account, then defaults.
    """
    unknown = sorted(answers.keys() - declared.keys())
    if unknown:
        raise WrongInput(f"the template has no parameter {', '.join(unknown)}. Check the names in the answers file")
    resolved = []
    for name, declaration in declared.items():
        if name in answers:
            value, reason = str(answers[name]), "your answer"
        elif existing and name in existing:
            value, reason = existing[name], "as deployed"
        elif name in derived:
            value, reason = derived[name]
        elif "Default" in declaration:
            value, reason = str(declaration["Default"]), f"default. {declaration.get('Description', '')}".strip()
        else:
            raise WrongInput(f"the parameter {name} has no value. {declaration.get('Description', '')}")
        problem = problem_of(name, declaration, value)
        if problem:
            raise WrongInput(problem)
        resolved.append((name, value, reason))
    return resolved


def problem_of(name, declaration, value):
    """Returns what is wrong with a value, in the words of the template, or None."""
    words = declaration.get("ConstraintDescription") or declaration.get("Description", "")
    allowed = [str(one) for one in declaration.get("AllowedValues", [])]
    if allowed and value not in allowed:
        return f"{name} must be one of {', '.join(one or '(empty)' for one in allowed)}. {words}"
    if declaration.get("Type") == "Number":
        if not re.fullmatch(r"-?\d+", value):
            return f"{name} must be a whole number. {words}"
        least, most = declaration.get("MinValue"), declaration.get("MaxValue")
        if least is not None and int(value) < int(least):
            return f"{name} must be at least {least}. {words}"
        if most is not None and int(value) > int(most):
            return f"{name} must be at most {most}. {words}"
    pattern = declaration.get("AllowedPattern")
    # The template's patterns have their own anchors, as CloudFormation matches them.
    if pattern and not re.search(pattern, value):
        return f"{name} does not have the expected form. {words}"
    return None


def check_lasting(stack, resolved, deployed):
    """Refuses changes that AWS cannot make later, and changes that would make recordings unreadable."""
    values = {name: value for name, value, _ in resolved}
    if values.get("RestrictKeyUse") == "true" and len(stack) > RESTRICTED_NAME:
        raise Refusal(f"with RestrictKeyUse, the stack's name must have at most {RESTRICTED_NAME} characters: {stack}")
    for name, (forbidden, words) in LASTING.items():
        old, new = deployed.get(name), values.get(name)
        if old not in (None, new) and forbidden(old, new):
            raise Refusal(f"{name} cannot be changed from {old} to {new}. {words}")


def changes(resolved, existing):
    """Returns the lines that show what differs from the deployed stack."""
    lines = []
    for name, value, _ in resolved:
        old = (existing or {}).get(name)
        if old == value:
            continue
        if old is not None:
            lines.append(f"- {name}: {old or '(empty)'}")
        lines.append(f"+ {name}: {value or '(empty)'}")
    return lines
