import { AccountPage, type AccountProps } from "../app";

export function UsagePage(p: AccountProps) {
  return <AccountPage {...p} view="usage">{null}</AccountPage>;
}
