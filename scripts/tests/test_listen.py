"""`listen`: channels of generated WAV files, players, and what was heard."""

import io
import json
import os
import pathlib
import struct
import sys
import tempfile
import types
import unittest
import wave
from unittest import mock

from support import RECORDING, RecordingConsole, server
from test_stack_commands import LINK, TOKEN, run

from recording_vault import channels, cli, listen_command, players
from recording_vault.problems import Problem

RATE = 8000


def tone(level, seconds, silence=0.0):
    """Returns samples of 16 bits: silence, and then a square wave."""
    loud = [level if number % 20 < 10 else -level for number in range(int(seconds * RATE))]
    return [0] * int(silence * RATE) + loud


def wav(*of_channels):
    """Returns a WAV file, as Python's own module writes it."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((len(of_channels), 2, RATE, 0, "NONE", None))
        frames = zip(*of_channels, strict=True)
        writer.writeframes(b"".join(struct.pack(f"<{len(of_channels)}h", *frame) for frame in frames))
    return file.getvalue()


def samples(body):
    """Returns the samples of a file with one channel, as Python's own module reads it."""
    with wave.open(io.BytesIO(body)) as reader:
        assert reader.getparams()[:3] == (1, 2, RATE), reader.getparams()
        return list(struct.unpack(f"<{reader.getnframes()}h", reader.readframes(reader.getnframes())))


def separated(body, count=2):
    targets = [io.BytesIO() for _ in range(count)]
    described = channels.split(io.BytesIO(body), targets)
    return described, [target.getvalue() for target in targets]


class Channels(unittest.TestCase):
    def test_each_channel_gets_its_samples(self):
        first, second = tone(1000, 1.5), tone(-20000, 1.5)
        with mock.patch.object(channels, "FRAMES", 1001):
            described, files = separated(wav(first, second))
        self.assertEqual([samples(file) for file in files], [first, second])
        self.assertEqual(described.seconds(), 1.5)

    def test_other_formats_keep_their_samples(self):
        for code, bits in ((7, 8), (6, 8), (1, 8), (1, 24), (3, 32)):
            width = bits // 8
            frames = [os.urandom(width) for _ in range(600)]
            body = struct.pack("<HHIIHHH", code, 2, RATE, 2 * RATE * width, 2 * width, bits, 0)
            described, files = separated(riff((b"fmt ", body), (b"data", b"".join(frames))))
            self.assertEqual((described.format, described.width, described.frames), (code, width, 300))
            for channel, file in enumerate(files):
                again = channels.described(io.BytesIO(file))
                self.assertEqual((again.format, again.channels, again.rate, again.frames), (code, 1, RATE, 300))
                self.assertEqual(file[again.start :], b"".join(frames[channel::2]))

    def test_odd_chunks_extensions_and_unknown_lengths(self):
        plain = wav(tone(5, 0.5), tone(-5, 0.5))
        data = plain[44:]
        short = struct.pack("<HHIIHH", 1, 2, RATE, 4 * RATE, 4, 16)
        guid = struct.pack("<H", 1) + bytes.fromhex("000000001000800000aa00389b71")
        extensible = struct.pack("<HHIIHHHHI", 0xFFFE, 2, RATE, 4 * RATE, 4, 16, 22, 16, 3) + guid
        _, expected = separated(plain)
        for body in (
            riff((b"LIST", b"abc"), (b"fmt ", short), (b"data", data), (b"LIST", b"x")),
            riff((b"fmt ", extensible), (b"data", data)),
            riff((b"fmt ", short), (b"data", data)).replace(struct.pack("<I", len(data)), b"\xff" * 4, 1),
        ):
            self.assertEqual(separated(body)[1], expected)

    def test_what_is_no_wav_is_explained(self):
        for body in (b"", b"ID3" + bytes(50), wav([1])[:30], wav([1])[:40]):
            with self.assertRaisesRegex(Problem, "not a WAV file|format is not known"):
                channels.described(io.BytesIO(body))

    def test_an_excerpt_begins_with_the_first_sound(self):
        target = io.BytesIO()
        source = wav(tone(9000, 3, silence=2))
        self.assertEqual(channels.excerpt(io.BytesIO(source), target, 1), 2.0)
        self.assertEqual(samples(target.getvalue()), tone(9000, 1))
        self.assertIsNone(channels.excerpt(io.BytesIO(wav(tone(50, 1))), io.BytesIO(), 1))


