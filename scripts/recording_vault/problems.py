"""The failures, in words for an administrator, and the exit codes."""

import os
import ssl
import traceback

DONE = 0
FAILED = 1
USAGE = 2
REFUSED = 3
INTERRUPTED = 130

CERTIFICATES = (
    "Python does not trust the certificate. On macOS, run `Install Certificates.command` in Python's folder under"
    " Applications. Behind a proxy that inspects TLS, set SSL_CERT_FILE to a file with your company's certificates"
)

EXIT_CODES = """exit codes:
  0    done, and every check passed
  1    something failed, or a recording is bad or could not be read
  2    the command line, the answers file or the release is wrong
  3    refused: the command stopped before a change that needs your decision
  130  interrupted
"""


def unreachable(error):
    """Describes why a server gave no answer, without its URL, which may have a secret."""
    reason = getattr(error, "reason", error)
    if isinstance(reason, ssl.SSLCertVerificationError):
        return CERTIFICATES
    return f"{type(reason).__name__}. Check the network and the proxy, and run the command again"


def unexpected(error):
    """Describes a failure that no step has explained. Its own text is left out, because it could contain a secret."""
    if isinstance(error, OSError) and error.strerror:
        named = f"the file {error.filename}" if error.filename else "a file or a connection"
        return f"{named} could not be used: {error.strerror}"
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{os.path.basename(place.filename)}, line {place.lineno}"
    return (
        f"the command failed in an unexpected way ({type(error).__name__} in {where}). Run it again. If it fails again,"
        " report this line"
    )


class Problem(Exception):
    """A failure. Its text says what is wrong and what to do. It contains no secret."""

    code = FAILED

    # The findings before the failure, for --json.
    report = {}


class WrongInput(Problem):
    """A wrong argument, answer or file."""

    code = USAGE


class Refusal(Problem):
    """A change that is not made without a decision of the administrator."""

    code = REFUSED
