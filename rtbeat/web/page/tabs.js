/** Tabs after the ARIA pattern: arrow keys move between them, one panel is shown. */

/** tabs : tab elements, each with `aria-controls`. onChange : called with the shown panel's id. */
export function listen(tabs, onChange) {
  function choose(tab) {
    for (const other of tabs) {
      const chosen = other === tab;
      other.setAttribute("aria-selected", String(chosen));
      other.tabIndex = chosen ? 0 : -1;
      document.getElementById(other.getAttribute("aria-controls")).hidden = !chosen;
    }
    onChange(tab.getAttribute("aria-controls"));
  }
  tabs.forEach((tab, i) => {
    tab.addEventListener("click", () => choose(tab));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: tabs.length - 1 }[event.key];
      if (!step) return;
      event.preventDefault();
      event.stopPropagation(); // arrows move in the song otherwise
      const next = tabs[(i + step) % tabs.length];
      next.focus();
      choose(next);
    });
  });
}