def riff(*chunks):
    body = b"".join(name + struct.pack("<I", len(of)) + of + b"\0" * (len(of) % 2) for name, of in chunks)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


class Served(unittest.TestCase):
    """A recording behind a playback service."""

    def setUp(self):
        self.customer, self.agent = tone(9000, 2), tone(3000, 1, silence=1)
        self.body = wav(self.customer, self.agent)
        self.base = self.enterContext(server(self.answer))
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.enterContext(mock.patch.dict(os.environ, {"FLEX_TOKEN": TOKEN}))
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.folder)
        # Every file that is played.
        self.played = []

    def answer(self, method, path, headers, body):
        if path.startswith("/media-url"):
            return 200, {}, {"media_url": f"http://{headers['Host']}{LINK}"}
        return 206, {"Content-Range": f"bytes 0-{len(self.body) - 1}/{len(self.body)}", "ETag": '"1"'}, self.body

    def player(self, path, seconds):
        self.played.append(samples(pathlib.Path(path).read_bytes()))
        return True

    def listen(self, *answers, arguments=(), interactive=True, player="ours"):
        """Runs the command. Returns the exit code, the document and everything that was printed."""
        console = RecordingConsole(answers, as_json=True, interactive=interactive)
        command = ["listen", "--json", "--playback-url", self.base, RECORDING, *arguments]
        found = ("ours", self.player) if player == "ours" else player
        with mock.patch.object(cli, "Console", lambda **_: console), mock.patch.object(players, "found", lambda: found):
            code = cli.main(command)
        self.assertEqual(console.answers, [])
        self.assertNotIn("signature", console.printed)
        self.assertNotIn(TOKEN, console.printed)
        return code, json.loads(console.output.getvalue()), console.printed


class Listen(Served):
    def test_what_was_heard_becomes_the_parameters_value(self):
        for answers, speakers in (
            (("c", "a"), "customer,others"),
            (("Agent", "customer"), "others,customer"),
            (("u", "c"), "others,customer"),
            (("r", "x", "c", "u"), "customer,others"),
        ):
            code, document, printed = self.listen(*answers)
            self.assertEqual((code, document["speakers"]), (0, speakers), printed)
            self.assertIn(f"--parameter ConferenceChannels={speakers}", printed)
            self.assertIn("WorkerLegChannels", printed)
        self.assertIn("one of c, a, u, r", self.listen("x", "c", "a")[2])

    def test_each_channel_is_played_from_its_first_sound_and_nothing_is_kept(self):
        code, document, printed = self.listen("c", "a", arguments=("--seconds", "0.5"))
        self.assertEqual(self.played, [tone(9000, 0.5), tone(3000, 0.5)])
        self.assertIn("Channel 2, from 1.0 s on", printed)
        self.assertEqual((document["files"], os.listdir(self.folder)), ([], []))

    def test_unclear_speakers_decide_nothing(self):
        for answers in (("c", "c"), ("u", "u")):
            code, document, printed = self.listen(*answers)
            self.assertEqual((code, document["speakers"]), (0, None))
            self.assertIn("customer,others if the customer speaks on channel 1", printed)

    def test_a_silent_channel_is_not_played(self):
        self.agent = tone(20, 2)
        self.body = wav(self.customer, self.agent)
        code, document, printed = self.listen("a")
        self.assertEqual((len(self.played), document["speakers"]), (1, "others,customer"))
        self.assertIn("Channel 2 is silent", printed)

    def test_without_a_player_the_files_are_written(self):
        code, document, printed = self.listen(player=None)
        self.assertEqual((code, document["speakers"]), (0, None))
        self.assertEqual(sorted(os.listdir(self.folder)), sorted(document["files"]))
        found = [samples(pathlib.Path(file).read_bytes()) for file in document["files"]]
        self.assertEqual(found, [self.customer, self.agent])
        self.assertIn("Delete them when you have heard them", printed)

    def test_a_folder_keeps_the_files(self):
        code, document, _ = self.listen("c", "a", arguments=("--folder", "new/one"))
        self.assertEqual((code, len(self.played)), (0, 2))
        self.assertEqual(len(os.listdir("new/one")), 2)

    def test_one_channel_needs_no_parameter(self):
        self.body = wav(self.customer)
        code, document, printed = self.listen()
        self.assertEqual((code, document["channels"], self.played), (0, 1, []))
        self.assertIn("Leave the parameters empty", printed)

    def test_without_a_terminal_nothing_is_asked(self):
        code, document, _ = self.listen(interactive=False)
        self.assertEqual((code, document["speakers"], len(self.played)), (0, None, 2))

    def test_a_player_without_a_device_is_explained(self):
        code, document, printed = self.listen(player=("aplay", lambda *_: False))
        self.assertEqual((code, os.listdir(self.folder)), (1, []))
        self.assertIn("--no-play --folder DIR", document["error"])

    def test_an_mp3_is_explained_and_not_left_behind(self):
        self.body = b"ID3" + bytes(1000)
        code, document, _ = self.listen(player=None)
        self.assertEqual((code, os.listdir(self.folder)), (1, []))
        self.assertIn("not a WAV file", document["error"])

    def test_wrong_options(self):
        self.assertEqual(run("listen", "RE1")[0], 2)
        self.assertEqual(run("listen", RECORDING, "--seconds", "0")[0], 2)


