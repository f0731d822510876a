// Every template of the staff's site, the editor and its dialogs: nothing that axe objects to, and
// nothing to scroll sideways, on a phone and on a desk.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import {
  DESK,
  PHONE,
  ZOOMED,
  assertAccessible,
  assertNoSidewaysScrolling,
  inWindow,
  withBrowser,
} from './browser.mjs';
import { atDesk, idOf, openDesk, signIn } from './desk.mjs';
import { DIALOGS, editorIsReady, errors, openDialog } from './editor.mjs';
import { KINDS, NO_SUCH_WORDS, pageOfKind } from './town.mjs';

withBrowser();

const WINDOWS = [
  [PHONE, {}],
  [DESK, {}],
  [ZOOMED, { deviceScaleFactor: 2 }],
];

async function check(page) {
  const what = `${page.url()} at ${page.viewportSize().width}px`;
  await assertNoSidewaysScrolling(page, what);
  if (!(await page.locator('dialog').count())) {
    // The bar of buttons sticks to the window's end, and what happens to lie below it would be
    // told to be small. That it never hides what has the focus is a story of the keyboard's.
    const height = await page.evaluate(() => document.documentElement.scrollHeight);
    await page.setViewportSize({ ...page.viewportSize(), height });
  }
  await assertAccessible(page, what);
}

/** Shows something to somebody who is signed in, in every window, and looks at it. */
async function look(show) {
  for (const [viewport, options] of WINDOWS) {
    await atDesk(
      async (page) => {
        await show(page);
        await check(page);
      },
      viewport,
      options,
    );
  }
}

test('signing in, also with a wrong password', async () => {
  for (const [viewport, options] of WINDOWS) {
    await inWindow(viewport, options, async (page) => {
      await openDesk(page, '/sign-in');
      await check(page);
      await signIn(page, `nobody-${randomBytes(4).toString('hex')}`, 'wrong');
      assert.match(await page.getByRole('alert').innerText(), /違います/);
      await check(page);
    });
  }
});

test('the list of pages', () => look((page) => openDesk(page, '/pages/')));

test('the list of pages without results', () =>
  look(async (page) => {
    await openDesk(page, `/pages/?q=${encodeURIComponent(NO_SUCH_WORDS)}`);
    assert.equal(await page.locator('table').count(), 0);
  }));

test('a new page', () => look((page) => openDesk(page, '/pages/new')));

test('a new page with mistakes', () =>
  look(async (page) => {
    await openDesk(page, '/pages/new');
    await page.locator('main').getByLabel('タイトル').fill('題');
    await page.getByLabel('アドレスの名前').fill('Not A Name!');
    // The browser itself would stop this; what is looked at is the server's answer.
    await page.locator('main form').evaluate((form) => {
      form.noValidate = true;
    });
    await page.getByRole('button', { name: '作成して編集する' }).click();
    assert.match(await page.getByRole('alert').innerText(), /アドレスの名前/);
  }));

/** Number of the first page of a kind. */
const idOfKind = async (page, kind) => idOf(page, await pageOfKind(page, kind));

for (const kind of KINDS) {
  test(`the editor with a page of the kind ${kind}`, () =>
    look(async (page) => {
      await openDesk(page, `/pages/${await idOfKind(page, kind)}/`);
      await editorIsReady(page);
    }));
}

for (const label of DIALOGS) {
  test(`the editor with its dialog open: ${label}`, () =>
    look(async (page) => {
      await openDesk(page, `/pages/${await idOfKind(page, 'article')}/`);
      await editorIsReady(page);
      await openDialog(page, label);
    }));
}

test('the editor with a complaint', () =>
  look(async (page) => {
    await openDesk(page, `/pages/${await idOfKind(page, 'article')}/`);
    await editorIsReady(page);
    await page.locator('#title').fill('');
    await page.locator('#save').click();
    await errors(page).filter({ hasText: 'タイトル' }).waitFor();
  }));

test('the question before a page is withdrawn', () =>
  look(async (page) => {
    await openDesk(page, `/pages/${await idOfKind(page, 'article')}/withdraw`);
  }));

test('the preview', () =>
  look(async (page) => {
    await openDesk(page, `/pages/${await idOfKind(page, 'procedure')}/preview`);
    assert.ok(await page.locator('.preview-bar').isVisible(), 'the preview does not say what it is');
  }));

test('an address that leads nowhere', () => look((page) => openDesk(page, '/nai', 404)));
test('a page that is not there', () => look((page) => openDesk(page, '/pages/99999999/', 404)));
