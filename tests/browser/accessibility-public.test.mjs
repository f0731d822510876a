// Every template of the public site: nothing that axe objects to, and nothing to scroll sideways,
// on a phone, on a desk and at a zoom of 200%, in light and in dark colours.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  DESK,
  PHONE,
  ZOOMED,
  assertAccessible,
  assertNoSidewaysScrolling,
  inWindow,
  violations,
  withBrowser,
} from './browser.mjs';
import {
  KINDS,
  NO_SUCH_WORDS,
  firstLink,
  pageOfKind,
  pageUnder,
  pageWith,
  visit,
} from './town.mjs';

withBrowser();

/** Opens a page in every window and colour and looks at it. */
async function look(findPath, { status = 200, prepare = async () => {} } = {}) {
  const path = await inWindow(DESK, {}, findPath);
  for (const [viewport, options] of [
    [PHONE, {}],
    [DESK, {}],
    [ZOOMED, { deviceScaleFactor: 2 }],
  ]) {
    await inWindow(viewport, options, async (page) => {
      await visit(page, path, status);
      await prepare(page);
      const what = `${path} at ${viewport.width}px`;
      await assertNoSidewaysScrolling(page, what);
      for (const colorScheme of viewport === ZOOMED ? [] : ['light', 'dark']) {
        await page.emulateMedia({ colorScheme });
        await assertAccessible(page, `${what}, ${colorScheme}`);
      }
    });
  }
}

const at = (path) => async () => path;

test('axe is really run: a page with faults has violations', () =>
  inWindow(DESK, {}, async (page) => {
    await page.setContent('<img src="x.png"><p style="color:#999;background:#aaa">text</p>');
    const found = (await violations(page)).join('\n');
    for (const rule of ['image-alt', 'color-contrast', 'html-has-lang', 'document-title']) {
      assert.match(found, new RegExp(`^${rule} `, 'm'));
    }
  }));

test('dark colours are really shown', () =>
  inWindow(DESK, {}, async (page) => {
    await visit(page, '/');
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    await page.emulateMedia({ colorScheme: 'light' });
    const light = await ground();
    await page.emulateMedia({ colorScheme: 'dark' });
    assert.notEqual(await ground(), light);
  }));

const places = {
  'the home page': '/',
  'a category': '/kurashi/',
  'the second page of a listing': '/kurashi/?page=2',
  'the list of departments': '/soshiki/',
  'the English top': '/en/',
  'the Chinese top': '/zh/',
  'the Korean top': '/ko/',
  'the calendar': '/calendar/',
  'the search before any words': '/search/',
  'a search that finds pages': `/search/?q=${encodeURIComponent('住民票')}`,
  'a search that finds nothing': `/search/?q=${encodeURIComponent(NO_SUCH_WORDS)}`,
};
for (const [name, path] of Object.entries(places)) {
  test(name, () => look(at(path)));
}
for (const kind of KINDS) {
  test(`a category, filtered by ${kind}`, () => look(at(`/kurashi/?kind=${kind}`)));
  test(`a page of the kind ${kind}`, () => look((page) => pageOfKind(page, kind)));
}

test('a department', () =>
  look(async (page) => {
    await visit(page, '/soshiki/');
    return firstLink(page, '.department-cards h2 a');
  }));

test('the next month of the calendar', () =>
  look(async (page) => {
    await visit(page, '/calendar/');
    return firstLink(page, '.months a[rel=next]');
  }));

test('an English page', () => look((_, context) => pageUnder(context, '/en/')));
test('a Chinese page', () => look((_, context) => pageUnder(context, '/zh/')));
test('a page with a table', () => look((_, context) => pageWith(context, '<table')));
test('a page with a picture', () => look((_, context) => pageWith(context, '<figure')));
test('a page with a remark', () => look((_, context) => pageWith(context, 'class="callout ')));
test('a page with files', () => look((_, context) => pageWith(context, 'class="files"')));

test('an address that leads nowhere', () => look(at('/kurashi/nai.html'), { status: 404 }));
test('an English address that leads nowhere', () => look(at('/en/nai.html'), { status: 404 }));

test('the open menu of a phone', () =>
  look(at('/kurashi/'), {
    prepare: async (page) => {
      const menu = page.locator('.menu > summary');
      if (await menu.isVisible()) {
        await menu.click();
        assert.ok(await page.locator('.menu-panel').isVisible(), 'the menu did not open');
      } else {
        assert.ok(page.viewportSize().width > PHONE.width, 'a phone has no menu');
      }
    },
  }));
