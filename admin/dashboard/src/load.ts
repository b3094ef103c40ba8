import { useCallback, useEffect, useState } from "preact/hooks";
import { Refused } from "./api";

/** What a page reads: nothing yet, a value, or why there is none. An older value stays while a newer one is fetched. */
export interface Loaded<T> { value?: T; error?: Refused; again: () => void }

/** Reads when the page opens and whenever one of `on` changes; the request of a page that was left is given up. */
export function useLoad<T>(read: (signal: AbortSignal) => Promise<T>, on: unknown[]): Loaded<T> {
  const [state, set] = useState<{ value?: T; error?: Refused }>({});
  const [turn, next] = useState(0);
  useEffect(() => {
    const left = new AbortController();
    read(left.signal).then(
      (value) => { if (!left.signal.aborted) set({ value }); },
      (e: unknown) => { if (!left.signal.aborted) set((was) => ({ ...was, error: asRefused(e) })); },
    );
    return () => left.abort();
  }, [...on, turn]);
  const again = useCallback(() => next((n) => n + 1), []);
  return { ...state, again };
}

export function asRefused(e: unknown): Refused {
  return e instanceof Refused ? e : new Refused(0, "unexpected", e instanceof Error ? e.message : String(e));
}
