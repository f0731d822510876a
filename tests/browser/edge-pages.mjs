// The pages of the edge's own, as they stand at EDGE_URL: nothing that axe objects to, nothing to
// scroll sideways, and nothing asked for anywhere else. The scenario says which page is up.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  DESK,
  PHONE,
  assertAccessible,
  assertNoSidewaysScrolling,
  inWindow,
  required,
  withBrowser,
} from './browser.mjs';

withBrowser();

const URL = required('EDGE_URL');
const STATUS = Number(required('EDGE_STATUS'));
const HEADING = required('EDGE_HEADING');

for (const viewport of [PHONE, DESK]) {
  for (const colorScheme of ['light', 'dark']) {
    test(`the page at ${viewport.width}px, ${colorScheme}`, () =>
      inWindow(viewport, { colorScheme, javaScriptEnabled: true }, async (page) => {
        const asked = [];
        page.on('request', (request) => asked.push(request.url()));
        const response = await page.goto(URL);
        assert.equal(response.status(), STATUS);
        assert.equal(await page.locator('h1').textContent(), HEADING);
        assert.deepEqual(asked, [URL]);
        const what = `${URL} at ${viewport.width}px, ${colorScheme}`;
        await assertNoSidewaysScrolling(page, what);
        await assertAccessible(page, what);
      }));
  }
}
