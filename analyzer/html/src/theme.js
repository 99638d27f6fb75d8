// Light, dark, or the system's choice.
import { byId, choice } from "./dom.js";

const KEY = "libtrace-theme";

// A page opened from a file may not be allowed to store anything.
function remembered() {
  try {
    return localStorage.getItem(KEY) || "auto";
  } catch {
    return "auto";
  }
}

export function setUpTheme(changed) {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let theme = remembered();
  const apply = () => {
    document.documentElement.dataset.theme = theme !== "auto" ? theme : dark.matches ? "dark" : "light";
  };
  apply();
  choice(
    byId("theme"),
    [
      { value: "auto", title: "Auto", about: "As the system is set" },
      { value: "light", title: "Light" },
      { value: "dark", title: "Dark" },
    ],
    theme,
    (chosen) => {
      theme = chosen;
      apply();
      try {
        localStorage.setItem(KEY, chosen);
      } catch {
        // Then it lasts as long as the page is open.
      }
      changed();
    },
  );
  dark.addEventListener("change", () => {
    apply();
    changed();
  });
}
