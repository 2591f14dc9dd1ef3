// vendor.mjs [--check]: vendor.js, what the report is drawn with, as one script that needs
// no network: the marks of Observable Plot that report.js uses, with what they are made of,
// and the licences of all of it. After a change of package.json:
//
//	npm ci --ignore-scripts && npm run build
//
// The same packages make the same bytes; --check compares.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, "vendor.js");

const bundle = await build({
  absWorkingDir: here,
  entryPoints: ["marks.js"],
  bundle: true,
  minify: true,
  format: "iife",
  globalName: "Plot",
  target: "es2020",
  charset: "ascii",
  legalComments: "none",
  metafile: true,
  write: false,
  outfile: "vendor.js",
});

const script = licences(packagesOf(bundle.metafile)) + bundle.outputFiles[0].text;
if (process.argv.includes("--check")) {
  if (readFileSync(target, "utf8") !== script) {
    console.error("report/page/vendor.js is not what its packages make: npm run build");
    process.exit(1);
  }
} else {
  writeFileSync(target, script);
}

function packagesOf(metafile) {
  const taken = Object.entries(metafile.outputs["vendor.js"].inputs).filter(([, input]) => input.bytesInOutput > 0);
  const folders = taken.map(([path]) => /^(node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]);
  return [...new Set(folders.filter(Boolean))].sort();
}

// Packages of one licence share its text.
function licences(folders) {
  const byText = new Map();
  for (const folder of folders) {
    const { name, version } = JSON.parse(readFileSync(join(here, folder, "package.json"), "utf8"));
    const file = readdirSync(join(here, folder)).find((name) => /^(licen[cs]e|copying)/i.test(name));
    if (!file) throw new Error(`${name} has no licence`);
    const text = readFileSync(join(here, folder, file), "utf8").trim().replace(/\r/g, "").replace(/[ \t]+$/gm, "");
    byText.set(text, [...(byText.get(text) ?? []), `${name} ${version}`]);
  }
  const parts = [...byText].map(([text, names]) => `${names.join(", ")}\n\n${text}`);
  return `/*!\nMade by vendor.mjs of these packages, with their licences.\n\n${parts.join("\n\n----\n\n").replaceAll("*/", "* /")}\n*/\n`;
}
