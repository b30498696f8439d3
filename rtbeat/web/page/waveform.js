/** The waveform: wavesurfer draws, scrolls and zooms; the rest of the page asks for its viewport. */

import WaveSurfer from "./vendor/wavesurfer.esm.js";
import { LANES } from "./lanes.js";
import { peaksOf } from "./peaks.js";
import { colours } from "./theme.js";

const ZOOM_STEP = 1.6;
const CLOSEST = 600; // pixels a second
const FIRST = 40; // pixels a second at first, or the whole song where that is more

export class Waveform {
  #surfer;
  #element;
  #duration;
  #zoom = FIRST; // pixels a second asked for; the whole song is never narrower than the page

  /** onView : called whenever what is visible has changed. */
  constructor(element, player, onView) {
    this.#element = element;
    this.#duration = player.duration;
    this.#surfer = WaveSurfer.create({
      container: element,
      height: LANES.wave.height,
      media: player,
      peaks: [peaksOf(player.buffer)],
      duration: player.duration,
      minPxPerSec: FIRST,
      normalize: true,
      cursorWidth: 0, // the cursor runs through all lanes and is drawn with them
      interact: false, // clicks are the editor's
      hideScrollbar: true, // it would lie under the lanes; dragging and the wheel scroll
      ...waveColours(),
    });
    for (const event of ["ready", "scroll", "zoom", "redraw", "timeupdate", "resize"]) {
      this.#surfer.on(event, onView);
    }
  }

  /** What is visible: `{start, seconds, width}`, in seconds and pixels. */
  get view() {
    const width = this.#element.clientWidth;
    const whole = this.#surfer.getWrapper().clientWidth || width;
    const seconds = this.#duration * Math.min(1, width / whole);
    return { start: (this.#surfer.getScroll() / whole) * this.#duration, seconds, width };
  }

  zoomIn() {
    this.#zoomTo(this.#pixelsPerSecond() * ZOOM_STEP);
  }

  zoomOut() {
    this.#zoomTo(this.#pixelsPerSecond() / ZOOM_STEP);
  }

  scrollBy(pixels) {
    this.#surfer.setScroll(this.#surfer.getScroll() + pixels);
  }

  /** Scroll so that `time` is visible. */
  show(time) {
    const { start, seconds } = this.view;
    if (time < start || time > start + seconds) this.#surfer.setScrollTime(time - seconds / 2);
  }

  recolour() {
    this.#surfer.setOptions(waveColours());
  }

  destroy() {
    this.#surfer.destroy();
  }

  #pixelsPerSecond() {
    return Math.max(this.#zoom, this.#element.clientWidth / this.#duration);
  }

  #zoomTo(pixelsPerSecond) {
    const { start, seconds } = this.view;
    const at = this.#surfer.getCurrentTime();
    const middle = at >= start && at <= start + seconds ? at : start + seconds / 2;
    this.#zoom = Math.min(pixelsPerSecond, CLOSEST);
    this.#surfer.zoom(this.#zoom);
    this.#surfer.setScrollTime(middle - this.view.seconds / 2);
  }
}

function waveColours() {
  const { wave, played } = colours();
  return { waveColor: wave, progressColor: played };
}
