// Light, dark, or whatever the system says.
import { byId, choice } from "./dom.js";

const KEY = "libtrace-theme";

// A page opened from a file may not be allowed to remember anything.
function remembered() {
  try {
    return localStorage.getItem(KEY) || "auto";
  } catch {
    return "auto";
  }
}

export function setUpTheme(changed) {
  const apply = (theme) => {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  };
  const theme = remembered();
  apply(theme);
  choice(
    byId("theme"),
    [
      { value: "auto", title: "Auto", about: "As the system is set" },
      { value: "light", title: "Light" },
      { value: "dark", title: "Dark" },
    ],
    theme,
    (chosen) => {
      apply(chosen);
      try {
        localStorage.setItem(KEY, chosen);
      } catch {
        // Then it lasts as long as the page is open.
      }
      changed();
    },
  );
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
}
