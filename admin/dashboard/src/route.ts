import { useEffect, useState } from "preact/hooks";

/** Where the reader is: the path and query behind the # of the address, so that any sub-path serves the same page. */
export interface Route {
  /** Decoded segments: `#/accounts/acme/usage` is ["accounts", "acme", "usage"]. */
  path: string[];
  query: URLSearchParams;
}

export function parseRoute(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#/, "").split("?", 2);
  const segments = path.split("/").filter((s) => s !== "");
  return { path: segments.map(decode), query: new URLSearchParams(query) };
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** The address of a page; members of query that are "" or undefined are left out. */
export function href(path: string[], query: Record<string, string | undefined> = {}): string {
  const kept = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value) kept.set(name, value);
  }
  const asked = kept.toString();
  return "#/" + path.map(encodeURIComponent).join("/") + (asked ? "?" + asked : "");
}

export function go(to: string): void {
  location.hash = to.replace(/^#/, "");
}

/** Changes the address without a new entry in the browser's history. */
export function replace(to: string): void {
  history.replaceState(null, "", to);
  dispatchEvent(new HashChangeEvent("hashchange"));
}

export function useRoute(): Route {
  const [route, set] = useState(() => parseRoute(location.hash));
  useEffect(() => {
    const follow = () => set(parseRoute(location.hash));
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  return route;
}
