import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

// The panels of a session that is kept in a file, as one script and one style: the page writes them into it.
export default defineConfig({
  plugins: [svelte()],
  publicDir: false,
  build: {
    outDir: "../../s2sdap/page/bundle",
    emptyOutDir: false,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: false,
    cssCodeSplit: false,
    rolldownOptions: {
      checks: { pluginTimings: false },
      input: "src/recorded.ts",
      output: {
        codeSplitting: false,
        entryFileNames: "recorded.js",
        assetFileNames: "recorded[extname]",
      },
    },
  },
});
