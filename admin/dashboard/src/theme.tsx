import { useEffect, useState } from "preact/hooks";

type Theme = "light" | "dark" | "";

const kept = "tollgate-theme";
const system = matchMedia("(prefers-color-scheme: dark)");

function remembered(): Theme {
  try {
    const t = localStorage.getItem(kept);
    return t === "light" || t === "dark" ? t : "";
  } catch {
    return "";
  }
}

/** Light or dark; as the system has it until the reader chooses. */
export function ThemeSwitch() {
  const [theme, set] = useState<Theme>(remembered);
  useEffect(() => {
    if (theme) document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
    try { localStorage.setItem(kept, theme); } catch { /* private mode: it lasts as long as the page */ }
  }, [theme]);
  const [darkSystem, follow] = useState(system.matches);
  useEffect(() => {
    const change = () => follow(system.matches);
    system.addEventListener("change", change);
    return () => system.removeEventListener("change", change);
  }, []);
  const dark = theme ? theme === "dark" : darkSystem;
  return (
    <button class="button little plain" aria-pressed={dark} onClick={() => set(dark ? "light" : "dark")} title={dark ? "Light colours" : "Dark colours"}>
      <svg width="16" height="16" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" aria-hidden="true">
        {dark
          ? <path d="M20.985 12.486a9 9 0 1 1-9.473-9.472 7 7 0 0 0 9.473 9.472z" />
          : <><circle cx="12" cy="12" r="4" /><path d="M12 2v2m0 16v2M4.9 4.9l1.4 1.4m11.4 11.4 1.4 1.4M2 12h2m16 0h2M6.3 17.7l-1.4 1.4M19.1 4.9l-1.4 1.4" /></>}
      </svg>
      <span class="hidden">Dark colours</span>
    </button>
  );
}
