import type { Page, Query } from "../api";

/** Every item of a list that is short by nature, whatever its pages: keys and purchases of one account. */
export async function all<T>(read: (query: Query) => Promise<Page<T>>): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  do {
    const page = await read({ limit: 1000, cursor });
    items.push(...page.data);
    cursor = page.next_cursor ?? undefined;
  } while (cursor);
  return items;
}
