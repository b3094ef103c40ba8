import { api, type Account } from "../api";
import { useLoad } from "../load";
import { Field } from "../ui/parts";
import { text, whole, type Sending } from "./form";

/** The members of an account that a person gives. */
export const accountFields = ["name", "plan", "monthly_tokens", "timezone", "reset_day", "admission", "effective"];

export function accountMembers(form: FormData): Record<string, unknown> {
  return {
    name: text(form, "name") ?? "", plan: text(form, "plan") ?? null, monthly_tokens: whole(form, "monthly_tokens"),
    timezone: text(form, "timezone") ?? "", reset_day: whole(form, "reset_day"), admission: text(form, "admission") ?? null,
  };
}

const zones = Intl.supportedValuesOf("timeZone");

export function Name(p: { sending: Sending; was?: Account }) {
  return (
    <Field label="Name" fault={p.sending.fault("name")}>
      {(bind) => <input {...bind} name="name" autocomplete="off" defaultValue={p.was?.name} />}
    </Field>
  );
}

/** How much an account has a month: by a plan, or a total of its own. Plans that other accounts have are offered. */
export function Allowance(p: { sending: Sending; was?: Account }) {
  const plans = useLoad((signal) => api.accounts({ limit: 1000 }, signal).then((page) => [...new Set(page.data.map((a) => a.plan).filter((plan) => plan !== null))].sort()), []);
  return (
    <div class="pair">
      <Field label="Plan" hint="Named in gateway.yaml." fault={p.sending.fault("plan")}>
        {(bind) => <><input {...bind} name="plan" list="plans" autocomplete="off" defaultValue={p.was?.plan ?? ""} />
          <datalist id="plans">{plans.value?.map((plan) => <option key={plan} value={plan} />)}</datalist></>}
      </Field>
      <Field label="Monthly tokens" hint="In place of the plan's. Empty: the plan's." fault={p.sending.fault("monthly_tokens")}>
        {(bind) => <input {...bind} name="monthly_tokens" inputMode="numeric" autocomplete="off" defaultValue={p.was?.monthly_tokens?.toString() ?? ""} />}
      </Field>
    </div>
  );
}

export function Reset(p: { sending: Sending; was?: Account; zone: string }) {
  return (
    <div class="pair">
      <Field label="Time zone" hint="In which the month begins." fault={p.sending.fault("timezone")}>
        {(bind) => <><input {...bind} name="timezone" list="zones" autocomplete="off" defaultValue={p.was?.timezone ?? p.zone} />
          <datalist id="zones">{["UTC", ...zones].map((z) => <option key={z} value={z} />)}</datalist></>}
      </Field>
      <Field label="Reset day" hint="1 to 31; the last day where a month is shorter." fault={p.sending.fault("reset_day")}>
        {(bind) => <input {...bind} name="reset_day" inputMode="numeric" autocomplete="off" defaultValue={String(p.was?.reset_day ?? 1)} />}
      </Field>
    </div>
  );
}

const modes: [value: string, label: string][] = [
  ["", "As the gateway has it"], ["hold", "Hold an estimate, settle the real count"], ["strict", "Strict: never above the pools"], ["observe", "Observe: count, never refuse"],
];

export function Admission(p: { sending: Sending; was?: Account }) {
  return (
    <Field label="Admission" hint="What happens when a request might not fit into the pools." fault={p.sending.fault("admission")}>
      {(bind) => <select {...bind} name="admission">{modes.map(([value, label]) => <option key={value} value={value} selected={value === (p.was?.admission ?? "")}>{label}</option>)}</select>}
    </Field>
  );
}
