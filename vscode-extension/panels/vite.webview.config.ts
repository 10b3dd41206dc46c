import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

// The panels for a webview of VS Code: one script and one sheet of styles, by names that the extension knows.
export default defineConfig({
  plugins: [svelte()],
  publicDir: false,
  build: {
    outDir: "../dist/panels",
    emptyOutDir: true,
    target: "es2022",
    cssCodeSplit: false,
    modulePreload: false,
    license: { fileName: "licenses.md" },
    rolldownOptions: {
      input: "src/webview.ts",
      checks: { pluginTimings: false },
      output: { entryFileNames: "webview.js", assetFileNames: "webview[extname]" },
    },
  },
});
