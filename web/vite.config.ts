import { readdirSync } from "node:fs";
import { resolve } from "node:path";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig, type Plugin } from "vite";

/** Where the service looks for the client; the wheel carries it from there. */
const CLIENT = "../api/client";

/** Puts the one style sheet into the page: a request less on the way to the first card. */
function inlineStyle(): Plugin {
  return {
    name: "inline-style",
    enforce: "post",
    apply: "build",
    generateBundle(_options, bundle) {
      const page = bundle["index.html"];
      const sheet = Object.values(bundle).find((each) => each.fileName.endsWith(".css"));
      if (page?.type !== "asset" || sheet?.type !== "asset") throw new Error("there is no page, or no style sheet");
      const link = new RegExp(`<link[^>]*href="/${sheet.fileName}"[^>]*>`);
      const html = String(page.source);
      if (!link.test(html)) throw new Error("the page does not ask for its style sheet");
      page.source = html.replace(link, () => `<style>${String(sheet.source).trim()}</style>`);
      delete bundle[sheet.fileName];
    },
  };
}

/** Styles of the desk stay with its code, which puts them on the page: nobody else pays for them. */
function deskStyles(): Plugin {
  const sheet = /import "([^"]+\.svelte)\?svelte&type=style&lang\.css";/;
  const own = ".own.css?inline";
  return {
    name: "desk-styles",
    apply: "build",
    transform: {
      filter: { id: /\/src\/desk\/\w+\.svelte$/ },
      handler: (code) =>
        code.replace(sheet, `import sheet from "$1${own}"; import { wear } from "/src/desk/wear"; wear(sheet);`),
    },
    resolveId: (id) => (id.endsWith(own) ? id : null),
    load(id) {
      if (!id.endsWith(own)) return null;
      const made = this.getModuleInfo(id.slice(0, -own.length))?.meta as { svelte?: { css?: { code: string } } };
      if (!made.svelte?.css) throw new Error(`${id}: the component has no styles`);
      return { code: made.svelte.css.code, moduleType: "css" };
    },
  };
}

/** Classes by which styles stay with their component: numbers, which compress better than the hashes of paths. */
function cssNames(): (component: { filename: string }) => string {
  const components = readdirSync("src", { recursive: true, encoding: "utf8" }).filter((each) => each.endsWith(".svelte"));
  const numbers = new Map(components.sort().map((path, number) => [resolve("src", path), number.toString(36)]));
  return ({ filename }) => `s${numbers.get(resolve(filename)) ?? filename}`;
}

export default defineConfig({
  plugins: [svelte({ compilerOptions: { cssHash: cssNames() } }), inlineStyle(), deskStyles()],
  build: {
    outDir: CLIENT,
    emptyOutDir: true,
    cssCodeSplit: false,
    modulePreload: { polyfill: false },
    target: "es2022",
    reportCompressedSize: false,
    rollupOptions: {
      checks: { bundlerTimings: false }, // on a busy machine it warns that building takes time
      output: {
        // The desk is for few, and not kept on phones: by this name the service worker leaves it out.
        chunkFileNames: ({ facadeModuleId }) => `assets/${/\/desk\//.test(facadeModuleId ?? "") ? "desk-" : ""}[name]-[hash].js`,
        codeSplitting: {
          groups: [
            // What the first view needs is one file: another would be a request more on the way to the first card.
            { name: "first", tags: ["$initial"], priority: 3 },
            // Few come by an invitation, and once.
            { name: "join", test: /src\/(pages\/Join|store\/invitation)/, priority: 2 },
            // All other pages are one too: they share so much that ten files would be half as large again.
            { name: "pages", test: /src\/(pages|parts)\//, priority: 1 },
            // Few log in, and seldom: what that needs comes with its page only. Its words have files of their own.
            { name: "account", test: /src\/account\/(?!words\/(ar|es))/, priority: 1 },
            // What is said about levels is seen by few, and seldom.
            { name: "levels", test: /src\/(levels|messages\/levels\/en)/, priority: 1 },
          ],
        },
      },
    },
  },
  server: {
    proxy: Object.fromEntries(["/v1", "/media", "/openapi.json"].map((path) => [path, "http://127.0.0.1:8000"])),
  },
});
