import { AccountPage, type AccountProps } from "../app";

export function SettingsPage(p: AccountProps) {
  return <AccountPage {...p} view="settings">{null}</AccountPage>;
}
