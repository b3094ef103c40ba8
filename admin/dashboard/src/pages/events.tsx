import { AccountPage, type AccountProps } from "../app";

export function EventsPage(p: AccountProps) {
  return <AccountPage {...p} view="events">{null}</AccountPage>;
}
