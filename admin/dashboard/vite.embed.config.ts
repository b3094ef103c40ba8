import { defineConfig } from "vite";

// The Token view for other sites: one module, without a name that changes.
export default defineConfig({
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  publicDir: false,
  build: {
    outDir: "built",
    emptyOutDir: false,
    target: "es2022",
    reportCompressedSize: false,
    lib: { entry: "src/embed.ts", formats: ["es"], fileName: () => "embed.js" },
  },
});
