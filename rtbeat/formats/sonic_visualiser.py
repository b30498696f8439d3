"""Sonic Visualiser layer: time instants with labels, for File > Import Annotation Layer.

Instants are sample frames at the song's own rate, which Sonic Visualiser does not convert when it
reads a layer. The label is the position in the bar, empty where unknown.
"""

from __future__ import annotations

from rtbeat.beat import Beats

USUAL_RATE = 44_100  # Hz, where the song's is not known


def encode(beats: Beats) -> bytes:
    """The file's bytes: XML."""
    rate = beats.sample_rate or USUAL_RATE
    points = "".join(
        f'      <point frame="{round(float(time) * rate)}" label="{number or ""}"/>\n'
        for time, number in zip(beats.times, beats.numbers, strict=True)
    )
    return f"""\
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE sonic-visualiser>
<sv>
  <data>
    <model id="1" name="Beats" sampleRate="{rate}" start="0" end="{round(beats.duration * rate)}" \
type="sparse" dimensions="1" resolution="1" notifyOnAdd="true" dataset="0"/>
    <dataset id="0" dimensions="1">
{points}    </dataset>
  </data>
  <display>
    <layer id="2" type="timeinstants" name="Beats" model="1" plotStyle="0" \
colourName="Orange" colour="#ff9632" darkBackground="false"/>
  </display>
</sv>
""".encode("ascii")
