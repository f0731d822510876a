// The session: how it begins and ends, and that nobody else can use it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DESK, inWindow, required, withBrowser } from './browser.mjs';
import { atDesk, beginPage, openDesk, signIn } from './desk.mjs';
import { PUBLIC, STAFF } from './town.mjs';

withBrowser();

test('the session is held by a cookie that scripts and other hosts cannot have', () =>
  inWindow(DESK, {}, async (page, context) => {
    await signIn(page);
    const [cookie, ...others] = await context.cookies();
    assert.equal(others.length, 0);
    assert.match(cookie.name, /^__Host-/);
    assert.equal(cookie.httpOnly, true);
    assert.equal(cookie.secure, true);
    assert.equal(cookie.sameSite, 'Lax');
    assert.equal(cookie.domain, new URL(STAFF).hostname);
    assert.equal(await page.evaluate(() => document.cookie), '');
    await page.goto(`${PUBLIC}/`);
    assert.equal((await context.cookies(PUBLIC)).length, 0);
  }));

test('who is not signed in is led to the sign-in page and back; signing out ends it', () =>
  inWindow(DESK, {}, async (page, context) => {
    await page.goto(`${STAFF}/pages/new`);
    assert.equal(new URL(page.url()).pathname, '/sign-in');
    await page.getByLabel('ユーザー名').fill(required('STAFF_LOGIN'));
    await page.getByLabel('パスワード').fill(required('STAFF_PASSWORD'));
    await page.keyboard.press('Enter');
    await page.waitForURL(`${STAFF}/pages/new`);
    const cookies = await context.cookies();
    await page.getByRole('button', { name: 'サインアウト' }).click();
    await page.waitForURL(/\/sign-in/);
    // The server has forgotten the session too, not just this browser.
    await context.addCookies(cookies);
    await page.goto(`${STAFF}/pages/`);
    assert.equal(new URL(page.url()).pathname, '/sign-in');
  }));

test("a request without the session's word changes nothing", () =>
  atDesk(async (page) => {
    const { id } = await beginPage(page, { title: '守られるページ' });
    const answers = await page.evaluate(async (number) => {
      const data = JSON.parse(document.getElementById('page-data').textContent);
      const title = '書き換えられた題';
      const draft = { title, summary: '', document: data.document, fields: { kind: data.kind } };
      const save = JSON.stringify({ based_on: data.number, urgent: false, draft });
      const send = async (csrf) => {
        const headers = { 'content-type': 'application/json', ...(csrf && { 'x-csrf-token': csrf }) };
        const options = { method: 'POST', headers, body: save };
        return (await fetch(`/pages/${number}/draft`, options)).status;
      };
      const refused = [await send('wrong'), await send('')];
      return { refused, given: data.csrf, save };
    }, id);
    assert.deepEqual(answers.refused, [403, 403]);
    await openDesk(page, `/pages/${id}/`);
    assert.equal(await page.locator('#title').inputValue(), '守られるページ');
    // The same request with the right word is taken, so that it was the word that mattered.
    const taken = await page.evaluate(
      async ({ number, given, save }) => {
        const headers = { 'content-type': 'application/json', 'x-csrf-token': given };
        return (await fetch(`/pages/${number}/draft`, { method: 'POST', headers, body: save })).status;
      },
      { number: id, ...answers },
    );
    assert.equal(taken, 200);
  }));
