// Changing one's own password: every screen on a phone, at a desk and at a zoom of 200%.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  DESK,
  PHONE,
  ZOOMED,
  assertAccessible,
  assertNoSidewaysScrolling,
  inWindow,
  required,
  withBrowser,
} from './browser.mjs';
import { signIn } from './desk.mjs';

withBrowser();

// Changed and changed back, so that other stories find it as it was.
const LOGIN = required('ADMIN_LOGIN');
const PASSWORD = required('ADMIN_PASSWORD');
const NEW = 'a long one, made of words';

async function look(page, name) {
  for (const viewport of [ZOOMED, DESK, PHONE]) {
    await page.setViewportSize(viewport);
    const what = `${name} at ${viewport.width}px`;
    await assertNoSidewaysScrolling(page, what);
    await assertAccessible(page, what);
  }
}

async function change(page, present, fresh, again = fresh) {
  await page.getByLabel('今のパスワード').fill(present);
  await page.getByLabel('新しいパスワード', { exact: true }).fill(fresh);
  await page.getByLabel('新しいパスワード（確認）').fill(again);
  await page.getByRole('button', { name: '変更する' }).click();
  await page.waitForLoadState();
}

test('a password is changed by whose it is', () =>
  inWindow(DESK, {}, async (page) => {
    await signIn(page, LOGIN, PASSWORD);
    await page.getByRole('link', { name: 'パスワード' }).click();
    await page.getByRole('heading', { name: 'パスワードの変更' }).waitFor();
    await look(page, 'password');
    await change(page, 'wrong', NEW);
    assert.match(await page.getByRole('alert').innerText(), /今のパスワードが違います/);
    await look(page, 'password-refused');
    await change(page, PASSWORD, NEW, 'another');
    assert.match(await page.getByRole('alert').innerText(), /確認の入力が違います/);
    await change(page, PASSWORD, 'short');
    assert.match(await page.getByRole('alert').innerText(), /12文字以上/);
    await change(page, PASSWORD, NEW);
    await page.getByRole('heading', { name: 'パスワードを変更しました' }).waitFor();
    await look(page, 'password-changed');
    await page.getByRole('link', { name: 'パスワード', exact: true }).click();
    await change(page, NEW, PASSWORD);
    await page.getByRole('heading', { name: 'パスワードを変更しました' }).waitFor();
  }));
