/**
 * Editing of beats. Beats are an array of `{time, number, confidence}`: seconds, rising; place in
 * the bar (1 = downbeat, 0 = unknown); chance 0..1, null where unknown. Every function returns a
 * new array and leaves its argument as it is, so that undo only has to keep the old one.
 */

/** Two beats are never closer than this, in seconds. */
export const MIN_GAP = 0.02;

const DEFAULT_BEATS_PER_BAR = 4;

/** Index of the first beat at or after `time`; the number of beats where there is none. */
export function firstAt(beats, time) {
  let low = 0;
  let high = beats.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (beats[middle].time < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Index of the beat nearest to `time`, -1 where there is no beat. */
export function nearest(beats, time) {
  const after = firstAt(beats, time);
  if (after === beats.length) return beats.length - 1;
  if (after === 0) return 0;
  return time - beats[after - 1].time <= beats[after].time - time ? after - 1 : after;
}

/** Beats in a bar: the commonest distance between downbeats, else the highest number, else 4. */
export function beatsPerBar(beats) {
  const counts = new Map();
  let last = -1;
  beats.forEach((beat, index) => {
    if (beat.number !== 1) return;
    if (last >= 0) counts.set(index - last, (counts.get(index - last) ?? 0) + 1);
    last = index;
  });
  if (counts.size) return [...counts].sort((a, b) => b[1] - a[1])[0][0];
  const highest = Math.max(0, ...beats.map((beat) => beat.number));
  return highest > 1 ? highest : DEFAULT_BEATS_PER_BAR;
}

/** The beat at `index` moved to `time`, as far as its neighbours and the song's ends let it. */
export function move(beats, index, time, duration) {
  const earliest = index > 0 ? beats[index - 1].time + MIN_GAP : 0;
  const latest = index < beats.length - 1 ? beats[index + 1].time - MIN_GAP : duration - 0.001;
  if (earliest > latest) return beats;
  const moved = Math.min(Math.max(time, earliest), latest);
  return beats.map((beat, i) => (i === index ? { ...beat, time: moved, confidence: 1 } : beat));
}

/** The beats with one more at `time`; null where another beat is too near or the song has ended. */
export function add(beats, time, duration) {
  const index = firstAt(beats, time);
  const near = [beats[index - 1], beats[index]].some(
    (beat) => beat && Math.abs(beat.time - time) < MIN_GAP,
  );
  if (near || time < 0 || time >= duration) return null;
  const added = { time, number: 0, confidence: 1 };
  return renumbered([...beats.slice(0, index), added, ...beats.slice(index)], beatsPerBar(beats));
}

/** The beats without the one at `index`. A downbeat's place is taken by the beat after it. */
export function remove(beats, index) {
  const left = beats.filter((_, i) => i !== index);
  if (beats[index].number === 1 && index < left.length) {
    left[index] = { ...left[index], number: 1 };
  }
  return renumbered(left, beatsPerBar(beats));
}

/** Twice the tempo: one more beat in the middle of each interval. */
export function doubled(beats) {
  const twice = beats.flatMap((beat, i) => {
    const next = beats[i + 1];
    if (!next || next.time - beat.time < 2 * MIN_GAP) return [beat];
    return [beat, { ...beat, time: (beat.time + next.time) / 2, number: 0 }];
  });
  return countedFrom(twice, firstDownbeat(twice), beatsPerBar(beats));
}

/** Half the tempo: every other beat, the first downbeat among them. */
export function halved(beats) {
  const parity = Math.max(0, firstDownbeat(beats)) % 2;
  const half = beats.filter((_, i) => i % 2 === parity);
  return countedFrom(half, firstDownbeat(half), beatsPerBar(beats));
}

/** All beats half a beat later; one that would leave the song is dropped. */
export function shifted(beats, duration) {
  return beats
    .map((beat, i) => {
      const from = i + 1 < beats.length ? i : i - 1;
      const interval = from < 0 ? 0 : beats[from + 1].time - beats[from].time;
      return { ...beat, time: beat.time + interval / 2 };
    })
    .filter((beat) => beat.time < duration);
}

/** "This is one": bars are counted from the beat at `index`, or only those from there on. */
export function downbeatAt(beats, index, onward = false) {
  const start = onward ? index : 0;
  const counted = countedFrom(beats.slice(start), index - start, beatsPerBar(beats));
  return [...beats.slice(0, start), ...counted];
}

function firstDownbeat(beats) {
  return beats.findIndex((beat) => beat.number === 1);
}

/** Whole bars of `perBar` beats in both directions from the beat at `one`; as it was where -1. */
function countedFrom(beats, one, perBar) {
  if (one < 0) return beats;
  return beats.map((beat, i) => ({
    ...beat,
    number: ((((i - one) % perBar) + perBar) % perBar) + 1,
  }));
}

/** Numbers that count up from each downbeat; those before the first one lead to it. */
function renumbered(beats, perBar) {
  const first = firstDownbeat(beats);
  if (first < 0) return beats;
  const upbeat = countedFrom(beats.slice(0, first + 1), first, perBar).slice(0, first);
  let number = 0;
  const bars = beats.slice(first).map((beat) => {
    number = beat.number === 1 ? 1 : number + 1;
    return { ...beat, number };
  });
  return [...upbeat, ...bars];
}
