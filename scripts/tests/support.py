"""Shared parts of the tests: the import path, a console that records, and a local HTTP server."""

import contextlib
import http.server
import io
import json
import pathlib
import sys
import threading

SCRIPTS = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(SCRIPTS))
sys.dont_write_bytecode = True

from recording_vault.console import Console  # noqa: E402

ACCOUNT = "AC" + "0" * 31 + "1"
WORKSPACE = "WS" + "0" * 31 + "1"
RECORDING = "RE" + "0" * 31 + "1"
AUTH_TOKEN = "the-auth-token-of-the-tests"
API_KEY = ("SK" + "0" * 31 + "1", "the-api-key-secret-of-the-tests")


class RecordingConsole(Console):
    """Answers questions from a list, and keeps everything that was printed."""

    def __init__(self, answers=(), as_json=False, interactive=True):
        super().__init__(as_json, interactive, io.StringIO(), io.StringIO())
        self.answers = list(answers)

    def secret(self, prompt, variable=None):
        return self._line(prompt)

    def _line(self, prompt):
        self.errors.write(prompt)
        assert self.answers, f"an unexpected question: {prompt}"
        return self.answers.pop(0)

    @property
    def printed(self):
        return self.output.getvalue() + self.errors.getvalue()


class Server(http.server.ThreadingHTTPServer):
    """A server that does not report clients that leave early."""

    def handle_error(self, request, client_address):
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextlib.contextmanager
def server(answer):
    """Serves `answer(method, path, headers, body) -> (status, headers, body)` on a free port, and gives its base URL."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self):
            length = int(self.headers.get("Content-Length") or 0)
            status, headers, body = answer(self.command, self.path, self.headers, self.rfile.read(length))
            if isinstance(body, (dict, list)):
                body = json.dumps(body).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            is_chunked = "Transfer-Encoding" in headers
            if not is_chunked:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if is_chunked:
                body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_POST = do_HEAD = do_DELETE = do_OPTIONS = handle_any

        def log_message(self, *_):
            pass

    with Server(("127.0.0.1", 0), Handler) as serving:
        thread = threading.Thread(target=serving.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{serving.server_port}"
        finally:
            serving.shutdown()
            thread.join()
