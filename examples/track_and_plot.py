"""Track a bundled piece as a whole and as if live; plot activation and beats; compare both.

Cells begin with ``# %%``: run it whole (``python examples/track_and_plot.py``), or cell by cell in
an editor that knows them. The plot goes to ``track_and_plot.png`` in the folder you are in.

Needs: pip install matplotlib mir_eval
"""

# %% The music, and the beats that are known
from importlib.resources import as_file, files

import mir_eval
import numpy as np
from matplotlib.figure import Figure

import rtbeat

music = files("rtbeat") / "music"
truth = np.loadtxt((music / "drift.beats").open())[:, 0]

# %% Twice through the tracker: it may hear the whole piece first, or decide as it goes
with as_file(music / "drift.ogg") as song:
    offline = rtbeat.track(song)
    online = rtbeat.track(song, online=True)

# %% How many beats are right, within 70 ms (F-measure)
for name, beats in (("offline", offline), ("as if live", online)):
    score = mir_eval.beat.f_measure(truth, beats.times)
    print(f"{name}: {len(beats.times)} beats, {beats.tempo:.1f} BPM, F {score:.3f}")

# %% What the network hears, and what is made of it
figure = Figure(figsize=(12, 3.5), layout="constrained")
axis = figure.subplots()
frames = np.arange(len(offline.activation)) / 50.0  # 50 frames a second
axis.plot(frames, offline.activation, color="0.4", linewidth=0.8, label="chance of a beat")
axis.vlines(offline.times, 1.02, 1.10, color="tab:blue", label="offline")
axis.vlines(online.times, 1.12, 1.20, color="tab:orange", label="as if live")
axis.vlines(truth, 1.22, 1.30, color="tab:green", label="true")
axis.set(xlabel="time (s)", xlim=(0.0, offline.duration), yticks=(0.0, 0.5, 1.0))
axis.legend(loc="lower right", ncols=4)
figure.savefig("track_and_plot.png", dpi=120)
print("plot: track_and_plot.png")
figure  # an editor shows it  # noqa: B018
