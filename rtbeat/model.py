"""The network, or several: a weights file -> :class:`BeatModel`; features in, activations out.

Two ways to run it. :meth:`BeatModel.activations` takes a whole piece and runs every layer over all
of it in both directions. :class:`ActivationStream` takes one frame a hop. The forward direction
carries its state on; the backward direction has to start at the newest frame each time, so each
hop runs the newest ``tail`` frames again in all layers and leaves older ones as they were.
``refresh`` hops after a run over the whole window comes the next, so that older frames profit
from what was heard since.
"""

from __future__ import annotations

import hashlib
import importlib.resources
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rtbeat import weights
from rtbeat.networks import Networks
from rtbeat.packed import pack
from rtbeat.piece import PieceRun
from rtbeat.weights import ModelConfig

if TYPE_CHECKING:
    from importlib.abc import Traversable

__all__ = ["ActivationStream", "BeatModel", "ModelConfig", "is_bundled", "model_digest"]

Float32 = NDArray[np.float32]

# Lost frames up to so many seconds are filled in; after more the stream begins anew, which it was
# trained for.
_FILLED_SECONDS = 0.5


class BeatModel:
    """Configuration, weights and where they come from.

    config : :class:`ModelConfig`.
    arrays : the weights, named and shaped as :mod:`rtbeat.weights` tells; copied to float32.
    provenance : data, hash, training command, scores: anything that JSON can hold.

    Raises ``ValueError`` for arrays that do not fit the config or are not finite.
    Thread: any once constructed, it never changes; each stream belongs to one thread at a time.
    """

    def __init__(
        self,
        config: ModelConfig,
        arrays: Mapping[str, weights.Array],
        provenance: Mapping[str, Any] | None = None,
    ):
        self.config = config
        self.arrays = weights.checked(config, arrays)
        self.provenance = dict(provenance or {})
        self._packed = pack(config, self.arrays)

    @classmethod
    def load(cls, name_or_path: str | os.PathLike[str] = "default") -> BeatModel:
        """A model that comes with rtbeat, by its bare name (``"default"``), or any, by its path.

        Raises ``FileNotFoundError`` where there is none, ``ValueError`` where it is not a model or
        not a sound one, ``OSError`` where it cannot be read.
        """
        source, name = _source(name_or_path)
        with source.open("rb") as file:
            return cls(*weights.read(file, name))

    def save(
        self, path: str | os.PathLike[str], dtype: type[np.floating[Any]] = np.float32
    ) -> None:
        """Write the model file, atomically; ``dtype`` ``np.float16`` halves its size.

        Raises ``OSError`` where it cannot be written.
        """
        weights.write(Path(path), self.config, self.arrays, self.provenance, dtype)

    def stream(self) -> ActivationStream:
        """A new stream, ready: every kernel is compiled when this returns."""
        return ActivationStream(self)

    def piece(self) -> PieceRun:
        """A run over a whole piece, whose features come in parts."""
        return PieceRun(self._packed)

    def activations(self, features: Float32) -> Float32:
        """Features ``(T, F)`` of a whole piece -> probabilities float32 ``(T, heads)``.

        Long pieces are run in parts, see :class:`rtbeat.piece.PieceRun`.

        Raises ``ValueError`` for features of another shape. Values that are not finite count as
        the mean. Thread: any. Realtime-safe: no.
        """
        piece = self.piece()
        piece.push(features)
        return piece.finish()


def model_digest(name_or_path: str | os.PathLike[str] = "default") -> str:
    """SHA-256 of a model's file, which :meth:`BeatModel.load` would find, as hexadecimal digits.

    Raises as that does where there is none.
    """
    return hashlib.sha256(_source(name_or_path)[0].read_bytes()).hexdigest()


def is_bundled(name_or_path: str | os.PathLike[str]) -> bool:
    """Whether it is the name of a model that comes with rtbeat, there or not, and no path."""
    return isinstance(name_or_path, str) and bool(re.fullmatch(r"[\w-]+", name_or_path))


