// Bundles the editor into one script and one style sheet with fixed names; `cms/build.rs` embeds them.
import { defineConfig } from "vite";

export default defineConfig({
  build: {
    outDir: "dist",
    emptyOutDir: true,
    target: "es2022",
    cssCodeSplit: false,
    lib: { entry: "src/page.js", formats: ["iife"], name: "yagura", fileName: () => "editor.js", cssFileName: "editor" },
  },
  test: { environment: "jsdom" },
});
