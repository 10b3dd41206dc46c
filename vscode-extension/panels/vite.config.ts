/// <reference types="vitest/config" />
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

// The page that `s2sdap serve --page` hands out. Nothing is inlined: its policy forbids inline scripts
// and styles, and it loads nothing from elsewhere.
export default defineConfig({
  plugins: [svelte()],
  build: {
    outDir: "../../s2sdap/page/bundle",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    cssCodeSplit: false,
    license: { fileName: "licenses.md" },
    rolldownOptions: { checks: { pluginTimings: false } },
  },
  server: { fs: { allow: ["../.."] } },
  test: { include: ["tests/**/*.test.ts"] },
});