class Players(unittest.TestCase):
    def test_the_first_program_on_the_path_plays(self):
        with tempfile.TemporaryDirectory() as folder:
            with mock.patch.dict(os.environ, {"PATH": folder}):
                self.assertIsNone(players.found())
                for name, status in (("aplay", 1), ("ffplay", 0)):
                    program = pathlib.Path(folder, name)
                    program.write_text(f'#!/bin/sh\necho "$@" > {folder}/arguments\nexit {status}\n')
                    program.chmod(0o755)
                    found, play = players.found()
                    self.assertEqual((found, play("a file.wav", 1)), (name, status == 0))
            arguments = pathlib.Path(folder, "arguments").read_text()
            self.assertEqual(arguments, "-nodisp -autoexit -loglevel error a file.wav\n")

    def test_a_player_gets_no_secrets(self):
        secrets = {"FLEX_TOKEN": "1", "TWILIO_API_KEY_SECRET": "1", "AWS_SECRET_ACCESS_KEY": "1", "http_password": "1"}
        with tempfile.TemporaryDirectory() as folder:
            program = pathlib.Path(folder, "aplay")
            program.write_text(f"#!/bin/sh\nexport -p > {folder}/environment\n")
            program.chmod(0o755)
            with mock.patch.dict(os.environ, secrets | {"PATH": folder, "PULSE_SERVER": "somewhere"}):
                self.assertTrue(players.found()[1]("a.wav", 1))
            environment = pathlib.Path(folder, "environment").read_text()
        self.assertIn("PULSE_SERVER", environment)
        self.assertEqual([name for name in secrets if name in environment], [])

    def test_windows_plays_by_itself(self):
        played = []
        windows = types.SimpleNamespace(PlaySound=lambda *given: played.append(given), SND_FILENAME=7)
        with mock.patch.dict(sys.modules, winsound=windows):
            name, play = players.found()
            self.assertTrue(play(pathlib.Path("x.wav"), 1))
            windows.PlaySound = mock.Mock(side_effect=RuntimeError)
            self.assertFalse(play("x.wav", 1))
        self.assertEqual((name, played), ("Windows", [("x.wav", 7)]))


class Order(unittest.TestCase):
    def test_more_than_two_channels_have_no_order(self):
        self.assertIsNone(listen_command.order_of(["customer", "others", "others"]))
        self.assertIn("3 channels", listen_command.advice(3, None, "vault")[0])


if __name__ == "__main__":
    unittest.main()
