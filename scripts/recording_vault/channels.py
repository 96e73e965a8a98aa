"""WAV files with two channels: one file for each channel, and the part of a channel in which somebody speaks.

Samples are copied as they are, so that every format with samples of whole bytes works: PCM, which Twilio sends, mu-law and
A-law. Python's module `wave` reads only PCM.
"""

import struct
from dataclasses import dataclass

from .problems import Problem

PCM = 1
EXTENSIBLE = 0xFFFE

# Frames that are held in memory.
FRAMES = 1 << 18

# The loudness of 16-bit samples, of 32,768, that is more than the noise of a silent line.
LOUD = 800
BLOCK_SECONDS = 0.1


@dataclass
class Wave:
    """The format and the place of the samples in a file."""

    format: int
    channels: int
    rate: int
    width: int
    start: int
    frames: int

    def seconds(self):
        """Returns the duration."""
        return self.frames / self.rate


def described(file):
    """Returns the format of a WAV file that is open for reading."""
    size = file.seek(0, 2)
    file.seek(0)
    if file.read(4) != b"RIFF" or file.read(8)[4:] != b"WAVE":
        raise Problem("the recording is not a WAV file. Only a WAV has channels that this command can separate")
    found = None
    while len(header := file.read(8)) == 8:
        name, length = struct.unpack("<4sI", header)
        place = file.tell()
        if name == b"fmt ":
            fields = file.read(16)
            if len(fields) < 16:
                break
            found = struct.unpack("<HHIIHH", fields)
            if found[0] == EXTENSIBLE:
                # The format is the beginning of the identifier at the end of the chunk.
                file.seek(place + 24)
                found = (int.from_bytes(file.read(2), "little"), *found[1:])
        elif name == b"data" and found:
            code, channels, rate, _, align, bits = found
            if not channels or not rate or align != channels * bits // 8 or bits % 8 or not bits:
                break
            # A stream whose length was not known has a wrong one in its header.
            frames = min(length, size - place) // align
            return Wave(code, channels, rate, bits // 8, place, frames)
        # Chunks begin at even places.
        file.seek(place + length + length % 2)
    raise Problem("the recording's WAV format is not known")


def split(source, targets):
    """Writes each channel of an open WAV file to its own open file. Returns the format of the source."""
    wave = described(source)
    for target in targets:
        target.write(_header(wave, wave.frames))
    align = wave.channels * wave.width
    source.seek(wave.start)
    left = wave.frames
    while left:
        piece = source.read(min(left, FRAMES) * align)
        left -= min(left, FRAMES)
        for channel, target in enumerate(targets):
            samples = bytearray(len(piece) // wave.channels)
            for byte in range(wave.width):
                samples[byte :: wave.width] = piece[channel * wave.width + byte :: align]
            target.write(samples)
    return wave


def excerpt(source, target, seconds):
    """Writes the first seconds of speech of an open file with one channel. Returns where they begin, or None in silence."""
    wave = described(source)
    begin = _first_sound(source, wave)
    first = begin or 0
    frames = min(wave.frames - first, int(seconds * wave.rate))
    source.seek(wave.start + first * wave.width)
    target.write(_header(wave, frames) + source.read(frames * wave.width))
    return None if begin is None else begin / wave.rate


def _first_sound(source, wave):
    """Returns the frame at which a sound begins, or None. The loudness of other formats than PCM with 16 bits is not known."""
    if (wave.format, wave.width) != (PCM, 2):
        return 0
    block = max(1, int(wave.rate * BLOCK_SECONDS))
    source.seek(wave.start)
    for first in range(0, wave.frames, block):
        frames = min(block, wave.frames - first)
        samples = struct.unpack(f"<{frames}h", source.read(frames * 2))
        if max(map(abs, samples)) > LOUD:
            return first
    return None


def _header(wave, frames):
    """Returns the header of a file with one channel."""
    length = frames * wave.width
    # Formats other than PCM have the size of their extension, which is empty.
    extension = b"" if wave.format == PCM else b"\0\0"
    chunk = struct.pack("<HHIIHH", wave.format, 1, wave.rate, wave.rate * wave.width, wave.width, wave.width * 8)
    chunk = b"fmt " + struct.pack("<I", len(chunk + extension)) + chunk + extension
    data = b"data" + struct.pack("<I", length)
    return b"RIFF" + struct.pack("<I", 4 + len(chunk) + len(data) + length) + b"WAVE" + chunk + data
