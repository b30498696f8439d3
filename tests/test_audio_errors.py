"""What a person reads when an audio device cannot be used."""

from __future__ import annotations

import pytest

from rtbeat.live.audio import AudioStream
from rtbeat.live.audio_port import AudioDeviceError
from tests.needs import require

INFO = {
    "name": "Scarlett 2i2",
    "max_input_channels": 2,
    "max_output_channels": 2,
    "default_samplerate": 44_100.0,
}


@pytest.mark.parametrize(
    ("says", "told"),
    [
        ("Invalid sample rate [PaErrorCode -9997]", "does not run at 48000 Hz; use --rate 44100"),
        ("Invalid number of channels [PaErrorCode -9998]", "has 2 inputs and 2 outputs, too few"),
        ("Device unavailable [PaErrorCode -9985]", "in use by another program or gone; close that"),
        ("Illegal combination [PaErrorCode -9993]", "cannot be opened for duplex: Illegal comb"),
    ],
)
def test_a_refusal_becomes_one_sentence_with_the_device_and_a_remedy(monkeypatch, says, told):
    """PortAudio's own words for errors that no machine without a sound card can have."""
    sd = require("sounddevice", "apt install libportaudio2")

    def refuse(**parameters):
        raise sd.PortAudioError(f"Error opening Stream: {says}")

    monkeypatch.setattr(sd, "query_devices", lambda device: INFO)
    monkeypatch.setattr(sd, "_StreamBase", refuse)
    with pytest.raises(AudioDeviceError, match=r"audio device 3 \(Scarlett 2i2\)") as error:
        AudioStream(3, 3, 48_000)
    assert told in str(error.value)
    assert "\n" not in str(error.value)
