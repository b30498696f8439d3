/** What the waveform is drawn from: one positive peak for each short stretch of the song. */

const PEAKS_PER_SECOND = 400;

/** buffer : AudioBuffer. Returns a Float32Array of peaks 0..1, all channels together. */
export function peaksOf(buffer) {
  const step = buffer.sampleRate / PEAKS_PER_SECOND;
  const peaks = new Float32Array(Math.max(1, Math.ceil(buffer.length / step)));
  for (let channel = 0; channel < buffer.numberOfChannels; channel += 1) {
    const samples = buffer.getChannelData(channel);
    for (let i = 0; i < samples.length; i += 1) {
      const at = Math.floor(i / step);
      const level = Math.abs(samples[i]);
      if (level > peaks[at]) peaks[at] = level;
    }
  }
  return peaks;
}
