// Makes the README's picture: the dashboard's Token view, light and dark, of a customer that `tollgate demo` serves.
// node picture.mjs <tollgate> <folder>
import { spawn } from "node:child_process";
import { join } from "node:path";
import { chromium } from "playwright-core";

const [, , tollgate, folder] = process.argv;
const adminToken = "tgadmin_demo";
const pixels = { width: 1040, height: 760 };
const question = "My bike was delivered with a dent in the front wheel. Can I send it back, who pays for that, and how long does it take? ".repeat(8);

/** Starts the demo and waits until its story is told. */
async function startDemo() {
  const child = spawn(tollgate, ["demo"], { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  for await (const text of child.stdout.setEncoding("utf8")) {
    said += text;
    if (said.includes("Try it by hand")) break;
  }
  const [, gateway, admin] = /runs at (\S+) \(admin plane ([^)]+)\)/.exec(said);
  return { child, gateway, admin };
}

async function post(url, token, body) {
  const answer = await fetch(url, { method: "POST", headers: { Authorization: "Bearer " + token, "Content-Type": "application/json" }, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`POST ${url}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

/** A customer in the middle of its month, with two purchases. */
async function makeCustomer({ gateway, admin }) {
  const api = admin + "/api/v1/accounts";
  const day = 86_400_000, resetDay = Math.min(28, new Date(Date.now() + 11 * day).getUTCDate());
  await post(api, adminToken, { id: "acme", name: "Acme Chat", monthly_tokens: 20_000, timezone: "Asia/Manila", reset_day: resetDay });
  await post(api + "/acme/grants", adminToken, { tokens: 5_000, reference: "invoice-1042", expires_at: new Date(Date.now() + 90 * day).toISOString() });
  await post(api + "/acme/grants", adminToken, { tokens: 10_000, reference: "invoice-1017" });
  const { secret } = await post(api + "/acme/keys", adminToken, { name: "backend" });
  const tokens = async () => (await fetch(api + "/acme/tokens", { headers: { Authorization: "Bearer " + adminToken } })).json();
  while ((await tokens()).monthly.used < 12_600) {
    await post(gateway + "/v1/chat/completions", secret, { model: "gpt-4o-mini", max_tokens: 60, messages: [{ role: "user", content: question }] });
  }
}

async function takePicture(browser, admin, colorScheme) {
  const page = await browser.newPage({ viewport: pixels, colorScheme, locale: "en-GB", reducedMotion: "reduce" });
  await page.goto(admin + "/#/accounts/acme");
  await page.fill("input[type=password]", adminToken);
  await page.keyboard.press("Enter");
  await page.waitForSelector("tollgate-tokens >> [role=timer]");
  await page.evaluate(() => document.activeElement.blur());
  const { height } = await page.locator("main").boundingBox();
  await page.setViewportSize({ width: pixels.width, height: Math.ceil(height) });
  await page.evaluate(() => document.fonts.ready);
  await page.screenshot({ path: join(folder, `token-view-${colorScheme}.png`) });
  await page.close();
}

const demo = await startDemo();
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
try {
  await makeCustomer(demo);
  for (const scheme of ["light", "dark"]) await takePicture(browser, demo.admin, scheme);
} finally {
  await browser.close();
  demo.child.kill("SIGTERM");
}
