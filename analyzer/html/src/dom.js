// Elements. A stranger's texts are only ever added as text nodes; there is no way to add markup.

export const byId = (id) => document.getElementById(id);

export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== false && value != null) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

// A row of buttons, one of which is pressed. Returns select(value), which does not call change.
export function choice(container, options, value, change) {
  const buttons = new Map();
  const select = (chosen) => buttons.forEach((button, key) => button.setAttribute("aria-pressed", String(key === chosen)));
  for (const { value: key, title, about } of options) {
    const button = make("button", { type: "button", title: about, "data-value": key }, title);
    button.addEventListener("click", () => {
      select(key);
      change(key);
    });
    buttons.set(key, button);
    container.append(button);
  }
  select(value);
  return { select, button: (key) => buttons.get(key) };
}

// The style sheet has the colours, for both themes; canvases get them here.
export const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

// The tip follows the pointer, and stays on the screen.
const tip = byId("tip");

export function showTip(x, y, lines) {
  tip.replaceChildren(...lines);
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(8, Math.min(x + 14, innerWidth - box.width - 8))}px`;
  tip.style.top = `${y + 18 + box.height > innerHeight ? Math.max(8, y - box.height - 12) : y + 18}px`;
}

export function hideTip() {
  tip.hidden = true;
}
