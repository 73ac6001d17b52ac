/** Tabs as the ARIA practices describe them: arrows move between them, Home and End to the ends. */

import { tell } from "./state.js";

export function startTabs(list) {
  const tabs = [...list.querySelectorAll("[role=tab]")];
  const open = (tab, focus) => {
    for (const each of tabs) {
      const mine = each === tab;
      each.setAttribute("aria-selected", String(mine));
      each.tabIndex = mine ? 0 : -1;
      document.getElementById(each.getAttribute("aria-controls")).hidden = !mine;
    }
    if (focus) tab.focus();
    tell("tab", tab.getAttribute("aria-controls"));
  };
  const to = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity };
  tabs.forEach((tab, k) => {
    tab.addEventListener("click", () => open(tab, false));
    tab.addEventListener("keydown", (event) => {
      const by = to[event.key];
      if (by === undefined) return;
      event.preventDefault();
      const k2 =
        by === -Infinity
          ? 0
          : by === Infinity
            ? tabs.length - 1
            : (k + by + tabs.length) % tabs.length;
      open(tabs[k2], true);
    });
  });
  open(tabs[0], false);
}
