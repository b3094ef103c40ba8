import { defineConfig } from "vite";

// The Token view for other sites: one module, without a name that changes.
export default defineConfig({
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  publicDir: false,
  build: {
    outDir: "built",
    emptyOutDir: false,
    target: "es2022",
    cssTarget: ["chrome123", "firefox120", "safari17.5"], // they know light-dark(); what stands in for it needs a color-scheme in the same sheet
    modulePreload: false,
    reportCompressedSize: false,
    rollupOptions: { input: "src/embed.ts", preserveEntrySignatures: "strict", output: { entryFileNames: "embed.js", codeSplitting: false } },
  },
});
