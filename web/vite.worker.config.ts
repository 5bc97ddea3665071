import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig } from "vite";

const CLIENT = "../api/client";
const WORKER = "service-worker.js";

/** The files of the client that was just built, as addresses, without the page itself and without the desk. */
function shell(): string[] {
  const files = readdirSync(CLIENT, { recursive: true, withFileTypes: true });
  const paths = files.filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name));
  const addresses = paths.map((path) => path.slice(CLIENT.length).replaceAll("\\", "/"));
  const others = [`/${WORKER}`, "/index.html"];
  return addresses.filter((each) => !others.includes(each) && !each.startsWith("/assets/desk")).sort();
}

/** Changes when anything of the client does, so that browsers see a new worker: the desk too, which the page names. */
function edition(addresses: string[]): string {
  const hash = createHash("sha256");
  for (const each of ["/index.html", ...addresses]) hash.update(each).update(readFileSync(CLIENT + each));
  return hash.digest("hex").slice(0, 12);
}

const addresses = shell();

// Built apart from the page, as one plain script: not every browser takes modules as service workers.
export default defineConfig({
  publicDir: false,
  define: { __SHELL__: JSON.stringify(addresses), __EDITION__: JSON.stringify(edition(addresses)) },
  build: {
    outDir: CLIENT,
    emptyOutDir: false,
    target: "es2022",
    reportCompressedSize: false,
    rollupOptions: {
      input: "src/worker/service-worker.ts",
      output: { format: "iife", entryFileNames: WORKER },
    },
  },
});
