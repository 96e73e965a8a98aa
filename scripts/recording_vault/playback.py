"""The playback of the deployed stack, as a supervisor uses it: the Flex token, a recording's link, and the download."""

import os
import pathlib
import urllib.parse

import download
import smoke_test

from .http_basic import of_flex
from .problems import Problem, WrongInput, unreachable

LOCAL = ("127.0.0.1", "localhost", "::1")

FLEX_TOKEN = """The next prompt asks for the Flex token of a signed-in supervisor. To get it, sign in to Flex, open the
browser's developer tools, and enter in the console: Twilio.Flex.Manager.getInstance().user.token"""

MEANINGS = {
    401: "the Flex token is not valid. Copy a new one; tokens expire",
    403: "the Flex token's roles may not listen. AllowedRoles of the stack names the roles",
}


def checked_address(url, option):
    """Returns an address of the service. Tokens and signatures go only through TLS, or to this computer."""
    parts = urllib.parse.urlsplit(url)
    if parts.hostname and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOCAL)):
        return url
    raise WrongInput(f"{option} must be a URL that begins with https://, as the stack's outputs have it")


def stack_of(chosen, console):
    """Returns the stack that the options name."""
    with console.step(f"looking for the stack {chosen.stack}"):
        # boto3 is not needed if the options have all addresses.
        from . import aws

        return aws.require_stack(aws.Account(chosen.region, chosen.profile, chosen.endpoint_url), chosen.stack)


def flex_token(console):
    """Returns a supervisor's Flex token, from FLEX_TOKEN or a prompt without echo."""
    given = os.environ.get("FLEX_TOKEN")
    if given:
        return given
    if console.interactive:
        console.say(FLEX_TOKEN)
    return console.secret("Flex token", variable="FLEX_TOKEN")


def link_of(chosen, console):
    """Returns the signed media URL of the recording that the options name. Without --playback-url, the stack has it."""
    base = checked_address(
        chosen.playback_url or stack_of(chosen, console).output("PlaybackBaseUrl"), "--playback-url"
    )
    token = flex_token(console)
    with console.step("requesting a link"):
        return media_link(base, chosen.recording, token)


def media_link(playback_url, recording, token):
    """Returns the signed media URL of a recording, as the Insights Player requests it."""
    provider = f"{playback_url.rstrip('/')}/media-url?recordingSid={recording}"
    try:
        status, _, body = smoke_test.ask(provider, headers=of_flex(token))
    except OSError as error:
        raise Problem(f"playback at {playback_url} could not be reached: {unreachable(error)}") from None
    if status == 404:
        raise Problem(f"{recording} is not stored. `vault.py operate backfill` copies old recordings")
    if status != 200:
        raise Problem(MEANINGS.get(status, f"playback answered {status}. See the playback function's log"))
    link = smoke_test.media_url(body)
    if link is None:
        raise Problem(f"{playback_url} answered without a link. Is it the output PlaybackBaseUrl?")
    return link


def save(url, name, console):
    """Downloads a recording into a file that appears when it is complete. Returns its length in bytes."""
    part = pathlib.Path(f"{name}.part")
    try:
        with open(part, "wb") as file:
            with console.step(f"downloading to {name}", lambda: f" {file.tell():,} bytes"):
                length = download.download(url, file)
        os.replace(part, name)
    except download.Refused as refusal:
        raise Problem(f"the recording could not be downloaded: {refusal}") from None
    except OSError as error:
        raise Problem(f"the file {name} could not be written: {error.strerror}") from None
    finally:
        part.unlink(missing_ok=True)
    return length
