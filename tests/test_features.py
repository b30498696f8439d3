"""Features: framing at any rate, equal to librosa, independent of how audio is cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtbeat.features import FeatureConfig, FeatureStream, MelStream, frame_end, mixdown
from tests.needs import require

RATES = (8_000, 11_025, 22_050, 44_100, 48_000, 96_000, 192_000)


def noise(samples: int, seed: int = 0) -> np.ndarray:
    return (0.2 * np.random.default_rng(seed).standard_normal(samples)).astype(np.float32)


@pytest.mark.parametrize("rate", RATES)
def test_a_frame_is_out_as_soon_as_its_last_sample_is_in(rate):
    stream = FeatureStream(FeatureConfig(), rate)
    for index in range(5):
        missing = frame_end(index, rate, 50) - frame_end(index - 1, rate, 50)
        assert len(stream.process(noise(missing - 1))) == 0
        assert len(stream.process(noise(1))) == 1


@pytest.mark.parametrize("rate", RATES)
def test_there_are_fifty_frames_a_second_at_any_rate(rate):
    assert len(FeatureStream(FeatureConfig(), rate).process(noise(3 * rate))) == 150


@pytest.mark.parametrize("rate", [22_050, 44_100, 48_000])
@pytest.mark.parametrize("window", [0, 1])
def test_mel_power_equals_librosa(rate, window):
    librosa = require("librosa", 'pip install "rtbeat[test]"')
    config = FeatureConfig()
    audio = noise(rate)
    got = MelStream(config, rate).process(audio)
    stream = MelStream(config, rate)._windows[window]
    hop = rate // 50
    # librosa puts the window in the middle of n_fft samples; ours ends with the frame
    left = (stream.fft_size - stream.length) // 2
    right = stream.fft_size - stream.length - left
    padded = np.concatenate((np.zeros(left + stream.length - hop), audio, np.zeros(right)))
    power = librosa.feature.melspectrogram(
        y=padded,
        sr=rate,
        n_fft=stream.fft_size,
        win_length=stream.length,
        hop_length=hop,
        center=False,
        power=2.0,
        window="hann",
        n_mels=config.windows[window][1],
        fmin=config.fmin,
        fmax=config.fmax,
        norm=None,
        htk=False,
    )
    hann = np.hanning(stream.length + 1)[:-1]
    expected = power.T * 2.0 / (stream.fft_size * np.sum(hann**2))
    first = sum(bands for _, bands in config.windows[:window])
    columns = got[:, first : first + config.windows[window][1]]
    np.testing.assert_allclose(columns, expected[:50], rtol=1e-3, atol=1e-7)


def test_difference_is_the_rectified_rise_of_the_log_mel():
    config = FeatureConfig()
    features = FeatureStream(config, 44_100).process(noise(44_100))
    level, rise = features[:, : config.bands], features[:, config.bands :]
    assert not rise[0].any()
    np.testing.assert_allclose(rise[1:], np.maximum(0, np.diff(level, axis=0)), atol=1e-6)


@settings(max_examples=50, deadline=None)
@given(
    cuts=st.lists(st.integers(0, 4000), min_size=1, max_size=30),
    rate=st.sampled_from(RATES),
    seed=st.integers(0, 9),
)
def test_features_do_not_depend_on_the_cut(cuts, rate, seed):
    audio = noise(min(rate, 44_100), seed)
    whole = FeatureStream(FeatureConfig(), rate).process(audio)
    stream, parts, start = FeatureStream(FeatureConfig(), rate), [], 0
    while start < len(audio):
        for cut in cuts:
            parts.append(stream.process(audio[start : start + cut]))
            start += cut
        parts.append(stream.process(audio[start : start + 1]))
        start += 1
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-5)


def test_single_samples_give_the_same_as_one_block():
    audio = noise(8_000)
    whole = FeatureStream(FeatureConfig(), 8_000).process(audio)
    stream = FeatureStream(FeatureConfig(), 8_000)
    parts = [stream.process(audio[i : i + 1]) for i in range(len(audio))]
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-5)


def test_the_same_sound_has_the_same_features_at_any_rate():
    def tone(rate):
        time = np.arange(rate) / rate
        audio = sum(0.1 * np.sin(2 * np.pi * f * time) for f in (110, 440, 1760))
        return MelStream(FeatureConfig(), rate).process(audio.astype(np.float32))[25:45]

    reference = tone(48_000).mean(0)
    for rate in (22_050, 44_100, 96_000):
        other = tone(rate).mean(0)
        loud = reference > 0.02 * reference.max()
        np.testing.assert_allclose(10 * np.log10(other / reference)[loud], 0.0, atol=1.0)


def test_reset_forgets():
    stream = FeatureStream(FeatureConfig(), 44_100)
    first = stream.process(noise(20_000))
    stream.reset()
    np.testing.assert_array_equal(stream.process(noise(20_000)), first)


def test_mixdown_is_the_mean_and_hides_what_is_not_finite():
    block = np.array([[1.0, 0.0], [np.nan, 0.5], [np.inf, -np.inf]], np.float32)
    np.testing.assert_array_equal(mixdown(block, 2), [0.5, 0.25, 0.0])


def test_another_frame_rate_and_window_by_config_alone():
    config = FeatureConfig(frame_rate=43.0, windows=((2048 / 22016, 128),), fmax=11_000.0)
    features = FeatureStream(config, 22_016).process(noise(22_016 * 2))
    assert features.shape == (86, 256)
