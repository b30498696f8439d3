/** Short ways to the page's elements. */

export const element = (id) => document.getElementById(id);

/** What buttons do when they are pressed: `{id: action}`. */
export function onClick(actions) {
  for (const [id, action] of Object.entries(actions)) {
    element(id).addEventListener("click", action);
  }
}

/** A button that can or cannot be pressed; it keeps the focus, unlike one with `disabled`. */
export function enable(id, enabled) {
  element(id).setAttribute("aria-disabled", String(!enabled));
}
