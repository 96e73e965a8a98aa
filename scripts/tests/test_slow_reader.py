"""The slow reader and the questions about it, against servers that hold, break and end replies."""

import contextlib
import socket
import threading
import unittest
from unittest import mock

from support import RECORDING, server

from recording_vault import questions, slow_reader

LENGTH = 40_000_000
HEAD = (
    b"HTTP/1.1 206 Partial Content\r\nTransfer-Encoding: chunked\r\n"
    b"Content-Range: bytes 0-39999999/40000000\r\n\r\n"
)
CHUNK = b"1000\r\n" + bytes(4096) + b"\r\n"


@contextlib.contextmanager
def replying(*parts):
    """Answers one request with the parts, and closes the connection. Gives a link, and what was sent in full."""
    sent = []

    def serve():
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):
            connection.recv(4096)
            for part in parts:
                connection.sendall(part)
                sent.append(part)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/recordings/{RECORDING}?signature=x", sent
        thread.join()


class SlowReader(unittest.TestCase):
    def setUp(self):
        self.enterContext(mock.patch.object(slow_reader, "BYTES_PER_S", 8_000_000))

    def test_a_server_cannot_hand_over_more_than_the_buffers_hold(self):
        with (
            mock.patch.object(slow_reader, "BYTES_PER_S", 8_000),
            replying(HEAD, *[CHUNK] * 10_000) as (link, sent),
        ):
            found = slow_reader.read(link, 1)
            self.assertEqual(found["endedBy"], "this command")
            self.assertEqual(found["promised"], LENGTH)
            self.assertGreater(found["bytes"], 0)
            self.assertLess(len(sent), 5_000)

    def test_a_cut_is_told_from_an_end(self):
        for parts, ended_by in [
            ((HEAD, CHUNK, CHUNK), "a broken connection"),
            ((HEAD, CHUNK, CHUNK[:100]), "a broken connection"),
            ((HEAD, CHUNK, b"0\r\n\r\n"), "the end of the reply"),
            ((b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + bytes(4096),), "a broken connection"),
            ((b"HTTP/1.1 200 OK\r\nContent-Length: 4096\r\n\r\n" + bytes(4096),), "the end of the reply"),
        ]:
            with replying(*parts) as (link, _):
                found = slow_reader.read(link, 60)
            self.assertEqual(found["endedBy"], ended_by, parts[0])
            self.assertGreaterEqual(found["bytes"], 4096)

    def test_the_end_behind_the_buffers_is_found_fast(self):
        with (
            mock.patch.object(slow_reader.time, "sleep") as pauses,
            replying(HEAD, *[CHUNK] * 200) as (link, _),
        ):
            found = slow_reader.read(link, 0, to_the_end=True)
        self.assertEqual((found["endedBy"], found["bytes"]), ("a broken connection", 200 * 4096))
        pauses.assert_not_called()

    def test_an_unreachable_server_is_a_broken_connection(self):
        with server(lambda *_: (200, {}, b"")) as base:
            pass
        self.assertEqual(slow_reader.read(f"{base}/", 1)["endedBy"], "a broken connection")


def answered(field, value):
    """Returns the answer in words and the verdict."""
    [question] = [one for one in questions.QUESTIONS if one.field == field]
    return question.read(value)


def slow(ended_by="this command", seconds=60.0, promised=LENGTH, function=None):
    value = {"seconds": seconds, "bytes": 480_000, "promised": promised, "endedBy": ended_by, "function": function}
    return value | ({"error": "IncompleteRead"} if ended_by == "a broken connection" else {})


def function(held, outcome="complete"):
    return {"heldSeconds": held, "bytesSent": LENGTH, "outcome": outcome}


class Questions(unittest.TestCase):
    def test_backpressure_is_the_time_that_the_function_was_held(self):
        for value, begin, good in [
            (slow(function=function(59.0)), "yes", True),
            (slow(function=function(None)), "yes", True),
            (slow(function=function(3.0)), "no", False),
            (slow(function=function(3.0), promised=1_000_000), "not known", None),
            (slow(), "the reader took", None),
            (slow("a broken connection"), "the reader took", False),
        ]:
            answer, verdict = answered("slowReader", value)
            self.assertTrue(answer.startswith(begin), answer)
            self.assertEqual(verdict, good, answer)

    def test_an_abort_is_visible_if_the_transfer_breaks(self):
        cut = function(898.0, "out_of_time")
        for value, good in [
            (slow("a broken connection", function=cut), True),
            (slow("the end of the reply", function=cut), False),
            (slow("this command", function=None), None),
            (slow("a broken connection", function=function(1.0)), None),
            (slow("the end of the reply", promised=480_000), None),
        ]:
            self.assertEqual(answered("abort", value)[1], good, value)

    def test_every_metric_of_an_abort_must_be_in_the_log(self):
        metrics = sorted(questions.METRICS_OF_AN_ABORT)
        self.assertEqual(answered("emf", {"lines": metrics, "outcome": "out_of_time"})[1], True)
        self.assertEqual(answered("emf", {"lines": metrics[:2], "outcome": "complete"})[1], None)
        self.assertEqual(
            answered("emf", {"lines": metrics[:2], "outcome": "out_of_time"}),
            ("missing in the log: PlaybackOutOfTime, PlaybackRequests", False),
        )


if __name__ == "__main__":
    unittest.main()
