// node build.mjs OUTPUT: template, style and scripts as one HTML file, with a place for the data.
//
// The Content-Security-Policy allows this script and this style by their hashes and nothing else: no other script
// runs, nothing is loaded, whatever the data says.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";

const hash = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

const bundle = await build({
  entryPoints: ["src/main.js"],
  bundle: true,
  minify: true,
  format: "iife",
  target: ["chrome90", "firefox90", "safari15"],
  outdir: "out",
  write: false,
  legalComments: "inline",
});
const text = (end) => bundle.outputFiles.find((file) => file.path.endsWith(end)).text.trim();
const script = text(".js").replaceAll("</script", "<\\/script");
const style = text(".css");
const policy = [
  "default-src 'none'",
  `script-src ${hash(script)}`,
  `style-src ${hash(style)}`,
  "img-src data:",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

const parts = { policy, style, script };
const template = await readFile("src/page.html", "utf8");
await writeFile(process.argv[2], template.replace(/<!--(policy|style|script)-->/g, (_, name) => parts[name]));
