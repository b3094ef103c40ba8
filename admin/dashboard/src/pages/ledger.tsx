import { AccountPage, type AccountProps } from "../app";

export function LedgerPage(p: AccountProps) {
  return <AccountPage {...p} view="ledger">{null}</AccountPage>;
}
