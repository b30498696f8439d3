"""Stream time goes on unbroken, whatever the device does."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rtbeat.live.fake_audio import Clock, fake_stream
from rtbeat.live.feed import MOST_BEHIND, Feed

RATE = 8000
BLOCK = 80  # 10 ms


class Room:
    """A device in a room where time passes; the input is the index of each sample."""

    def __init__(self, devices=1, skew=0):
        self.clock = Clock()
        self.devices = devices
        self.skew = skew  # frames by which the second device's counter is ahead
        self.sampled = 0  # samples of the room's time so far
        self.plug_in()

    def plug_in(self):
        self.stream = fake_stream(RATE, self.clock, [np.ones(4, np.float32)], self.devices)
        if self.stream.output is not self.stream.input and self.skew:
            self.stream.output.advance(np.zeros(self.skew, np.float32), self.clock())

    def listen(self, blocks=1, late=0.0):
        """The device delivers blocks in real time; what it plays comes back."""
        played = []
        for _ in range(blocks):
            index = np.arange(self.sampled, self.sampled + BLOCK, dtype=np.float32)
            self.pass_time(BLOCK)
            block = self.stream.input.advance(index / 1e6, self.clock() + late)
            if not self.stream.duplex:
                block = self.stream.output.advance(np.zeros(BLOCK, np.float32), self.clock() + late)
            played.append(block)
        return np.concatenate(played)

    def pass_time(self, samples):
        self.sampled += samples
        self.clock.sleep(samples / RATE)


def read_all(feed):
    """Everything new: samples as their index in the room, and frames told as lost."""
    parts, lost = [], 0
    for _ in range(100):
        samples, missing = feed.poll()
        lost += missing
        parts.append(samples)
        if not len(samples) and not missing:
            break
    return np.round(np.concatenate(parts) * 1e6).astype(int), lost


def test_what_the_device_hears_comes_out_in_order():
    room, feed = Room(), Feed(RATE)
    feed.attach(room.stream)
    room.listen(50)
    heard, lost = read_all(feed)
    assert lost == 0
    assert heard.tolist() == list(range(50 * BLOCK))


@settings(deadline=None, max_examples=20)
@given(st.floats(0.05, 3.0))
def test_a_device_that_was_away_comes_back_at_the_right_stream_time(seconds):
    room = Room()
    feed = Feed(RATE, room.clock)
    feed.attach(room.stream)
    room.listen(100)
    heard, _ = read_all(feed)
    feed.detach()
    away, told = int(seconds * RATE), 0
    for _ in range(10):
        room.pass_time(away // 10)
        told += read_all(feed)[1]
    room.plug_in()
    feed.attach(room.stream)
    first = room.sampled
    room.listen(20)
    again, missing = read_all(feed)
    position = len(heard) + told + missing  # in stream time
    assert abs(position - again[0]) <= 2
    assert again[0] - first <= BLOCK
    assert abs(feed.left_out * RATE - told - missing) < 1


def test_a_machine_too_slow_leaves_input_out_and_says_so():
    room, feed = Room(), Feed(RATE)
    feed.attach(room.stream)
    room.listen(10)
    read_all(feed)
    room.listen(round((MOST_BEHIND + 0.5) * 100))
    heard, lost = read_all(feed)
    assert lost > MOST_BEHIND * RATE
    assert heard[-1] == room.sampled - 1
    assert heard[0] == 10 * BLOCK + lost


def test_lost_input_moves_stream_time_on():
    room, feed = Room(), Feed(RATE)
    feed.attach(room.stream)
    room.listen(400)
    read_all(feed)
    room.pass_time(800)  # 100 ms never arrive
    lost = 0
    for _ in range(10):
        room.listen(30)
        heard, missing = read_all(feed)
        lost += missing
    assert abs(lost - 800) <= 2
    assert abs(feed.time_at(room.clock()) * RATE - room.sampled) <= 2
    assert heard[-1] == room.sampled - 1


@settings(deadline=None, max_examples=15)
@given(st.integers(1, 2), st.integers(0, 5000), st.integers(0, 120))
def test_a_click_is_played_so_that_it_is_heard_on_its_beat(devices, skew, loop):
    """``loop`` samples pass from the output to the input, on one device or on two."""
    room = Room(devices, skew)
    feed = Feed(RATE, room.clock)
    feed.attach(room.stream)
    room.listen(200)
    read_all(feed)
    beat = (room.sampled + 400) / RATE
    room.stream.output.shared.play(feed.output_index(beat, loop / RATE), 0)
    played = room.listen(20)
    first = int(np.flatnonzero(played)[0]) + 200 * BLOCK  # sample of the room at which it left
    assert abs(first + loop - beat * RATE) <= 1


def test_stream_time_and_host_time_are_inverse():
    room, feed = Room(), Feed(RATE)
    assert not feed.known
    feed.attach(room.stream)
    room.listen(100)
    read_all(feed)
    assert feed.known
    assert abs(feed.time_at(feed.host_at(0.73)) - 0.73) < 1e-9
    assert abs(feed.host_at(room.sampled / RATE) - room.clock()) < 1e-6
