// Chromium, with the modules of a site.

import puppeteer from "puppeteer-core";

const QUIET = ["--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

export async function launch() {
  const args = process.getuid?.() === 0 ? [...QUIET, "--no-sandbox"] : QUIET;
  return puppeteer.launch({ executablePath: process.env.CHROME_BIN ?? "/usr/bin/chromium", args });
}

/** A page of the site. */
export async function openPage(browser, site) {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  await page.goto(`http://${site.host}/`);
  return page;
}
