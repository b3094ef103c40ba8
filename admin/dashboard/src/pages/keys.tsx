import { AccountPage, type AccountProps } from "../app";

export function KeysPage(p: AccountProps) {
  return <AccountPage {...p} view="keys">{null}</AccountPage>;
}
