"""Files that are meant to harm whoever opens them, as bytes."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import soundfile

RATE = 8000


def riff(*chunks: tuple[bytes, bytes], size: int | None = None, kind: bytes = b"WAVE") -> bytes:
    """A RIFF file. size : what its head claims, None = the truth."""
    body = kind + b"".join(name + struct.pack("<I", len(data)) + data for name, data in chunks)
    return b"RIFF" + struct.pack("<I", len(body) if size is None else size) + body


def form(channels: int = 1, rate: int = RATE, bits: int = 16) -> tuple[bytes, bytes]:
    """A chunk ``fmt``."""
    frame = channels * bits // 8
    fields = (1, channels, rate, rate * frame & 0xFFFFFFFF, frame & 0xFFFF, bits)
    return b"fmt ", struct.pack("<HHIIHH", *fields)


def sound(seconds: float, format: str = "WAV", channels: int = 1, **options: str) -> bytes:
    """Noise."""
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (int(seconds * RATE), channels))
    return encoded(noise, format, **options)


def encoded(samples: np.ndarray, format: str = "WAV", **options: str) -> bytes:
    """Samples as a file."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, RATE, format=format, **options)
    return buffer.getvalue()


def constant(value: float) -> bytes:
    """A wav of floats that are all the same."""
    return encoded(np.full(3 * RATE, value, np.float32), subtype="FLOAT")


def synchsafe(size: int) -> bytes:
    """A size as an ID3 tag has it."""
    return bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))


def zip_bomb() -> bytes:
    """A hundred megabytes of nothing in a small archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("song.wav", bytes(100_000_000))
    return buffer.getvalue()


def playlist(target: str) -> bytes:
    """An HLS playlist with one part."""
    return f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{target}\n#EXT-X-ENDLIST\n".encode()


def manifest(target: str) -> bytes:
    """A DASH manifest with one part."""
    return f"""<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-main:2011"
 type="static" mediaPresentationDuration="PT5S"><Period><AdaptationSet mimeType="audio/mp4">
<Representation id="a" bandwidth="1000"><BaseURL>{target}</BaseURL></Representation>
</AdaptationSet></Period></MPD>""".encode()


XML_BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "%s">' % (i + 1, b"&%c;" % i * 10) for i in range(ord("a"), ord("i")))
    + b']><svg xmlns="http://www.w3.org/2000/svg"><text>&i;</text></svg>'
)


def hostile_files(secret: Path, canary: str) -> dict[str, tuple[bytes, str]]:
    """Name -> the file, and words that the refusal has. secret : a song of this machine that no
    file may reach. canary : an address that nothing may ask."""
    unreadable = "not audio that"
    whole, flac = sound(3.0), sound(3.0, "FLAC")
    name = str(secret)
    return {
        "empty": (b"", "empty"),
        "one byte": (b"R", unreadable),
        "random": (np.random.default_rng(1).bytes(100_000), ""),
        "html as mp3": (b"<html><script>alert(1)</script></html>" * 100, unreadable),
        "zip bomb": (zip_bomb(), unreadable),
        "gzip bomb": (gzip.compress(bytes(100_000_000)), unreadable),
        "xml bomb": (XML_BOMB, unreadable),
        "password file": (b"root:x:0:0:root:/root:/bin/sh\n" * 50, unreadable),
        "playlist of a file": (playlist(name), unreadable),
        "playlist of the password file": (playlist("/etc/passwd"), unreadable),
        "playlist of the network": (playlist(f"{canary}/a.ts"), unreadable),
        "playlist behind a tag": (
            b"ID3\x03\x00\x00" + synchsafe(64) + bytes(64) + playlist(name),
            "",
        ),
        "m3u": (f"{name}\n{canary}/a.mp3\n".encode(), unreadable),
        "pls": (f"[playlist]\nFile1={canary}/a.mp3\nNumberOfEntries=1\n".encode(), unreadable),
        "concat": (f"ffconcat version 1.0\nfile '{secret.name}'\nfile '{name}'\n".encode(), ""),
        "dash of a file": (manifest(name), unreadable),
        "dash of the network": (manifest(f"{canary}/a.mp4"), unreadable),
        "sdp": (b"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=audio 9 RTP/AVP 0\n", ""),
        "huge tag": (b"ID3\x04\x00\x00" + synchsafe(0x0FFFFFFF) + bytes(1000), unreadable),
        "no channels": (riff(form(channels=0), (b"data", bytes(50_000))), ""),
        "256 channels": (sound(0.1, channels=256), "256 channels"),
        "65535 channels": (riff(form(channels=65_535), (b"data", bytes(400_000))), ""),
        "4 billion samples a second": (
            riff(form(rate=4_000_000_000), (b"data", bytes(400_000))),
            "",
        ),
        "no sample rate": (riff(form(rate=0), (b"data", bytes(50_000))), ""),
        "0 bits": (riff(form(bits=0), (b"data", bytes(50_000))), ""),
        "negative chunk": (
            riff(form(), (b"junk", b"")).replace(b"junk\0\0\0\0", b"junk\xf0\xff\xff\xff") + whole,
            "",
        ),
        "endless wav": (riff(form(), size=0xFFFFFFFF) + b"data\xff\xff\xff\xff" + bytes(16), ""),
        "nested riff": (riff((b"RIFF", riff((b"RIFF", riff((b"RIFF", whole)))))), ""),
        "not a number": (constant(float("nan")), "not finite"),
        "infinite": (constant(float("inf")), "not finite"),
        "head of a flac": (flac[:50], ""),
        "flac torn in its middle": (flac[: len(flac) // 4], ""),
        "ogg torn in its head": (sound(3.0, "OGG")[:60], ""),
        "too short": (sound(1.4), "1.5 s are needed"),
        "too long": (sound(61.0, subtype="PCM_U8"), "longer than 1 minutes"),
        "an hour in a few bytes": (
            encoded(np.zeros(3600 * RATE, np.int16), "FLAC"),
            "longer than 1 minutes",
        ),
    }
