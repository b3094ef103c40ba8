import { AccountPage, type AccountProps } from "../app";

export function PurchasesPage(p: AccountProps) {
  return <AccountPage {...p} view="purchases">{null}</AccountPage>;
}
