import { AccountPage, type AccountProps } from "../app";

export function EventPage(p: AccountProps & { event: string }) {
  return <AccountPage {...p} view="events">{null}</AccountPage>;
}
