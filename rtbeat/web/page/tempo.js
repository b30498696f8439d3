/** The tempo curve under the waveform. */

const SPAN = 5; // intervals; the median of so many is not moved by one beat missed or too many

/** Local tempo at each beat but the last: `[{time, tempo}]`, seconds and BPM. */
export function tempoCurve(beats) {
  const intervals = beats.slice(1).map((beat, i) => beat.time - beats[i].time);
  const reach = (SPAN - 1) / 2;
  return intervals.map((_, i) => ({
    time: beats[i].time,
    tempo: 60 / median(intervals.slice(Math.max(0, i - reach), i + reach + 1)),
  }));
}

/** Lowest and highest BPM to draw: the curve's own and some room, never less than 10 % in all. */
export function tempoRange(curve) {
  if (!curve.length) return { low: 60, high: 180 };
  const tempi = curve.map((point) => point.tempo);
  const low = Math.min(...tempi);
  const high = Math.max(...tempi);
  const room = Math.max(0.1 * (high - low), 0.05 * high);
  return { low: low - room, high: high + room };
}

/** Median tempo of a whole song in BPM, null where there are fewer than two beats. */
export function medianTempo(beats) {
  if (beats.length < 2) return null;
  return 60 / median(beats.slice(1).map((beat, i) => beat.time - beats[i].time));
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
