// Chromium for the stories: how it is started, the windows it opens, and what axe finds in a page.
// Nothing here knows the town or the CMS; see town.mjs and desk.mjs.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before } from 'node:test';
import { chromium } from 'playwright-core';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** A step that takes longer than this does not work. */
export const PATIENCE_MS = 20_000;

/** Widths that stand for a phone and for a desk. */
export const PHONE = { width: 360, height: 740 };
export const DESK = { width: 1280, height: 900 };
/** The desk's window at a zoom of 200%: half the width in CSS pixels, twice the density. */
export const ZOOMED = { width: 640, height: 450 };

let browser;

/** A variable of the environment; without it no story can be told. */
export function required(name) {
  const value = process.env[name];
  assert.ok(value, `the environment variable ${name} is missing; see the head of town.mjs`);
  return value;
}

/** Starts one Chromium for the file that calls this, and ends it after the file's last test. */
export function withBrowser() {
  before(async () => {
    const executablePath = process.env.CHROMIUM || '/usr/bin/chromium';
    assert.ok(
      existsSync(executablePath),
      `no Chromium at ${executablePath}: install the package "chromium" or set CHROMIUM`,
    );
    browser = await chromium.launch({
      executablePath,
      headless: true,
      chromiumSandbox: false,
      args: [
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    });
  });
  after(() => browser?.close());
}

/** A new window with a memory of its own; `options` are those of Playwright's `newContext`. */
export async function open(viewport = DESK, options = {}) {
  const context = await browser.newContext({
    viewport,
    ignoreHTTPSErrors: true,
    locale: 'ja-JP',
    timezoneId: 'Asia/Tokyo',
    reducedMotion: 'reduce',
    ...options,
  });
  context.setDefaultTimeout(PATIENCE_MS);
  return context;
}

/** Opens a window for `act` and closes it afterwards, also when `act` fails. */
export async function inWindow(viewport, options, act) {
  const context = await open(viewport, options);
  try {
    return await act(await context.newPage(), context);
  } finally {
    await context.close();
  }
}

/**
 * What axe has against the page as it is shown now, one text a fault. All rules that are on by
 * default, which are WCAG 2.0 to 2.1 A and AA and the best practices, and WCAG 2.2's target size.
 */
export async function violations(page) {
  await page.evaluate(`window.axe || (() => { ${AXE} })()`);
  const result = await page.evaluate(() =>
    window.axe.run(document, {
      rules: { 'target-size': { enabled: true } },
      resultTypes: ['violations'],
    }),
  );
  assert.ok(result.passes.length > 0, 'axe ran no rule at all');
  return result.violations.flatMap((rule) =>
    rule.nodes.map((node) => {
      const reason = node.failureSummary.replace(/\s*\n\s*/g, ' ');
      return `${rule.id} (${rule.impact}): ${rule.help}\n    at ${node.target.join(' ')}\n    ${node.html}\n    ${reason}`;
    }),
  );
}

/** Fails with every fault that axe finds. */
export async function assertAccessible(page, what) {
  const found = await violations(page);
  assert.equal(found.length, 0, `${what}: axe found ${found.length}\n  ${found.join('\n  ')}`);
}

/** Fails when the document is wider than the window, and names what sticks out. */
export async function assertNoSidewaysScrolling(page, what) {
  const { scroll, client, wide } = await page.evaluate(() => {
    const root = document.documentElement;
    const sticksOut = (element) => element.getBoundingClientRect().right > root.clientWidth + 1;
    const name = (element) => `${element.localName}.${element.className} ${element.id}`;
    return {
      scroll: root.scrollWidth,
      client: root.clientWidth,
      wide: [...document.body.querySelectorAll('*')].filter(sticksOut).slice(0, 5).map(name),
    };
  });
  assert.ok(scroll <= client, `${what}: ${scroll}px wide in ${client}px; too far right: ${wide}`);
}
