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

export default defineConfig({
  plugins: [svelte(), inlineStyle()],
  build: {
    outDir: CLIENT,
    emptyOutDir: true,
    cssCodeSplit: false,
    modulePreload: { polyfill: false },
    target: "es2022",
    reportCompressedSize: false,
    rollupOptions: {
      // What the first view needs is one file: another would be a request more on the way to the first card.
      output: { codeSplitting: { groups: [{ name: "first", tags: ["$initial"] }] } },
      checks: { bundlerTimings: false }, // on a busy machine it warns that building takes time
    },
  },
  server: {
    proxy: Object.fromEntries(["/v1", "/media", "/openapi.json"].map((path) => [path, "http://127.0.0.1:8000"])),
  },
});