def _source(name_or_path: str | os.PathLike[str]) -> tuple[Traversable | Path, str]:
    """The file of a model, and what to call it in messages."""
    if is_bundled(name_or_path):
        folder = importlib.resources.files("rtbeat") / "models"
        source, name = folder / f"{name_or_path}.npz", f"model {name_or_path!r}"
        if not source.is_file():
            found = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
            names = sorted(entry[:-4] for entry in found if entry.endswith(".npz"))
            raise FileNotFoundError(
                f"no {name} comes with rtbeat; there is: {', '.join(names) or 'none'}. "
                "A model file of your own is given by its path, as in './mine.npz'"
            )
        return source, name
    path = Path(name_or_path)
    name = f"model file {str(path)!r}"
    if not path.exists():
        raise FileNotFoundError(f"{name} does not exist")
    if path.is_dir():
        raise ValueError(f"{name} is a folder; give the path of an .npz file")
    return path, name


class ActivationStream:
    """Activations of the last ``config.frames`` frames, kept up to date hop by hop.

    Against a run of all layers over the whole window at each hop, a trained model's loss grows by
    less than 0.5 % in the newest 25 frames with a tail of 30, by some 1 % further back (less with
    a shorter ``refresh``). Single probabilities differ by 0.01 on average, and by a few tenths
    where the network is in doubt.

    The same frames give bitwise the same activations, whatever came before a :meth:`reset`.
    Thread: one at a time, not the audio callback (bounded time and no array is allocated, but it
    is Python; every 250th hop, or what ``refresh`` says, takes some 15 times as long).
    """

    def __init__(self, model: BeatModel):
        self.config = model.config
        self._frames = model.config.frames
        # twice the window, so that it can stay contiguous and moves only once a window
        self._work = Networks(model._packed, 1 + 2 * self._frames, 1, self._frames)
        self._frame = np.zeros((1, model.config.features.size), np.float32)
        self.reset()
        self.push(self._frame[0])
        self.reset()

    def reset(self) -> None:
        """Forget everything; the next frame is frame 0."""
        self._newest = -1
        self._stop = 1  # row of the next frame; the row before the oldest holds its past
        self._work.forget(0)

    @property
    def newest(self) -> int:
        """Index of the newest frame, -1 before the first."""
        return self._newest

    @property
    def window(self) -> Float32:
        """Probabilities float32 ``(n, heads)``, n <= ``config.frames``, oldest frame first.

        A contiguous view: the next :meth:`push` or :meth:`reset` may change what it shows.
        """
        return self._work.activations[self._stop - self._size : self._stop]

    @property
    def _size(self) -> int:
        return min(self._newest + 1, self._frames)

    def push(self, frame: Float32) -> None:
        """Take in the features ``(F,)`` of one frame: one hop.

        Raises ``ValueError`` for a frame of another shape. Values that are not finite count as
        the mean.
        """
        if np.shape(frame) != self._frame.shape[1:]:
            raise ValueError(
                f"frame must have shape {self._frame.shape[1:]}, not {np.shape(frame)}"
            )
        self._frame[0] = frame
        self._absorb()
        whole = (self._newest + 1) % self.config.refresh == 0
        self._refine(1, self._size if whole else self.config.tail)

    def skip(self, count: int) -> None:
        """The ``count`` frames to come are lost: each counts as the one before it, going on
        without any rise. More than half a second of them makes all new; the window is short
        then."""
        if count > _FILLED_SECONDS * self.config.features.frame_rate:
            self.reset()
            return
        self._frame[0, self.config.features.bands :] = 0.0
        for _ in range(count):
            self._absorb()
        self._refine(count, count + self.config.tail)

    def _absorb(self) -> None:
        """Take in the frame that lies ready, without running the layers."""
        if self._stop == len(self._work.activations):
            self._make_room()
        self._work.absorb(self._frame, self._stop)
        self._stop += 1
        self._newest += 1

    def _refine(self, new: int, count: int) -> None:
        """Run all layers over the newest ``count`` frames; ``new`` of them are new."""
        if new > 0:
            first = self._stop - min(self._size, count)
            self._work.refine(self._stop - new, first, self._stop)

    def _make_room(self) -> None:
        """Move the newest frames to the front, one less than a window and the row before them."""
        self._work.move(slice(0, self._frames), slice(self._frames + 1, None))
        self._stop = self._frames
