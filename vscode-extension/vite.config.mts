/// <reference types="vitest/config" />
import { defineConfig } from "vite";

// The extension as one file that Node runs; VS Code brings `vscode`.
export default defineConfig({
  build: {
    ssr: "src/extension.ts",
    outDir: "dist",
    emptyOutDir: false,
    target: "node20",
    minify: false,
    license: { fileName: "licenses.md" },
    rolldownOptions: {
      external: ["vscode", "bufferutil", "utf-8-validate"],
      output: { format: "cjs", entryFileNames: "extension.js" },
    },
  },
  ssr: { noExternal: true },
  test: { include: ["tests/**/*.test.ts"] },
});
