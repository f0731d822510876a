// The second factor: a telephone is set up at the city hall and asked for outside. Every screen on
// a phone, at a desk and at a zoom of 200%.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
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
import { take } from './picture.mjs';
import { OUTSIDE, STAFF } from './town.mjs';

withBrowser();

// Another account than that of the other stories, whose sessions end when a telephone is set up.
const LOGIN = required('ADMIN_LOGIN');
const PASSWORD = required('ADMIN_PASSWORD');

/** The code of RFC 6238 for a key in base 32, some seconds from now. */
function code(key, seconds = 0) {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...key].map((letter) => letters.indexOf(letter).toString(2).padStart(5, '0')).join('');
  const bytes = bits.match(/.{8}/g).map((byte) => parseInt(byte, 2));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor((Date.now() / 1000 + seconds) / 30)));
  const tag = createHmac('sha1', Buffer.from(bytes)).update(step).digest();
  const number = tag.readUInt32BE(tag[19] & 15) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, '0');
}

/** Looks at what is shown now in every window. */
async function look(page, name) {
  for (const [viewport, picture] of [[ZOOMED], [DESK, 'desk'], [PHONE, 'phone']]) {
    await page.setViewportSize(viewport);
    const what = `${name} at ${viewport.width}px`;
    await assertNoSidewaysScrolling(page, what);
    await assertAccessible(page, what);
    if (picture) {
      await take(page, `second-factor-${name}-${picture}`);
    }
  }
}

/** What a program that reads QR codes finds in the picture on the page. */
async function scanned(page) {
  const picture = await page.getByRole('img', { name: /QRコード/ }).screenshot();
  return execFileSync('zbarimg', ['--nodbus', '--quiet', '--raw', '-'], { input: picture }).toString().trim();
}

async function fillIn(page, login, password) {
  await page.getByLabel('ユーザー名').fill(login);
  await page.getByLabel('パスワード').fill(password);
}

const submit = async (page, name) => {
  await page.getByRole('button', { name, exact: true }).click();
  await page.waitForLoadState();
};

test('a telephone is set up at the city hall and asked for outside', () =>
  inWindow(DESK, { deviceScaleFactor: 2 }, async (page) => {
    await page.goto(`${OUTSIDE}/pages/`);
    assert.equal(new URL(page.url()).pathname, '/sign-in');
    await fillIn(page, LOGIN, PASSWORD);
    await submit(page, 'サインイン');
    await page.getByRole('heading', { name: '庁舎の外からはサインインできません' }).waitFor();
    await look(page, 'missing');

    await signIn(page, LOGIN, PASSWORD);
    await page.getByRole('link', { name: '確認コード' }).click();
    await page.getByText('未設定').waitFor();
    await look(page, 'none');
    await page.getByLabel('パスワード').fill('wrong');
    await submit(page, '設定を始める');
    assert.match(await page.getByRole('alert').innerText(), /違います/);
    await look(page, 'refused');
    await page.getByLabel('パスワード').fill(PASSWORD);
    await submit(page, '設定を始める');

    await page.waitForURL(/second-factor\/new$/);
    await look(page, 'new');
    await page.setViewportSize(DESK);
    await page.getByText('QRコードを読み取れないとき').click();
    const key = (await page.locator('#secret').innerText()).replaceAll(' ', '');
    const link = await page.getByRole('link', { name: '認証アプリで開く' }).getAttribute('href');
    assert.match(link, new RegExp(`^otpauth://totp/staff\\.localhost:${LOGIN}\\?secret=${key}&`));
    assert.equal(await scanned(page), link);
    await look(page, 'by-hand');
    await page.getByLabel('確認コード').fill('000000');
    await submit(page, '登録する');
    assert.match(await page.getByRole('alert').innerText(), /確認コードが違います/);
    assert.equal(await scanned(page), link, 'a slip of the finger does not begin anew');
    await look(page, 'wrong-code');
    await page.getByLabel('確認コード').fill(code(key));
    await page.keyboard.press('Enter');

    await page.getByRole('heading', { name: '予備コードを控えてください' }).waitFor();
    const recovery = await page.locator('.codes code').allInnerTexts();
    assert.equal(recovery.length, 10);
    await look(page, 'recovery-codes');
    await page.emulateMedia({ media: 'print' });
    assert.ok(await page.getByText(recovery[9]).isVisible());
    assert.ok(!(await page.getByRole('button', { name: 'サインアウト' }).isVisible()));
    await page.emulateMedia({ media: null });
    await page.getByRole('link', { name: '控えました' }).click();
    await page.getByText('設定済み').waitFor();
    await look(page, 'set-up');

    await page.goto(`${OUTSIDE}/sign-in`);
    await look(page, 'sign-in');
    await fillIn(page, LOGIN, PASSWORD);
    await page.getByLabel('確認コード').fill('000000');
    await submit(page, 'サインイン');
    assert.match(await page.getByRole('alert').innerText(), /いずれかが違います/);
    await look(page, 'sign-in-refused');
    await fillIn(page, LOGIN, PASSWORD);
    await page.getByLabel('確認コード').fill(code(key, 30));
    await page.keyboard.press('Enter');
    await page.waitForURL(`${OUTSIDE}/pages/`);
    await page.getByRole('button', { name: 'サインアウト' }).click();

    await page.waitForURL(`${OUTSIDE}/sign-in`);
    await fillIn(page, LOGIN, PASSWORD);
    await page.getByText('スマートフォンが手元にないとき').click();
    await look(page, 'sign-in-otherwise');
    await page.getByLabel('予備コード').fill(recovery[0]);
    await page.keyboard.press('Enter');
    await page.waitForURL(`${OUTSIDE}/pages/`);
    await page.goto(`${OUTSIDE}/account/second-factor`);
    await page.getByText('9個').waitFor();
  }));

test('at the city hall a password is enough, and its session stays there', () =>
  inWindow(DESK, {}, async (page, context) => {
    await signIn(page, LOGIN, PASSWORD);
    assert.equal(page.url(), `${STAFF}/pages/`);
    const [cookie] = await context.cookies(STAFF);
    await context.addCookies([{ ...cookie, domain: undefined, path: undefined, url: OUTSIDE }]);
    await page.goto(`${OUTSIDE}/pages/`);
    assert.equal(new URL(page.url()).pathname, '/sign-in');
    const asked = await page.evaluate(async () => {
      const answer = await fetch('/page-search?q=', { headers: { accept: 'application/json' } });
      return { status: answer.status, text: await answer.text() };
    });
    assert.equal(asked.status, 401);
    assert.match(asked.text, /確認コード/);
  }));
