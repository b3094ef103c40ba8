/** What the API's words mean, for people. A word that is not here is shown as it is. */

const outcomes: Record<string, string> = {
  completed: "Completed", client_closed: "Client left", upstream_broken: "Provider broke off",
  upstream_error: "Provider's error", interrupted: "Gateway stopped",
};

const measures: Record<string, string> = {
  provider: "counted by the provider", estimated: "estimated, the provider gave no count", none: "nothing to count",
};

const kinds: Record<string, string> = {
  opened: "Account opened", reset: "Monthly reset", plan: "Monthly total changed", purchase: "Purchase", collect: "Overdraft paid from extra tokens",
  void: "Purchase voided", expiry: "Extra tokens expired", usage: "Usage",
};

export const outcomeWord = (o: string): string => outcomes[o] ?? o;
export const measureWord = (m: string): string => measures[m] ?? m;
export const kindWord = (k: string): string => kinds[k] ?? k;

export const outcomeNames = Object.keys(outcomes);

export function outcomeTone(o: string): "good" | "warn" | "bad" {
  if (o === "completed") return "good";
  return o === "client_closed" ? "warn" : "bad";
}

/** The activities that every gateway knows; gateway.yaml may name more. */
export const builtinActivities = ["chat", "ingest", "training", "preview"];
