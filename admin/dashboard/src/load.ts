import { useCallback, useEffect, useState } from "preact/hooks";
import { Refused } from "./api";

/** What a page reads: nothing yet, a value, or why there is none. An older value stays while a newer one is fetched; `waits`
 * says that what is there, if anything, is not what was asked for last. */
export interface Loaded<T> { value?: T; error?: Refused; waits: boolean; again: () => void }

/** Reads when the page opens and whenever one of `on` changes; the request of a page that was left is given up. */
export function useLoad<T>(read: (signal: AbortSignal) => Promise<T>, on: unknown[]): Loaded<T> {
  const [state, set] = useState<{ value?: T; error?: Refused; on?: unknown[] }>({});
  const [turn, next] = useState(0);
  useEffect(() => {
    const left = new AbortController();
    read(left.signal).then(
      (value) => { if (!left.signal.aborted) set({ value, on }); },
      (e: unknown) => { if (!left.signal.aborted) set((was) => ({ ...was, error: asRefused(e), on })); },
    );
    return () => left.abort();
  }, [...on, turn]);
  const again = useCallback(() => next((n) => n + 1), []);
  const waits = !state.on || state.on.some((v, i) => v !== on[i]);
  return { ...state, waits, again };
}

export function asRefused(e: unknown): Refused {
  return e instanceof Refused ? e : new Refused(0, "unexpected", e instanceof Error ? e.message : String(e));
}
