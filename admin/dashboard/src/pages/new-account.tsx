import type { Session } from "../api";
import { Page } from "../ui/parts";

export function NewAccountPage(_: { session: Session }) {
  return <Page title="New account">{null}</Page>;
}
