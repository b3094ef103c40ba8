import { defineConfig } from "vite";

// The dashboard: every URL is relative, so that it works below any path.
export default defineConfig({
  base: "./",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "built/dashboard",
    emptyOutDir: true,
    target: "es2022",
    cssTarget: ["chrome123", "firefox120", "safari17.5"], // they know light-dark(); what stands in for it needs a color-scheme in the same sheet
    modulePreload: false,
    assetsInlineLimit: 0,
    reportCompressedSize: false,
  },
});
