// Writes docs/images/dashboard-*.png of a running installation: `LIVEINSIGHT_DASHBOARD_URL=… LIVEINSIGHT_API_URL=… node screenshots.js SITE`.

import { fileURLToPath } from "node:url";
import { browse, dashboardUrl, visitor } from "./tests/harness.js";

const images = {
  light: { colorScheme: "light", locale: "en-GB", viewport: { width: 1200, height: 1000 } },
  dark: { colorScheme: "dark", locale: "en-GB", viewport: { width: 1200, height: 1000 } },
  phone: { colorScheme: "light", locale: "en-GB", viewport: { width: 390, height: 844 }, deviceScaleFactor: 2 },
  korean: { colorScheme: "light", locale: "ko-KR", viewport: { width: 1200, height: 1000 } },
};

const browser = await browse();
for (const [name, options] of Object.entries(images)) {
  const context = await visitor(browser, { reducedMotion: "reduce", timezoneId: "UTC", ...options });
  const page = await context.newPage();
  await page.goto(`${dashboardUrl}?site=${process.argv[2] ?? ""}`);
  await page.locator("#numbers").waitFor({ state: "visible" });
  await page.screenshot({ path: fileURLToPath(new URL(`../docs/images/dashboard-${name}.png`, import.meta.url)) });
  await context.close();
}
await browser.close();
