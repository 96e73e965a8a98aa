"""Basic authentication (RFC 7617), and an opener that takes a credential to no other address."""

import base64
import urllib.request


def basic(user, password):
    """Returns the header that authenticates a request."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def of_flex(token):
    """Returns the same for a Flex token, as the Insights Player sends it."""
    return basic("token", token)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Makes a redirect itself the answer. Neither Twilio's APIs nor the service have one."""

    def redirect_request(self, *_):
        return None


WITHOUT_REDIRECTS = urllib.request.build_opener(_NoRedirect)
