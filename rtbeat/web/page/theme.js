/** Colours for canvases, from the style sheet, so that dark and light are decided in one place. */

const NAMES = ["ink", "muted", "line", "wave", "played", "beat", "downbeat", "accent"];

/** `{name: css colour}` as they are now. */
export function colours() {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

/** Calls `action` when the system changes between dark and light. */
export function onThemeChange(action) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", action);
}
