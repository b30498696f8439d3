"""The streaming engine: audio blocks in, beats announced before they sound out.

Wires the stages: features, network, decoder, announcer. It has no thread, file, device or clock of
its own: the host drives it, and time is the count of samples.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from importlib.metadata import entry_points
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtbeat import options as check
from rtbeat.announcer import Announcer, State
from rtbeat.beat import Beat
from rtbeat.beat_line import BeatLine
from rtbeat.decoder import Activations, Decoder, TempoAlternative, TempoCandidate
from rtbeat.features import FeatureStream, frame_end, mixdown
from rtbeat.filter import FilterDecoder
from rtbeat.model import BeatModel
from rtbeat.search import SearchDecoder
from rtbeat.sound import Sound
from rtbeat.timeline import Timeline

__all__ = ["BeatTracker", "State", "make_decoder"]

RATIOS = (0.5, 2.0, 2.0 / 3.0, 1.5)  # of tempi that music is easily felt in besides its own

BUILT_IN: dict[str, Callable[..., Decoder]] = {"filter": FilterDecoder, "search": SearchDecoder}


def make_decoder(name: str, **kwargs: Any) -> Decoder:
    """The decoder of that name, built in or found by the entry points ``rtbeat.decoders``."""
    if name in BUILT_IN:
        return BUILT_IN[name](**kwargs)
    found = {point.name: point for point in entry_points(group="rtbeat.decoders")}
    if name not in found:
        known = sorted({*BUILT_IN, *found})
        raise ValueError(f"decoder is {name!r}; it must be one of {', '.join(known)}")
    decoder: Decoder = found[name].load()(**kwargs)
    return decoder


class BeatTracker:
    """Streaming beat tracker. Constructing it prepares everything (allocates, compiles kernels).

    sample_rate : of the audio to come, Hz, 8000 to 192000.
    channels : of the audio to come.
    tempo_range : slowest and fastest tempo in BPM, within 20 to 400.
    lead : how early a beat is announced, seconds, 0 to 1.
    follow : 0 holds the tempo steady, 1 follows every move of it.
    preset : ``"dj"``, ``"band"`` or ``"solo"`` sets ``follow`` for that kind of music.
    decoder : ``"filter"``, ``"search"`` or the name of an installed one.
    model : name of a model in the package, or path of a weights file.
    beats_per_bar : None finds it out.
    coast_beats : beats that go on from the last tempo when the music has gone (COASTING) before
        nothing is given out any more (LOST), 0 to 100000; None = without end.

    Raises ``ValueError`` or ``TypeError`` naming the argument.

    Thread: one thread calls :meth:`process` and :meth:`skip`, any thread may read properties and
    use the controls, which act at the next hop. Realtime-safe: no (milliseconds of work a hop):
    feed it from a thread beside the audio callback.
    """

    def __init__(
        self,
        sample_rate: int = 48_000,
        channels: int = 1,
        *,
        tempo_range: tuple[float, float] = (40.0, 240.0),
        lead: float = 0.2,
        follow: float = 0.5,
        preset: str | None = None,
        decoder: str = "filter",
        model: str | PathLike[str] = "default",
        beats_per_bar: int | None = None,
        coast_beats: int | None = 32,
    ):
        self.sample_rate = check.sample_rate(sample_rate)
        self.channels = check.channels(channels)
        self._range = check.tempo_range(tempo_range)
        lead = check.number("lead", lead, 0.0, 1.0)
        self._follow = check.follow(follow if preset is None else check.preset(preset))
        self._decoder_name = check.text("decoder", decoder)
        self._bar = check.beats_per_bar(beats_per_bar)
        coast_beats = check.coast_beats(coast_beats)
        self._model = BeatModel.load(model)
        config = self._model.config
        self._rate = config.features.frame_rate
        self._features = FeatureStream(config.features, self.sample_rate)
        self._sound = Sound(config.features)
        self._stream = self._model.stream()
        self._announcer = Announcer(
            self._new_decoder(self._range),
            self._rate,
            config.offset,
            self._range,
            lead,
            coast_beats,
            self._bar,
        )
        self._commands: deque[Callable[[], None]] = deque()
        self.reset()
        self._warm_up()
        self.reset()

    def _new_decoder(self, tempo_range: tuple[float, float]) -> Decoder:
        return make_decoder(
            self._decoder_name,
            frame_rate=self._rate,
            tempo_range=tempo_range,
            follow=self._follow,
            beats_per_bar=self._bar,
        )

    def _warm_up(self) -> None:
        """Compile (or load) every kernel now, so that the first block is as quick as any."""
        noise = np.random.default_rng(0).standard_normal(self.sample_rate // 2) * 0.1
        self.process(np.repeat(noise.astype(np.float32)[:, None], self.channels, axis=1))
        self.skip(self.sample_rate)
        self._announcer.decoder.predict(self._hop + 10.0)

    def reset(self) -> None:
        """Forget all audio, beats and corrections; the next sample is sample 0. The options stay as
        they were set last. Thread: the one that calls :meth:`process`."""
        self._features.reset()
        self._sound.reset()
        self._stream.reset()
        self._announcer.decoder.reset()
        self._announcer.reset()
        self._commands.clear()
        self._hop = -1  # newest hop processed
        self._samples = 0

    # ---- audio in, beats out ----

    def process(self, block: NDArray[Any]) -> list[Beat]:
        """Take in a block and give out the beats decided in it, usually none.

        block : float32 ``(frames,)`` or ``(frames, channels)``, any number of frames, full scale
            1; other floats and integers are converted. Samples that are not finite count as
            silence.

        The result does not depend on how the signal is cut into blocks. Raises ``ValueError`` or
        ``TypeError`` for a block of another shape or kind and is then as it was before.
        """
        mono = mixdown(check.block(block, self.channels), self.channels)
        self._samples += len(mono)
        beats: list[Beat] = []
        for frame in self._features.process(mono):
            self._obey()
            self._hop += 1
            self._sound.hear(frame)
            self._stream.push(frame)
            self._announcer.decoder.update(self._stream.window, self._hop)
            beats += self._decide()
        return beats

    def skip(self, samples: int) -> list[Beat]:
        """So many samples of the input were lost (overload, an xrun): stream time goes on without
        them, and beats go on from what is known.

        Costs a few milliseconds, however long it is. Beats inside the gap are past and never given
        out, but they are counted; the beats given out are those due now. More than a second lost
        makes COASTING of LOCKED, until music is heard again. The blocks after the gap go to
        :meth:`process` as ever.

        Raises ``ValueError`` or ``TypeError`` where ``samples`` is not a whole number from 0 on.
        """
        samples = check.whole("samples", samples, 0, 2**53)
        self._samples += samples
        hops = self._features.skip(samples)
        if hops == 0:
            return []
        self._obey()
        self._stream.skip(hops)
        self._announcer.decoder.skip(hops)
        self._hop += hops
        self._sound.skip(hops)
        self._announcer.pass_over(samples / self.sample_rate)
        return self._decide()

    def _obey(self) -> None:
        while self._commands:
            self._commands.popleft()()

    def _decide(self) -> list[Beat]:
        return self._announcer.decide(
            self._hop,
            self._end_of(self._hop),
            self._end_of(self._hop + 1),
            self._sound.can_hold_beats,
            self._stream.window,
        )

    def _end_of(self, hop: int) -> float:
        return frame_end(hop, self.sample_rate, self._rate) / self.sample_rate

    # ---- what it knows ----

    @property
    def state(self) -> State:
        """What the tracker is doing."""
        return self._announcer.state

    @property
    def tempo(self) -> float | None:
        """BPM at the last beat announced, or as set by hand since; None before the first and when
        lost."""
        announcer = self._announcer
        known = announcer.giving_out and announcer.period > 0.0
        return 60.0 / announcer.period if known else None

    @property
    def candidates(self) -> list[TempoCandidate]:
        """Tempi held possible, best first, with weights."""
        return self._announcer.decoder.candidates

    @property
    def alternatives(self) -> list[TempoAlternative]:
        """Half, double, two thirds and one and a half times the tempo, those inside the tempo
        range, likeliest first, with the probability that the decoder gives each; empty where no
        tempo is known. :meth:`scale` goes to one."""
        tempo, decoder = self.tempo, self._announcer.decoder
        if tempo is None:
            return []
        slowest, fastest = self.tempo_range
        found = [
            TempoAlternative(
                ratio, ratio * tempo, decoder.probability(60.0 * self._rate / (ratio * tempo))
            )
            for ratio in RATIOS
            if slowest <= ratio * tempo <= fastest
        ]
        return sorted(found, key=lambda other: -other.probability)

    @property
    def tempo_range(self) -> tuple[float, float]:
        """Slowest and fastest tempo, BPM."""
        return self._announcer.tempo_range

    @property
    def follow(self) -> float:
        """The knob steady .. follow, 0..1, as set last."""
        return self._follow

    @property
    def lead(self) -> float:
        """How early a beat is announced, seconds."""
        return self._announcer.lead

    @property
    def held(self) -> bool:
        """Whether :meth:`hold` is on."""
        return self._announcer.held

    @property
    def locked(self) -> bool:
        """Whether :meth:`lock_tempo` is on."""
        return self._announcer.locked

    @property
    def beats_per_bar(self) -> int:
        """Length of the bar heard last, or as given; 4 before one was heard."""
        return self._announcer.bar_length

    @property
    def confidence(self) -> float:
        """0..1, of the last beat announced; 0 before the first and when lost."""
        last = self._announcer.last
        return last.confidence if self._announcer.giving_out and last is not None else 0.0

    @property
    def next_beat(self) -> float | None:
        """Stream time of the next beat to come as far as it is known now; it may be announced
        already. None when nothing is given out."""
        announcer = self._announcer
        if not announcer.giving_out:
            return None
        last = announcer.last
        return last.time if last is not None and last.time > self.time else announcer.next

    @property
    def time(self) -> float:
        """Stream time: samples consumed / sample rate."""
        return self._samples / self.sample_rate

    @property
    def latency(self) -> int:
        """Samples from the arrival of a sound to the end of the hop that first hears it, at most:
        one hop. What the network and the decoder need beyond that is taken off beat times by
        predicting."""
        return int(np.ceil(self.sample_rate / self._rate))

    @property
    def frame_rate(self) -> float:
        """Hops a second."""
        return self._rate

    @property
    def hops(self) -> int:
        """Hops processed since construction or :meth:`reset`."""
        return self._hop + 1

    @property
    def activations(self) -> Activations:
        """What the network hears: float32 ``(frames, heads)``, 0..1, of the last ten seconds,
        oldest first. A view that the next hop overwrites."""
        return self._stream.window

    @property
    def timeline(self) -> Timeline | None:
        """Musical position over stream time, as announced so far; None before the first beat."""
        return self._announcer.timeline

    @property
    def line(self) -> BeatLine | None:
        """Steady tempo and phase by the latest beats, for clocks; None before the first beat."""
        return self._announcer.line

    def phase(self, at: float | None = None) -> float | None:
        """Beats since the last downbeat at stream time ``at`` (default: now), as a float; since
        the last beat where downbeats are not known. None before the first beat."""
        timeline, last = self._announcer.timeline, self._announcer.last
        if timeline is None or last is None:
            return None
        position = timeline.beat_at(self.time if at is None else at)
        origin = timeline.beats[-1] - max(0, last.number - 1)
        return position - origin if last.number == 0 else (position - origin) % self.beats_per_bar

    # ---- controls: from any thread, each acts at the next hop ----

    def tap(self, at: float | None = None) -> None:
        """A tap on the beat at stream time ``at`` (default: now). Two taps or more set tempo and
        phase, one alone the phase where a tempo is known.

        Thread: any. Acts at the next hop.
        """
        time = self.time if at is None else check.number("at", at, 0.0, float("inf"))
        self._commands.append(lambda: self._announcer.tap(time))

    def scale(self, factor: float) -> None:
        """``factor`` times the tempo, 1/4 to 4: 2/3 and 3/2 as well as 1/2 and 2. Downbeats stay
        on beats. Nothing happens where that is outside of the tempo range, or without a tempo.

        Thread: any. Acts at the next hop.
        """
        factor = check.number("factor", factor, 0.25, 4.0)
        self._commands.append(lambda: self._announcer.scale(factor))

    def double(self) -> None:
        """Twice the tempo. Thread: any. Acts at the next hop."""
        self.scale(2.0)

    def halve(self) -> None:
        """Half the tempo, keeping the downbeat on a beat. Thread: any. Acts at the next hop."""
        self.scale(0.5)

    def shift(self, beats: float = 0.5) -> None:
        """Move all beats to come by ``beats`` of a beat. Thread: any. Acts at the next hop."""
        beats = check.number("beats", beats, -4.0, 4.0)
        self._commands.append(lambda: self._announcer.shift(beats))

    def set_downbeat(self, at: float | None = None) -> None:
        """The beat nearest to stream time ``at`` (default: now) is the first of a bar.

        Thread: any. Acts at the next hop.
        """
        time = self.time if at is None else check.number("at", at, 0.0, float("inf"))
        self._commands.append(lambda: self._announcer.set_downbeat(time))

    def nudge(self, seconds: float) -> None:
        """Move all beats to come by ``seconds``, positive = later; adds up. Thread: any. Acts at
        the next hop."""
        seconds = check.number("seconds", seconds, -1.0, 1.0)
        self._commands.append(lambda: self._announcer.nudge(seconds))

    def lock_tempo(self) -> None:
        """Keep the tempo as it is now. Thread: any. Acts at the next hop."""
        self._commands.append(lambda: self._announcer.lock_tempo(True))

    def unlock_tempo(self) -> None:
        """Follow the tempo again, whatever octave was set by hand. Thread: any. Acts at the next
        hop."""
        self._commands.append(lambda: self._announcer.lock_tempo(False))

    def hold(self) -> None:
        """Go on from the last tempo, whatever is heard, until :meth:`release`. Thread: any. Acts
        at the next hop."""
        self._commands.append(lambda: self._announcer.hold(True))

    def release(self) -> None:
        """Follow again after :meth:`hold`. Thread: any. Acts at the next hop."""
        self._commands.append(lambda: self._announcer.hold(False))

    def set_follow(self, follow: float | str) -> None:
        """Turn the knob steady (0) .. follow (1), or choose a preset: ``"dj"``, ``"band"``,
        ``"solo"``. Raises ``ValueError`` or ``TypeError``.

        Thread: any. Acts at the next hop.
        """
        self._follow = value = check.follow(follow)
        self._commands.append(lambda: self._announcer.decoder.set_follow(value))

    def set_tempo_range(self, slowest: float, fastest: float) -> None:
        """Other limits of the tempo, BPM. The last ten seconds are thought over anew within them;
        where that changes the tempo, the next beat has the new one. The limits stay after
        :meth:`reset`. Raises ``ValueError`` or ``TypeError``.

        Thread: any (takes some milliseconds). Acts at the next hop, which takes some 50 ms.
        """
        tempo_range = check.tempo_range((slowest, fastest))
        decoder = self._new_decoder(tempo_range)
        self._commands.append(lambda: self._change_range(tempo_range, decoder))

    def _change_range(self, tempo_range: tuple[float, float], decoder: Decoder) -> None:
        decoder.set_follow(self._follow)
        if len(self._stream.window):
            decoder.update(self._stream.window, self._hop)
        self._announcer.change_range(tempo_range, decoder)
