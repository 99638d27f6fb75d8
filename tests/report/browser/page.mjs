// node page.mjs CHROMIUM: for each line of its input, [PAGE, STEPS] as JSON, it opens the page in headless Chromium with nothing kept
// of those before, does what the steps say, a list of [what, ...], and prints a line of JSON: what it saw, {ready_ms, errors,
// requests, seen: [...]}, or {failed: why}.
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const browser = await chromium.launch({ executablePath: process.argv[2], args: ["--no-sandbox", "--disable-gpu"] });

const actionsOf = (page, text) => ({
  measure: (name) => page.click(`#measure [data-value=${name}]`),
  press: (selector) => page.click(selector),
  type: (selector, words) => page.fill(selector, words),
  key: (selector, name) => page.press(selector, name),
  clickAt: (selector, x, y) => page.locator(selector).click({ position: { x, y } }),
  hoverAt: async (selector, x, y) => {
    await page.locator(selector).hover({ position: { x, y } });
    return text("#tip");
  },
  // Shares of the chart's width and height.
  hoverChart: async (x, y) => {
    const area = page.locator("#chart .u-over");
    await area.scrollIntoViewIfNeeded();
    const box = await area.boundingBox();
    await page.mouse.move(box.x + x * box.width, box.y + y * box.height);
    return (await page.locator("#tip").isHidden()) ? null : text("#tip");
  },
  choose: (selector, label) => page.selectOption(selector, { label }),
  async drag(from, to) {
    const area = page.locator("#chart .u-over");
    await area.scrollIntoViewIfNeeded();
    const box = await area.boundingBox();
    await page.mouse.move(box.x + from * box.width, box.y + 40);
    await page.mouse.down();
    await page.mouse.move(box.x + to * box.width, box.y + 60, { steps: 4 });
    await page.mouse.up();
  },
  text,
  title: () => page.title(),
  focus: () => page.locator("#stacks canvas").getAttribute("data-focus"),
  total: () => text("#measure-total"),
  table: () => page.$$eval("#rows tbody tr", (rows) => rows.map((row) => [...row.cells].map((cell) => cell.innerText))),
  count: (selector) => page.locator(selector).count(),
  disabled: (selector) => page.locator(selector).isDisabled(),
  // The page draws anew when it gets to it: on a busy machine that takes a while, and if it never fits, "overflow" says so.
  resize: async (width) => {
    await page.setViewportSize({ width, height: 900 });
    await page.waitForTimeout(200);
    await page.waitForFunction(() => document.documentElement.scrollWidth <= innerWidth, null, { timeout: 20000 }).catch(() => {});
  },
  overflow: () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth),
  visible: (selector) => page.locator(selector).first().isVisible(),
  background: () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor),
  pixels: () =>
    page.evaluate(() => {
      const { data } = (() => {
        const canvas = document.querySelector("#stacks canvas");
        return canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      })();
      const colors = new Set();
      for (let i = 0; i < data.length; i += 4) if (data[i + 3] === 255) colors.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
      return colors.size;
    }),
  // Those of the style sheet's colours that are in the chart, by their names.
  chartColors: (names) =>
    page.evaluate((names) => {
      const canvas = document.querySelector("#chart canvas");
      const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
      copy.drawImage(canvas, 0, 0);
      const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
      const seen = new Set();
      for (let i = 0; i < data.length; i += 4) seen.add("#" + [0, 1, 2].map((k) => data[i + k].toString(16).padStart(2, "0")).join(""));
      const style = getComputedStyle(document.documentElement);
      return names.filter((name) => seen.has(style.getPropertyValue(`--${name}`).trim()));
    }, names),
  // The page hears of it in an event of its own, some frames later.
  theme: async (scheme) => {
    await page.emulateMedia({ colorScheme: scheme });
    await page.waitForTimeout(300);
  },
  screenshot: (path) => page.screenshot({ path }).then(() => null),
});

async function look(page, file, steps) {
  const errors = [];
  const requests = [];
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && errors.push(message.text()));
  page.on("pageerror", (error) => errors.push(String(error.stack)));
  page.on("dialog", (dialog) => (errors.push(`dialog: ${dialog.message()}`), dialog.dismiss()));
  page.on("request", (request) => requests.push(request.url()));
  await page.goto(`file://${file}`);
  await page.waitForFunction(() => document.documentElement.dataset.ready === "yes");

  const actions = actionsOf(page, (selector) => page.locator(selector).innerText());
  const seen = [];
  for (const [what, ...rest] of steps) seen.push((await actions[what](...rest)) ?? null);
  const ready = await page.evaluate(() => performance.getEntriesByName("ready")[0]?.startTime ?? null);
  return { ready_ms: ready, errors, requests, seen };
}

for await (const line of createInterface({ input: process.stdin })) {
  const context = await browser.newContext({ viewport: { width: 1400, height: 1000 } });
  const found = await look(await context.newPage(), ...JSON.parse(line)).catch((error) => ({ failed: String(error.stack) }));
  await context.close();
  console.log(JSON.stringify(found));
}
await browser.close();
